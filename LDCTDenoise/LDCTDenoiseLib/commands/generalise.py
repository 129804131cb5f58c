"""ldct-denoise generalise: how methods do at doses and anatomies that training saw, and at others."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from .arguments import add_computing, add_output_rules, model_ids
from .cards import card_of
from .known_doses import Case, at_doses, dose_list, dose_text, given_volumes, read_case
from .outputs import check_outputs, model_files, require
from .simulation_place import chosen_place

SEEN = "1/2,1/4,1/6,1/10"  # the doses of the paper's training, and those that it kept back
UNSEEN = "1/3,1/5,1/8,1/20"
NOT_NAMED = "not named"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="+",
        help="normal-dose volumes, files as everywhere and .ctz; best with their anatomy, such as head=FILE, and where "
        "only some slices show it, head=FILE[10:20]",
    )  # fmt: skip
    parser.add_argument(
        "--models", type=model_ids, required=True, metavar="A,B,…", help="ids, or folders that hold a model's card"
    )
    parser.add_argument(
        "--doses", type=dose_list, default=dose_list(f"{SEEN},{UNSEEN}"), metavar="F,…",
        help=f"fractions of the dose to simulate (default {SEEN},{UNSEEN})",
    )  # fmt: skip
    parser.add_argument(
        "--seen", type=dose_list, default=dose_list(SEEN), metavar="F,…",
        help=f"those that training saw, for the marks in table and picture (default {SEEN})",
    )  # fmt: skip
    parser.add_argument("--most", type=int, default=12, metavar="N", help="slices of a volume, evenly (default 12)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every slice, dose and method")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="the curves: .png, .pdf or .svg")
    add_computing(parser)
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..inference.engine import Settings
    from ..quality.generalisation.figures import agreement, by_dose
    from ..quality.table import write_csv

    if args.most < 1:
        raise InputError(f"At least one slice of a volume is needed, not {args.most}.")
    if args.seed < 0:
        raise InputError(f"The seed must be zero or a positive whole number, not {args.seed}.")
    require(*(["matplotlib"] if args.picture else []))
    named = given_volumes(args.inputs)
    read = [*(given.path for given in named), *model_files(args.models)]
    check_outputs([path for path in (args.csv, args.picture) if path], args.overwrite, read)
    place = chosen_place(args.device, reporter.notice)
    models = _models(args.models, args.device)
    settings = Settings(args.seed, 1.0, 1, args.device, args.precision)
    rows, cases, done, total = [], [], 0, len(named) * len(args.doses) * len(models)
    for given in named:
        case = read_case(given, args.most, place, reporter)
        case = case if case.is_named else replace(case, anatomy=_anatomy(case, models))
        cases.append(case)
        for dose, low in at_doses(case, args.doses, args.seed, place, reporter).items():
            for model in models:
                rows += _measure(case, dose, low, model, settings, reporter)
                done += 1
                reporter.progress(done, total, "generalise")
    reporter.close()
    rows = [{**row, "training": "seen" if row["dose"] in args.seen else "unseen"} for row in rows]
    tables = {figure: by_dose(rows, figure) for figure in ("gain", "rmse")}
    perceived = agreement(rows)
    if args.csv:
        write_csv(rows, args.csv)
    note = _what(cases, args)
    if args.picture:
        from ..quality.generalisation.picture import draw_generalisation

        draw_generalisation(args.picture, rows, args.seen, {dose: dose_text(dose) for dose in args.doses}, note)
    if args.progress != "json":
        print(describe(tables, perceived, args.seen, note))
    plain = {name: [{str(k): v for k, v in line.items()} for line in table] for name, table in tables.items()}
    reporter.result({"data": note, **plain, "perceived": perceived})


@dataclass(frozen=True)
class Tried:
    """A model: denoiser is a WarmModel, None for one that only perceives; perception a Perception or None.

    The name is the id, with the place of its card where two have the same.
    """

    name: str
    denoiser: object
    perception: object


def _models(texts: list[str], device: str) -> list[Tried]:
    from ..inference.perceive import place_perception
    from ..inference.run import WarmModel
    from ..methods.perception import load_perception, perceives

    found: list[Tried] = []
    for text in texts:
        card = card_of(text)
        perception = load_perception(card) if perceives(card) else None
        if perception:
            place_perception(perception, device)
        denoises = perception is None or "unet" in card.network
        name = card.id if card.id not in [known.name for known in found] else f"{card.id} in {text}"
        found.append(Tried(name, WarmModel(card) if denoises else None, perception))
    return found


def _anatomy(case: Case, models: list[Tried]) -> str:
    """What the first model that perceives says of a case that nobody named."""
    for model in models:
        if model.perception:
            chances = [model.perception.perceive(slice_hu[None])[1][0] for slice_hu in case.hu]
            return model.perception.anatomies[int(np.argmax(np.mean(chances, axis=0)))]
    return NOT_NAMED


def _measure(case: Case, dose: float, low: np.ndarray, model: Tried, settings, reporter) -> list[dict]:
    from ..quality.generalisation.figures import slice_figures
    from ..volume import CTVolume

    output = None
    if model.denoiser:
        output = model.denoiser.denoise(CTVolume(low, case.spacing), settings, notice=reporter.notice).volume.hu
    rows = []
    for index, number in enumerate(case.numbers):
        row = {"case": case.name, "anatomy": case.anatomy, "slice": number, "dose": dose, "method": model.name}
        if output is not None:
            row |= slice_figures(output[index], low[index], case.hu[index])
        if model.perception:
            fraction, chances = model.perception.perceive(low[index][None])
            names = model.perception.anatomies
            row["estimated_dose"] = float(fraction[0])
            row["perceived_anatomy"] = names[int(np.argmax(chances[0]))]
            row["judged"] = float(case.is_named and case.anatomy in names)
        rows.append(row)
    return rows


def describe(tables: dict[str, list], perceived: list[dict], seen: list[float], note: str) -> str:
    from ..quality.generalisation.figures import HOW_PERCEIVED, MEANING
    from ..quality.table import format_table

    parts = [note]
    for figure, title in (("gain", "PSNR gain, dB"), ("rmse", "RMSE, HU")):
        lines = []
        if not tables[figure]:  # nothing was denoised
            continue
        for row in tables[figure]:
            line = {"method": row["method"], "anatomy": row["anatomy"], "volumes": str(row["cases"])}
            line["slices"] = str(row["slices"])
            for dose, value in row.items():
                if isinstance(dose, float):
                    line[dose_text(dose) + ("" if dose in seen else "*")] = value
            lines.append(line)
        parts.append(f"{title}\n{format_table(lines, list(lines[0]), digits=2)}")
    parts += [MEANING] if tables["gain"] else []
    if perceived:
        titles = {
            "dose_rank": "dose rank",
            "median_rank": "median rank",
            "dose_factor": "dose factor",
            "anatomy_right": "anatomy right",
        }
        lines = [{titles.get(key, key): value for key, value in row.items()} for row in perceived]
        for line in lines:
            share = line["anatomy right"]
            line["anatomy right"] = f"{100 * share:.1f} %" if math.isfinite(share) else "–"
        parts += [f"Perception\n{format_table(lines, list(lines[0]), digits=3)}", HOW_PERCEIVED]
    return "\n\n".join([*parts, "Simulated doses, not real ones. For research use."])


def _what(cases: list[Case], args: argparse.Namespace) -> str:
    """What the figures rest on."""
    slices = sum(len(case.hu) for case in cases)
    names = ", ".join(f"{case.name} ({case.anatomy}{'' if case.is_named else ', not said by you'})" for case in cases)
    return f"{len(cases)} volumes, {slices} slices: {names}; seed {args.seed}"
