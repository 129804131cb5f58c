"""The scanner of the simulator, as options say or as the volume's own noise tells."""

from __future__ import annotations

import argparse
from dataclasses import replace

from ..errors import InputError


def add_scanner(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "scanner", "kernel and photons are taken from the volume's own noise if not given"
    )
    group.add_argument("--kernel", metavar="K", help="soft, medium, sharp or a width in 1/mm: 0.28 soft to 0.6 sharp")
    group.add_argument("--photons", type=float, metavar="N", help="of a read-out through air at full dose")
    group.add_argument("--readings", type=float, metavar="N", help="read-outs averaged into a ray (default 10: 3 mm)")
    group.add_argument("--electronic", type=float, metavar="V", help="noise of a read-out, in photons² (default 10)")
    group.add_argument("--bowtie", type=float, metavar="MM", help="radius of the cylinder it evens out; 0: none")
    group.add_argument("--modulation", type=float, metavar="0…1", help="of the tube current with the angle; 0: none")
    group.add_argument("--along-z", type=float, metavar="0…1", help="of the tube current between slices (default 0)")
    group.add_argument("--isocentre", metavar="X,Y", help="mm from the middle of the slices (default 0,0)")
    group.add_argument("--views", type=int, metavar="N", help="of a turn, such as 1152 (default) or 2304")
    group.add_argument("--quarter-offset", action="store_true", help="detector shifted by a quarter of a channel")


def fan_scanner(args: argparse.Namespace):
    """FanScanner of what the options say, with the defaults for the rest; raises InputError."""
    from ..simulation.fan_beam import FanGeometry
    from ..simulation.fan_scanner import TYPICAL

    positive = {name: getattr(args, name) for name in ("photons", "readings") if getattr(args, name) is not None}
    others = ("electronic", "bowtie", "modulation", "along_z")
    not_negative = {name: getattr(args, name) for name in others if getattr(args, name) is not None}
    if not all(0 < value < float("inf") for value in positive.values()):
        raise InputError("Photons and readings must be above zero.")
    if not all(0 <= value < float("inf") for value in not_negative.values()):
        raise InputError("Electronic noise, bow-tie and tube-current modulation must not be negative.")
    views = args.views if args.views is not None else FanGeometry().views
    if views < 16 or views % 2:
        raise InputError(f"A turn needs an even number of views of at least 16, not {views}.")
    given = positive | not_negative
    if args.kernel is not None:
        given |= {"kernel": kernel_of(args.kernel), "order": 2.0}
    if args.isocentre is not None:
        given["isocentre"] = _point(args.isocentre)
    geometry = FanGeometry(views=views, offset=0.25 if args.quarter_offset else 0.0)
    return replace(TYPICAL, geometry=geometry, **given)


def scanner_of(volume, scanner, args: argparse.Namespace, reference: float, place=None):
    """`scanner`, either kind, with what is not given in the options fitted to the volume's own noise."""
    from ..simulation.calibration import KERNEL_LIMITS, calibrated_scanner

    if args.photons is not None and args.kernel is not None:
        return scanner
    try:
        fitted = calibrated_scanner(volume, scanner, reference, fit_kernel=args.kernel is None, place=place)
    except InputError:
        if args.photons is None:
            raise
        return replace(scanner, kernel=sum(KERNEL_LIMITS) / 2)
    return fitted if args.photons is None else replace(fitted, photons=args.photons)


def kernel_of(text: str) -> float:
    """Width in 1/mm of 'soft', 'medium', 'sharp' or a number."""
    from ..simulation.fan_scanner import KERNELS

    try:
        width = KERNELS[text] if text in KERNELS else float(text)
    except ValueError:
        width = 0.0
    if not 0.05 <= width <= 5:
        raise InputError(f"The kernel is {', '.join(KERNELS)} or a width in 1/mm such as 0.3, not {text!r}.")
    return width


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        x = y = float("inf")
    if not max(abs(x), abs(y)) < 500:
        raise InputError(f"{text!r} is not a place such as 12.5,-40 in mm.")
    return x, y
