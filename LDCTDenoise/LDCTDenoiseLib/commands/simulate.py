"""ldct-denoise simulate: what a scan at a fraction of the dose would have shown."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from .arguments import add_input, add_output_rules
from .outputs import check_outputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser)
    parser.add_argument("output", metavar="OUTPUT", type=Path, help=".nrrd .nhdr .nii .nii.gz .mha or .mhd")
    parser.add_argument("--dose", type=float, required=True, metavar="F", help="dose fraction, between 0 and 1")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same noise (default 0)")
    parser.add_argument(
        "--photons", type=float, help="a channel and view through air at full dose (as the noise tells)"
    )
    parser.add_argument("--kernel", type=float, help="1/mm; 0.28 soft to 0.6 sharp (as the noise texture tells)")
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..files import read_volume, write_volume
    from ..files.endings import ENDINGS_SENTENCE, ending_of
    from ..simulation.calibration import calibrated_scanner, kernel_width
    from ..simulation.low_dose import Scanner, simulate_low_dose

    if not ending_of(args.output):
        raise InputError(f"{args.output} must end in {ENDINGS_SENTENCE}.")
    check_outputs([args.output], args.overwrite)
    if not 0 < args.dose < 1:
        raise InputError(f"The dose fraction must lie between 0 and 1, not {args.dose:g}.")
    given = {name: value for name in ("photons", "kernel") if (value := getattr(args, name)) is not None}
    if args.seed < 0 or not all(value > 0 for value in given.values()):
        raise InputError("The seed must not be negative; photons and kernel must be above zero.")
    volume = read_volume(args.input, progress=reporter.progress)
    for text in volume.source.notices:
        reporter.notice(text)
    if "photons" in given:
        scanner = Scanner(photons=args.photons, kernel=args.kernel or kernel_width(volume))
    else:
        scanner = replace(calibrated_scanner(volume), **given)
    low = simulate_low_dose(volume, args.dose, seed=args.seed, scanner=scanner, progress=reporter.progress)
    reporter.close()
    write_volume(low, args.output, overwrite=args.overwrite)
    facts = {"dose": args.dose, "photons": scanner.photons, "kernel": scanner.kernel, "seed": args.seed}
    reporter.result({"output": str(args.output), **facts})
    if args.progress == "auto":
        how = f"photons {scanner.photons:.3g}, kernel {scanner.kernel:.2f}/mm, seed {args.seed}"
        print(f"{args.output}: {len(low.hu)} slices at {args.dose:g} of the dose ({how})")
