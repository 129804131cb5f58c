"""ldct-denoise calibrate-spread: does the spread of several draws predict the real error?"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from ..errors import InputError
from .arguments import add_computing, add_output_rules, model_ids
from .known_doses import at_doses, dose_list, given_volumes, read_case
from .outputs import check_outputs
from .simulation_place import chosen_place

SIMULATED = "simulated:"  # what names of simulated cases begin with


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pairs", metavar="FOLDER", type=Path, nargs="?", help="pairs of low and normal dose, as for evaluate"
    )
    parser.add_argument("--models", type=model_ids, required=True, metavar="A,B,…", help="see ldct-denoise models")
    parser.add_argument("--draws", type=int, default=8, metavar="K", help="draws whose spread is judged (default 8)")
    parser.add_argument(
        "--simulate", nargs="+", default=[], metavar="VOLUME",
        help=f"normal-dose volumes, of which pairs are made; their cases are named {SIMULATED}NAME",
    )  # fmt: skip
    parser.add_argument(
        "--fit", metavar="PATTERN",
        help=f"the factor is found on cases whose name matches and judged on all others (default '{SIMULATED}*')",
    )  # fmt: skip
    parser.add_argument("--only", default="*", metavar="PATTERN", help="pairs whose name matches")
    parser.add_argument(
        "--dose", type=dose_list, default=dose_list("1/4"), metavar="F", help="fraction simulated (default 1/4)"
    )
    parser.add_argument("--most", type=int, default=4, metavar="N", help="slices of a simulated volume (default 4)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="the curve of every method: scaled spread, real error")
    add_computing(parser)
    add_output_rules(parser)


@dataclass(frozen=True)
class _Case:
    """HU in standard orientation; noise: of the reference, None to measure it."""

    name: str
    low: object
    reference: np.ndarray
    noise: object


def run(args: argparse.Namespace, reporter) -> None:
    from ..inference.engine import Settings
    from ..quality.spread.calibration import spread_case
    from ..quality.table import write_csv
    from ..training.pairs import files_of_pairs, find_pairs

    _check(args)
    named = given_volumes(args.simulate)
    pairs = find_pairs(args.pairs, args.only) if args.pairs else []
    pattern, names = _who_fits(args, [f"{SIMULATED}{given.name}" for given in named], pairs)
    check_outputs(
        [args.csv] if args.csv else [], args.overwrite, [*(given.path for given in named), *files_of_pairs(pairs)]
    )
    models = _random_models(args.models)
    settings = Settings(args.seed, 1.0, args.draws, args.device, args.precision)
    found: dict[str, dict[str, list]] = {id: {"fit": [], "judged": []} for id in args.models}
    for number, case in enumerate(_cases(args, named, reporter), 1):
        part = "fit" if fnmatch(case.name, pattern) else "judged"
        spacing = case.low.spacing[:2]
        for id, warm in models.items():
            result = warm.denoise(case.low, settings, notice=reporter.notice)
            mean, spread = result.volume.hu, result.spread.hu
            try:
                told = spread_case(mean, spread, case.reference, case.low.hu, spacing, noise=case.noise, name=case.name)
            except InputError as error:
                reporter.notice(f"{case.name} was left out: {error}")
                break
            found[id][part].append(told)
        reporter.progress(number, len(names), "calibrate")
    reporter.close()
    if not all(parts["fit"] and parts["judged"] for parts in found.values()):
        raise InputError("Too few cases were left: at least one is needed to find the factor and one to judge it.")
    rows, curves = _judged(found, args.draws)
    if args.csv:
        write_csv(curves, args.csv)
    parts = found[args.models[0]]
    note = (
        f"{args.draws} draws, seed {args.seed}; factor found on {_names(parts['fit'])}; judged on "
        f"{_names(parts['judged'])}"
    )
    if args.progress != "json":
        print(describe(rows, note))
    reporter.result({"data": note, "rows": rows, "curves": curves})


def describe(rows: list[dict], note: str) -> str:
    from ..quality.spread.verdict import RULE
    from ..quality.table import format_table

    titles = {
        "method": "method", "spread": "spread HU", "error": "error HU", "factor": "factor", "slope": "slope",
        "rank": "rank", "rank_pooled": "pooled", "coverage": "covers %", "lowest": "lowest %", "highest": "highest %",
    }  # fmt: skip
    lines = [{title: row[key] for key, title in titles.items()} for row in rows]
    table = format_table(lines, list(titles.values()), digits=2)
    said = "\n".join(f"{row['method']}: {row['verdict']}" for row in rows)
    return "\n\n".join([note, table, MEANING, RULE, said, "For research use only. Not for diagnosis."])


MEANING = """\
Spread (averaged over 5 mm) and error: root mean square in the body; the error is that of the mean of the draws
against the noise-free truth, freed of the reference's own noise. Factor: error over spread where it was found; all
else where it was not. Slope: of the error over factor × spread. Rank: Spearman's over the regions of 20 mm of one case,
median of the cases; pooled: over those of all cases, so also which case is the noisier. Covers: errors within
factor × spread, lowest and highest of a case; taken as normal within a region where the reference is noisy."""


def _judged(found: dict[str, dict[str, list]], draws: int) -> tuple[list[dict], list[dict]]:
    """A row for each model, and a row for each point of its curve."""
    from ..quality.spread.calibration import spread_factor, spread_figures
    from ..quality.spread.verdict import failures, verdict

    rows, curves = [], []
    for id, parts in found.items():
        figures = spread_figures(parts["judged"], spread_factor(parts["fit"]))
        rows.append(
            {
                "method": id,
                "draws": draws,
                "factor": figures.factor,
                "slope": figures.slope,
                "rank": figures.rank,
                "rank_pooled": figures.rank_pooled,
                "coverage": figures.coverage,
                "lowest": min(figures.coverages.values()),
                "highest": max(figures.coverages.values()),
                "spread": figures.spread,
                "error": figures.error,
                "regions": figures.regions,
                "is_uncertainty": math.isfinite(figures.factor) and not failures(figures),
                "verdict": verdict(figures),
            }
        )
        points = zip(figures.curve_spread.tolist(), figures.curve_error.tolist(), strict=True)
        curves += [{"method": id, "scaled_spread_hu": spread, "error_hu": error} for spread, error in points]
    return rows, curves


def _check(args: argparse.Namespace) -> None:
    if args.draws < 2:
        raise InputError(f"The spread needs at least two draws, not {args.draws}.")
    if args.most < 1:
        raise InputError(f"At least one slice of a volume is needed, not {args.most}.")
    if len(args.dose) != 1:
        raise InputError("Name one dose to simulate, such as --dose 1/4.")
    if args.pairs is None and not args.simulate:
        raise InputError("Name a folder of pairs, or volumes with --simulate.")


def _who_fits(args: argparse.Namespace, simulated: list[str], pairs: list[Path]) -> tuple[str, list[str]]:
    """The pattern and all names. InputError unless some match and some do not: the factor is judged on other data."""
    from ..training.pairs import name_of

    names, pattern = [*simulated, *map(name_of, pairs)], args.fit or f"{SIMULATED}*"
    count = sum(fnmatch(name, pattern) for name in names)
    if not 0 < count < len(names):
        raise InputError(
            f"{count} of the {len(names)} cases match {pattern!r}: the factor is found on those that match and judged "
            "on the others, so name with --fit some of them but not all."
        )
    return pattern, names


def _random_models(ids: list[str]) -> dict:
    """Loaded; InputError for one whose draws are all the same, before hours of work."""
    from ..inference.run import WarmModel
    from ..weights.store import find_card

    models = {id: WarmModel(find_card(id)) for id in ids}
    for id, warm in models.items():
        if not warm.denoiser.is_random:
            raise InputError(f"{id} gives the same answer at every draw: it has no spread.")
    return models


def _cases(args: argparse.Namespace, named: list, reporter) -> Iterator[_Case]:
    from ..quality.spread.calibration import ReferenceNoise
    from ..training.pairs import find_pairs, read_pairs
    from ..volume import CTVolume

    place = chosen_place(args.device, reporter.notice) if named else None
    for given in named:
        case = read_case(given, args.most, place, reporter)
        (low,) = at_doses(case, args.dose, args.seed, place, reporter).values()
        noise = ReferenceNoise.of_dose(args.dose[0])
        yield _Case(f"{SIMULATED}{given.name}", CTVolume(low, case.spacing), case.hu, noise)
    for pair in read_pairs(find_pairs(args.pairs, args.only)) if args.pairs else ():
        yield _Case(pair.name, pair.low, pair.normal.hu, None)


def _names(cases: list) -> str:
    names = [case.name for case in cases]
    return f"{names[0]}" if len(names) == 1 else f"{len(names)} cases, {names[0]} to {names[-1]}"
