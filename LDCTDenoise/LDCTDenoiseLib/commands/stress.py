"""ldct-denoise stress: methods under hard conditions made from the user's normal-dose volumes, the worst first."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from .arguments import add_computing, add_output_rules, add_strength, model_ids
from .outputs import check_outputs, require

MOST_DRAWN = 6  # rows of the picture
LINES = 40  # of the printed table; the rest is in the CSV


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs", metavar="INPUT", type=Path, nargs="+",
        help="normal dose: a DICOM folder, .ctz, .nrrd .nhdr .nii .nii.gz .mha or .mhd",
    )  # fmt: skip
    parser.add_argument("--models", type=model_ids, required=True, metavar="A,B,…", help="see ldct-denoise models")
    parser.add_argument(
        "--slices", type=int, default=3, metavar="N", help="of each volume, evenly from its middle half (default 3)"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every condition and method")
    parser.add_argument("--pictures", type=Path, metavar="FILE", help="a sheet of the worst: .png, .pdf or .svg")
    add_strength(parser)
    add_computing(parser)
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..inference.engine import Settings
    from ..inference.run import WarmModel
    from ..quality.stress import severity, worst_first
    from ..quality.table import write_csv
    from ..simulation.hard_cases import case_count, fitted_scanner, hard_cases
    from ..training.series import name_of
    from ..weights.store import find_card

    if args.slices < 1:
        raise InputError("Take at least one slice of each volume.")
    require(*(["matplotlib"] if args.pictures else []))
    check_outputs([path for path in (args.csv, args.pictures) if path], args.overwrite, args.inputs)
    models = {card.id: WarmModel(card) for card in [find_card(id) for id in args.models]}
    settings = Settings(args.seed, args.strength, 1, args.device, args.precision)
    rows, worst = [], []
    for path in args.inputs:
        volume = read_normal_dose(path, reporter)
        numbers = _middle(len(volume.hu), args.slices)
        scanner, is_fitted = fitted_scanner(volume)
        if not is_fitted:
            reporter.notice(f"The noise of {path.name} cannot be measured: a typical scanner is simulated.")
        total = case_count(volume)
        for done, case in enumerate(hard_cases(volume, numbers, scanner, args.seed), 1):
            shown = replace(volume, hu=case.low, padding=None, source=replace(volume.source, files=()))
            for row, output in _judged(case, shown, models, settings, reporter):
                row = {"case": name_of(path), **row}
                rows.append(row)
                if args.pictures and output is not None:
                    worst.append((row, *_slice_of_interest(case, output)))
                    worst = sorted(worst, key=lambda one: severity(one[0]))[:MOST_DRAWN]
            reporter.progress(done, total, f"stress {name_of(path)}")
    reporter.close()
    rows = worst_first(rows)
    if args.csv:
        write_csv(rows, args.csv)
    if worst:
        _draw(args.pictures, worst)
    if args.progress != "json":
        print(format_stress(rows))
    reporter.result({"rows": rows})


def read_normal_dose(path: Path, reporter):
    """A volume in standard orientation; `.ctz`, the format of training data, as well."""
    from ..files import read_volume
    from ..training.ctz import read_ctz

    if path.suffix.lower() == ".ctz":
        return read_ctz(path)
    volume = read_volume(path, progress=reporter.progress)
    for text in volume.source.notices:
        reporter.notice(text)
    return volume.standard()


def format_stress(rows: list[dict]) -> str:
    """Counts of each method, the worst rows, and what it means."""
    from ..quality.stress import COLUMNS, MEANING
    from ..quality.table import format_table

    counts = []
    for method in dict.fromkeys(row["method"] for row in rows):
        said = [row["verdict"] for row in rows if row["method"] == method]
        gains = [g for row in rows if row["method"] == method and np.isfinite(g := row.get("gain dB", np.nan))]
        least = f"least gain {min(gains):+.2f} dB".replace("-", "−") if gains else "no gain to tell"
        counts.append(f"{method}: {said.count('ok')} of {len(said)} conditions ok, {least}")
    table = format_table(rows[:LINES], [c for c in COLUMNS if any(c in row for row in rows)], digits=2)
    left = f"\n… and {len(rows) - LINES} more, none of them worse" if len(rows) > LINES else ""
    return "\n".join([*counts, "", table + left, "", MEANING])


def _judged(case, shown, models: dict, settings, reporter):
    """(row, output or None) of every method on one case."""
    from ..quality.stress import stress_row
    from ..quality.tissue import classes

    tissues = classes(case.reference)
    for id, model in models.items():
        try:
            output = model.denoise(shown, settings, notice=reporter.notice).volume.hu
        except InputError as error:  # values that are not numbers, above all: that is an answer here
            yield {"condition": case.name, "method": id, "verdict": f"refused: {error}"}, None
            continue
        spacing = shown.spacing[:2]
        yield stress_row(case.name, id, case.reference, case.low, output, spacing, tissues), output


def _middle(count: int, wanted: int) -> list[int]:
    """Slices evenly from the middle half: the ends of a series are often cut or half empty."""
    places = (np.arange(min(wanted, count)) + 0.5) / min(wanted, count)
    return sorted({int(count * (0.25 + 0.5 * place)) for place in places} | ({count // 2} if wanted == 1 else set()))


def _slice_of_interest(case, output: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low dose, output and reference of the slice with the largest error."""
    worst = int(np.argmax(((output - case.reference) ** 2).mean(axis=(1, 2))))
    return case.low[worst], output[worst], case.reference[worst]


def _draw(path: Path, worst: list) -> None:
    from ..quality.picture import difference_limit, sensible_window
    from ..quality.sheet import Cell, picture_sheet

    cells = []
    for row, low, output, reference in worst:
        window = sensible_window(reference)
        limit = difference_limit(output - reference) or 1.0
        said = f"{row['case']}, {row['condition']}"
        cells.append([
            Cell(said, low, window),
            Cell(f"{row['method']}: {row['verdict']}", output, window),
            Cell("normal dose", reference, window),
            Cell("output − normal dose", output - reference, (-limit, limit), difference=True),
        ])  # fmt: skip
    picture_sheet(path, cells, header="The hardest conditions, the worst first")
