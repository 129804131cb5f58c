"""ldct-denoise compare: several methods on one volume."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..atomic import atomic_output
from ..errors import InputError
from .arguments import add_computing, add_input, add_output_rules, add_slices, add_strength, model_ids
from .outputs import check_outputs, require, write_json

MOST_MEASURED = 32  # slices, evenly from the whole volume: enough for the figures, and quick


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
    from ..files import read_volume, write_volume
    from ..inference.engine import Settings
    from ..quality.picture import comparison_picture
    from ..quality.table import RATIOS, compare_slices, format_table, write_csv
    from .methods import Methods

    require("matplotlib", *(["scikit-image"] if args.reference else []))
    methods = Methods(args.models)
    volumes = [f"{id}.nrrd" for id in args.models]
    check_outputs([args.folder / name for name in (*volumes, *FILES)], args.overwrite)
    volume = read_volume(args.input, progress=reporter.progress)
    for text in volume.source.notices:
        reporter.notice(text)
    settings = Settings(args.seed, args.strength, 1, args.device, args.precision, args.slices)
    settings.check(volume.axial_count)
    first, last = args.slices or (0, volume.axial_count)

    def part_of(whole):
        """The chosen slices as methods see them."""
        return whole.slices(first, last, volume.orientation.slice_axis).standard()

    part = part_of(volume)
    middle = len(part.hu) // 2
    measured = sorted({middle, *np.linspace(0, len(part.hu) - 1, min(MOST_MEASURED, len(part.hu))).round().astype(int)})
    shown = measured.index(middle)
    number = volume.orientation.first_standard(first + middle, first + middle + 1, first + last)  # as stored
    reference = part_of(_reference(args.reference, volume, reporter)).hu[measured] if args.reference else None

    images, made = {"input": part.hu[measured]}, {}
    with atomic_output(args.folder / "records.json", args.overwrite) as records:
        staged = records.parent  # all outputs appear together, or none
        for id, result in methods.results(volume, settings, reporter):
            write_volume(result.volume, staged / f"{id}.nrrd")
            images[id], made[id] = result.volume.standard().hu[measured], result.record
        reporter.progress(0, 1, "measure")
        rows = compare_slices(images, reference, part.spacing[:2], case=args.input.name)
        for row in rows:
            row["slices_measured"] = len(measured)
            if row["method"] in made:
                row["seconds_per_slice"] = made[row["method"]]["seconds"] / len(part.hu)
        write_csv(rows, staged / "figures.csv")
        write_json(made, records)
        panels = {name: hu[shown] for name, hu in images.items()}
        differences = [(id, panels[id] - panels["input"]) for id in args.models]
        if reference is not None:
            panels["reference"] = reference[shown]
        comparison_picture(
            staged / "comparison.png",
            list(panels.items()),
            window=args.window,
            differences=differences,
            spacing=part.spacing[:2],
            footer=f"slice {number}, patient's right on the left, strength {args.strength:g}, seed {args.seed}",
        )
        reporter.progress(1, 1, "measure")
    reporter.close()
    picture, figures = args.folder / "comparison.png", args.folder / "figures.csv"
    reporter.result({"folder": str(args.folder), "figures": str(figures), "picture": str(picture), "rows": rows})
    if args.progress == "auto":
        print(f"{format_table(rows)}\n{RATIOS} Measured on {len(measured)} of {len(part.hu)} slices.")
        print(f"\nVolumes, comparison.png and figures.csv are in {args.folder}. For research use only.")


FILES = ("comparison.png", "figures.csv", "records.json")


def _reference(path: Path, volume, reporter):
    from ..files import read_volume

    reference = read_volume(path)
    if reference.shape != volume.shape:
        raise InputError(f"The reference has {reference.shape} voxels and the input {volume.shape}: they must agree.")
    if not reference.lies_like(volume):
        reporter.notice("The reference lies elsewhere in space than the input: are they the same slices?")
    return replace(volume, hu=reference.hu)


def _window(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a window such as -160:240") from None
    if not (low < high and math.isfinite(high - low)):
        raise argparse.ArgumentTypeError(f"{text!r} is empty: the first number must be the smaller")
    return low, high
