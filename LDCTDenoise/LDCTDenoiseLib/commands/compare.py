"""ldct-denoise compare: several methods on one volume."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ..errors import InputError
from .arguments import add_computing, add_input, add_output_rules, add_slices, add_strength, model_ids, refuse_existing


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
    from ..quality.table import compare_slices, format_table, write_csv
    from .denoise import write_json
    from .methods import Methods

    methods = Methods(args.models)
    outputs = {id: args.folder / f"{id}.nrrd" for id in args.models}
    picture, figures, records = (args.folder / name for name in ("comparison.png", "figures.csv", "records.json"))
    refuse_existing([*outputs.values(), picture, figures, records], args.overwrite)

    volume = read_volume(args.input, progress=reporter.progress)
    for text in volume.source.notices:
        reporter.notice(text)
    settings = Settings(args.seed, args.strength, 1, args.device, args.precision, args.slices)
    settings.check(len(volume.hu))
    first, last = args.slices or (0, len(volume.hu))
    part = volume.slices(first, last)
    reference = _reference(args.reference, volume, first, last) if args.reference else None

    images, made = {"input": part.hu}, {}
    for id, result in methods.results(volume, settings, reporter):
        write_volume(result.volume, outputs[id], overwrite=args.overwrite)
        images[id], made[id] = result.volume.hu, result.record
    reporter.close()

    spacing = part.spacing[:2]
    rows = compare_slices(images, reference, spacing, case=args.input.name)
    for row in rows:
        if row["method"] in made:
            row["seconds_per_slice"] = made[row["method"]]["seconds"] / len(part.hu)
    args.folder.mkdir(parents=True, exist_ok=True)
    write_csv(rows, figures)
    write_json(made, records, args.overwrite)
    middle = len(part.hu) // 2
    panels = [(name, hu[middle]) for name, hu in images.items()]
    if reference is not None:
        panels.append(("reference", reference[middle]))
    comparison_picture(
        picture,
        panels,
        window=args.window,
        differences=[(id, images[id][middle] - part.hu[middle]) for id in args.models],
        spacing=spacing,
        footer=f"slice {first + middle}, strength {args.strength:g}, seed {args.seed}",
    )
    reporter.result({"folder": str(args.folder), "figures": str(figures), "picture": str(picture)})
    if args.progress == "auto":
        print(format_table(rows))
        print(f"\nVolumes, comparison.png and figures.csv are in {args.folder}. For research use only.")


def _reference(path: Path, volume, first: int, last: int) -> np.ndarray:
    from ..files import read_volume

    reference = read_volume(path)
    if reference.shape != volume.shape:
        raise InputError(f"The reference has {reference.shape} voxels and the input {volume.shape}: they must agree.")
    return reference.hu[first:last]


def _window(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a window such as -160:240") from None
    if not low < high:
        raise argparse.ArgumentTypeError(f"{text!r} is empty: the first number must be the smaller")
    return low, high
