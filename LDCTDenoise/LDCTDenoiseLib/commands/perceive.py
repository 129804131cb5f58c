"""ldct-denoise perceive: how much dose, and which anatomy, a volume looks like."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..atomic import atomic_output
from ..errors import InputError
from .arguments import add_input, add_output_rules, add_slices
from .cards import card_of
from .outputs import check_outputs, model_files, write_json

RESEARCH = "An estimate by the look of the noise, not a measurement of dose. For research use."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was perceived, slice by slice")
    parser.add_argument(
        "--model", default="founddiff", metavar="ID", help="that perceives, or its folder (default founddiff)"
    )
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    add_slices(parser)
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..files import read_volume
    from ..inference.perceive import SLICES_AT_ONCE, perceive_volume, place_perception
    from ..methods.perception import load_perception
    from ..methods.suggestion import ready_models, suggest

    check_outputs([args.json] if args.json else [], args.overwrite, [args.input, *model_files([args.model])])
    perception = load_perception(card_of(args.model))
    volume = read_volume(args.input, progress=reporter.progress)
    for text in volume.source.notices:
        reporter.notice(text)
    if args.slices and not 0 <= args.slices[0] < args.slices[1] <= volume.axial_count:  # before the self-check
        count = volume.axial_count
        raise InputError(f"The volume has {count} slices: choose a range A:B with 0 ≤ A < B ≤ {count}.")
    device, notice = place_perception(perception, args.device)
    if notice:
        reporter.notice(notice)
    found = perceive_volume(
        volume,
        perception,
        slices=args.slices,
        progress=reporter.progress,
        at_once=1 if device == "cpu" else SLICES_AT_ONCE,
    )
    reporter.close()
    suggestion = suggest(found.whole_dose.median, ready_models())
    facts = {"input": args.input.name, "device": device, "suggestion": suggestion.to_dict(), "use": RESEARCH}
    if args.json:
        with atomic_output(args.json, args.overwrite) as aside:
            write_json({**found.to_dict(), **facts}, aside)
    reporter.result({**found.summary(), **facts})
    if args.progress != "json":
        print(describe(found))
        print(suggestion.sentence)
        print(RESEARCH)


def describe(found) -> str:
    """A table of the ranges, and a line for the whole."""
    from ..quality.table import format_table

    rows = [
        {
            "slices": f"{part.first}:{part.last}",
            "anatomy": part.anatomy if part.is_sure else f"{part.anatomy}?",
            "probability": part.probability,
            "dose (quartiles)": str(part.dose),
        }
        for part in found.ranges
    ]
    names = ", ".join(found.anatomies)
    table = format_table(rows, list(rows[0]), digits=2)
    return f"{table}\nWhole: {found.whole_dose} of the usual dose. {found.model} tells only {names} apart."
