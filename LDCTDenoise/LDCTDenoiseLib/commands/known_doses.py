"""Volumes whose dose is known because it was simulated, and whose anatomy because a person says it."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError

_RANGE = re.compile(r"(.+)\[(\d+):(\d+)\]")
AIR = -1024.0  # HU, what scanners store at least, and what stands for no measurement


@dataclass(frozen=True)
class Given:
    """What the command line says of a volume. No anatomy is ''; slices are a half-open range, None for all."""

    anatomy: str
    path: Path
    slices: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        from ..training.series import name_of

        return name_of(self.path) + (f"[{self.slices[0]}:{self.slices[1]}]" if self.slices else "")


@dataclass(frozen=True)
class Case:
    """Slices of a normal-dose volume in standard orientation, and the scanner that its noise tells."""

    name: str
    anatomy: str
    is_named: bool  # by a person
    hu: np.ndarray
    spacing: tuple[float, float, float]
    numbers: tuple[int, ...]  # of the slices, as stored
    scanner: object


def given_volumes(texts: list[str]) -> list[Given]:
    """'head=FILE[10:20]', of which only FILE must be there. InputError where two would have one name."""
    found: list[Given] = []
    for text in texts:
        anatomy, sign, rest = text.partition("=")
        if not sign or Path(text).exists():
            anatomy, rest = "", text
        slices = None if Path(rest).exists() else _RANGE.fullmatch(rest)
        path = Path(slices[1] if slices else rest)
        given = Given(anatomy.strip(), path, (int(slices[2]), int(slices[3])) if slices else None)
        if given.name in [known.name for known in found]:
            raise InputError(f"Two of the volumes are named {given.name}: rename one of them.")
        found.append(given)
    return found


def read_case(given: Given, most: int, place, reporter) -> Case:
    """At most `most` slices of the volume, evenly spread. Raises InputError."""
    from ..files import read_volume
    from ..inference.perceive import evenly
    from ..simulation.calibration import calibrated_scanner
    from ..simulation.fan_scanner import TYPICAL
    from ..training.ctz import read_ctz

    path = given.path
    volume = read_ctz(path) if path.suffix.lower() == ".ctz" else read_volume(path, progress=reporter.progress)
    first, last = given.slices or (0, volume.axial_count)
    if not 0 <= first < last <= volume.axial_count:
        raise InputError(f"{path.name} has {volume.axial_count} slices, of which [{first}:{last}] is no part.")
    try:
        scanner = calibrated_scanner(volume, TYPICAL, place=place)
    except InputError:
        scanner = TYPICAL
        reporter.notice(f"The noise of {path.name} cannot be measured: an average scanner is assumed.")
    orientation = volume.orientation
    seen = volume.slices(first, last, orientation.slice_axis).standard()
    picked = evenly(len(seen.hu), most)
    hu = seen.hu[picked]
    if seen.padding is not None:
        hu = np.where(seen.padding[picked], np.float32(AIR), hu)
    stored = np.arange(first, last)[:: -1 if orientation.flipped[0] else 1][picked]
    numbers = tuple(int(number) for number in stored)
    return Case(
        given.name, given.anatomy, bool(given.anatomy), np.ascontiguousarray(hu), seen.spacing, numbers, scanner
    )


def at_doses(case: Case, doses: list[float], seed: int, place, reporter) -> dict[float, np.ndarray]:
    """dose → slices at that dose, float32 HU; every slice and dose has noise of its own."""
    from ..simulation.fan_scanner import DoseSimulator

    low = {dose: np.empty_like(case.hu) for dose in doses}
    for index, (slice_hu, number) in enumerate(zip(case.hu, case.numbers, strict=True)):
        simulator = DoseSimulator(slice_hu, case.spacing[:2], case.scanner, place)
        for dose in doses:
            rng = np.random.default_rng([seed, number, round(1e6 * dose)])
            low[dose][index] = np.maximum(slice_hu + simulator.noise(dose, rng), min(AIR, float(slice_hu.min())))
        reporter.progress(index + 1, len(case.hu), f"simulate {case.name}")
    return low


def dose_list(text: str) -> list[float]:
    """'1/2,0.25' → [0.5, 0.25], the highest first, without repeats."""
    try:
        doses = {float(a) / float(b or 1) for a, _, b in (part.strip().partition("/") for part in text.split(","))}
    except (ValueError, ZeroDivisionError):
        doses = set()
    if not doses or not all(0 < dose < 1 for dose in doses):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of fractions between 0 and 1 such as 1/2,1/4")
    return sorted(doses, reverse=True)


def dose_text(dose: float) -> str:
    """'1/4', and '0.3' for what is no such fraction."""
    return f"1/{round(1 / dose)}" if abs(1 / dose - round(1 / dose)) < 1e-6 else f"{dose:g}"
