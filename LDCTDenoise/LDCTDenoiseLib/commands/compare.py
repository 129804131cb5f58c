"""ldct-denoise compare: several methods on one volume."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from ..atomic import atomic_output
from .arguments import add_computing, add_input, add_output_rules, add_slices, add_strength, model_ids
from .measure_inputs import measured_subject, read_inputs
from .outputs import check_outputs, require, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="for the volumes, the picture and the figures")
    parser.add_argument("--models", type=model_ids, required=True, metavar="A,B,…", help="see ldct-denoise models")
    parser.add_argument("--reference", type=Path, metavar="REF", help="the same volume at normal dose")
    parser.add_argument("--window", type=_window, metavar="LOW:HIGH", help="HU window of the picture")
    add_slices(parser)
    add_strength(parser)
    add_computing(parser)
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..files import write_volume
    from ..inference.engine import Settings
    from ..quality.measurement import MOST_SLICES, measure, rows_of
    from ..quality.measurement.shown import pictures_of
    from ..quality.picture import comparison_picture
    from ..quality.report import write_report
    from ..quality.table import RATIOS, format_table, write_csv
    from .methods import Methods

    require("matplotlib")
    methods = Methods(args.models)
    volumes = [f"{id}.nrrd" for id in args.models]
    check_outputs([args.folder / name for name in (*volumes, *FILES)], args.overwrite, [args.input, args.reference])
    settings = Settings(args.seed, args.strength, 1, args.device, args.precision, args.slices)
    inputs = read_inputs(args.input, reporter, slices=args.slices, most=MOST_SLICES)
    settings.check(inputs.volume.axial_count)
    with atomic_output(args.folder / "records.json", args.overwrite) as records:
        staged = records.parent  # all outputs appear together, or none

        def written():
            for id, result in methods.results(inputs.volume, settings, reporter):
                write_volume(result.volume, staged / f"{id}.nrrd")
                yield id, result

        name = args.input.absolute().name
        subject, of_runs = measured_subject(inputs, written(), name=name, reference=args.reference)
        answer = measure(subject, reporter.progress)
        for text in answer["notices"]:
            reporter.notice(text)
        measured = {"case": subject.name, "slices_measured": len(subject.numbers)}
        rows = [{**measured, **row, **of_runs.get(row["method"], {})} for row in rows_of(answer)]
        write_csv(rows, staged / "figures.csv")
        write_report(staged / "report.html", answer, pictures_of(subject, answer))
        write_json(subject.records, records)
        shown = len(subject.numbers) // 2
        panels = {name: hu[shown] for name, hu in subject.stacks.items()}
        number = subject.numbers[shown]
        comparison_picture(
            staged / "comparison.png",
            list(panels.items()),
            window=args.window,
            differences=[(id, panels[id] - panels["input"]) for id in args.models],
            spacing=subject.pixel,
            footer=f"slice {number}, patient's right on the left, strength {args.strength:g}, seed {args.seed}",
        )
    reporter.close()
    paths = {kind: str(args.folder / name) for kind, name in zip(("picture", "figures", "report"), FILES, strict=False)}
    reporter.result({"folder": str(args.folder), **paths, "rows": rows})
    if args.progress == "auto":
        said = f"Measured on {len(subject.numbers)} of {inputs.last - inputs.first} slices."
        print(f"{format_table(rows)}\n{RATIOS} {said}")
        print(f"\nVolumes, comparison.png, figures.csv and report.html are in {args.folder}. For research use only.")


FILES = ("comparison.png", "figures.csv", "report.html", "records.json")


def _window(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a window such as -160:240") from None
    if not (low < high and math.isfinite(high - low)):
        raise argparse.ArgumentTypeError(f"{text!r} is empty: the first number must be the smaller")
    return low, high
