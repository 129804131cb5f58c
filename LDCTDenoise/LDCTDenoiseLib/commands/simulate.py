"""ldct-denoise simulate: what a scan at a fraction of the dose would have shown."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from .arguments import add_input, add_output_rules
from .outputs import check_outputs
from .scanner_arguments import add_scanner, fan_scanner, kernel_of, scanner_of
from .simulation_place import add_device, chosen_place


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser)
    parser.add_argument("output", metavar="OUTPUT", type=Path, help=".nrrd .nhdr .nii .nii.gz .mha or .mhd")
    parser.add_argument("--dose", type=float, required=True, metavar="F", help="fraction of the full dose to simulate")
    parser.add_argument(
        "--reference-dose", type=float, default=1.0, metavar="F", help="the fraction that the input is (default 1)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same noise (default 0)")
    parser.add_argument(
        "--geometry", choices=("fan", "parallel"), default="fan", help="parallel: quick, without most of the options"
    )
    add_device(parser)
    add_scanner(parser)
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..files import read_volume, write_volume
    from ..files.endings import ENDINGS_SENTENCE, ending_of
    from ..simulation.exposure import check_dose
    from ..simulation.low_dose import simulate_low_dose

    if not ending_of(args.output):
        raise InputError(f"{args.output} must end in {ENDINGS_SENTENCE}.")
    check_outputs([args.output], args.overwrite, [args.input])
    check_dose(args.dose, args.reference_dose)
    if args.seed < 0:
        raise InputError("The seed must not be negative.")
    scanner = fan_scanner(args)  # checks the options in either case
    if args.geometry == "parallel":
        scanner = _parallel(args)
    place = chosen_place(args.device if args.geometry == "fan" else "cpu", reporter.notice)
    volume = read_volume(args.input, progress=reporter.progress)
    for text in volume.source.notices:
        reporter.notice(text)
    scanner = scanner_of(volume, scanner, args, args.reference_dose, place)
    low = simulate_low_dose(
        volume,
        args.dose,
        seed=args.seed,
        scanner=scanner,
        reference=args.reference_dose,
        place=place,
        progress=reporter.progress,
    )
    reporter.close()
    write_volume(low, args.output, overwrite=args.overwrite)
    facts = {"dose": args.dose, "reference_dose": args.reference_dose, "geometry": args.geometry, "seed": args.seed}
    facts["device"] = place.device
    facts |= {name: value for name, value in vars(scanner).items() if isinstance(value, float)}
    reporter.result({"output": str(args.output), **facts})
    if args.progress == "auto":
        photons = scanner.photons * getattr(scanner, "readings", 1)
        how = f"{args.geometry} beam, photons {photons:.3g}, kernel {scanner.kernel:.2f}/mm, seed {args.seed}"
        print(f"{args.output}: {volume.axial_count} slices at {args.dose:g} of the dose ({how})")


def _parallel(args: argparse.Namespace):
    from ..simulation.low_dose import Scanner

    known = ("photons", "electronic", "views")
    unknown = ("readings", "bowtie", "modulation", "along_z", "isocentre")
    if any(getattr(args, name) is not None for name in unknown) or args.quarter_offset:
        raise InputError("Parallel beams know only --kernel, --photons, --electronic and --views.")
    if args.device not in ("auto", "cpu"):
        raise InputError("Parallel beams are computed on the processor: leave out --device.")
    given = {name: getattr(args, name) for name in known if getattr(args, name) is not None}
    if args.kernel is not None:
        given["kernel"] = kernel_of(args.kernel)
    return replace(Scanner(), **given)
