"""ldct-denoise denoise: one volume, as a volume file or as a new DICOM series."""

from __future__ import annotations

import argparse
import re
from functools import partial
from pathlib import Path

from ..atomic import atomic_output
from ..errors import InputError
from .arguments import add_computing, add_input, add_output_rules, add_slices, add_strength
from .outputs import check_outputs, write_json

_LIKE_A_FILE = re.compile(r"\.[A-Za-z]{2,5}")  # .dcm, .txt, a slip such as .nrdd: no name of a folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser)
    parser.add_argument(
        "output",
        metavar="OUTPUT",
        type=Path,
        help=".nrrd .nhdr .nii .nii.gz .mha or .mhd; without such an ending a folder for a new DICOM series",
    )
    parser.add_argument("--model", default="rddm-balanced", metavar="ID", help="see ldct-denoise models")
    add_strength(parser)
    parser.add_argument("--draws", type=int, default=1, metavar="K", help="average K random answers (default 1)")
    parser.add_argument("--spread", type=Path, metavar="FILE", help="write the standard deviation between draws, HU")
    parser.add_argument("--steps", type=int, metavar="S", help="evaluations a slice, for methods that take several")
    add_slices(parser)
    add_computing(parser)
    parser.add_argument(
        "--private",
        choices=("drop", "keep"),
        default="drop",
        help="private elements of a DICOM source, which may name the patient (default drop)",
    )
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write the record of how it was made")
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..files import read_volume, write_volume
    from ..files.derived import require_dicom_source
    from ..files.endings import ENDINGS_SENTENCE, ending_of
    from ..files.on_disk import room_for_slices
    from ..inference.allocator import give_back
    from ..inference.engine import Settings, no_steps, release_memory
    from ..inference.run import WarmModel
    from ..weights.store import find_card

    if args.spread and not ending_of(args.spread):
        raise InputError(f"{args.spread} must end in {ENDINGS_SENTENCE}, because a standard deviation is no CT series.")
    if args.spread and args.draws < 2:
        raise InputError("The spread needs at least two draws: add --draws 4, for instance.")
    as_series = not ending_of(args.output)
    if as_series and _LIKE_A_FILE.fullmatch(args.output.suffix):
        raise InputError(
            f"{args.output} must end in {ENDINGS_SENTENCE}, or have no ending: then it is a folder for a DICOM series."
        )
    files = [p for p in (None if as_series else args.output, args.spread, args.report) if p]
    check_outputs(files, args.overwrite, [args.input], folders=[args.output] if as_series else [])
    card = find_card(args.model)
    if args.steps is not None and card.steps is None:
        raise InputError(no_steps(card.id))

    volume = read_volume(args.input, progress=reporter.progress)
    for text in volume.source.notices:
        reporter.notice(text)
    settings = Settings(
        args.seed, args.strength, args.draws, args.device, args.precision, args.slices, steps=args.steps
    )
    settings.check(volume.axial_count)
    if as_series:
        chosen = args.slices or (0, volume.axial_count)
        require_dicom_source(volume.slices(*chosen, volume.orientation.slice_axis))
    model = WarmModel(card)
    give_back()  # what reading has freed, before the network wants some
    result = model.denoise(
        volume,
        settings,
        progress=reporter.progress,
        notice=reporter.notice,
        in_place=True,
        spread=args.spread is not None and partial(room_for_slices, args.spread.parent),
    )
    del model
    release_memory()
    give_back()
    record = {**result.record, "input": args.input.name, "output": args.output.name}

    write_volume(
        result.volume,
        args.output,
        overwrite=args.overwrite,
        record=record,
        private=args.private == "keep",
        progress=reporter.progress,
    )
    reporter.close()
    if args.spread:
        write_volume(result.spread, args.spread, overwrite=args.overwrite)
    if args.report:
        with atomic_output(args.report, args.overwrite) as aside:
            write_json(record, aside)
    reporter.result({"output": str(args.output), "record": record})
    if args.progress == "auto":
        count = result.volume.axial_count
        rate = record["seconds"] / count
        how = f"{rate:.2f} s each ({record['device']}, {record['precision']})"
        print(f"{args.output}: {count} slices, {how}")
        print("For research use only. Not for diagnosis.")
