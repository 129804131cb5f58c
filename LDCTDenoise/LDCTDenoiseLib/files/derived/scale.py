"""How stored integers become HU, and which integers a CT image may hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..dicom_slices import Slice

ALLOCATED = 16  # bits: all that CT Image Storage knows, with 12 to 16 of them used
LARGEST_SLOPE = 1000.0  # HU for each stored unit, as the reader takes it
_FEWEST = 12
_ROOM = (1 << ALLOCATED) - 1


@dataclass(frozen=True)
class Kind:
    """The integers of a slice: how many bits of 16 are used, and whether they have a sign."""

    bits: int
    signed: bool

    @property
    def lowest(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        return self.lowest + (1 << self.bits) - 1

    def holds(self, lowest: int, highest: int) -> bool:
        return self.lowest <= lowest and highest <= self.highest


@dataclass(frozen=True)
class Scale:
    """HU = stored · slope + intercept, with both as DICOM writes them; `padding` is an inclusive stored range."""

    slope: float
    intercept: float
    padding: tuple[int, int] | None


@dataclass(frozen=True)
class Range:
    """The ends of what is to be stored of a slice; None where there is none of the kind.

    stored    stored values of all voxels
    measured  HU of what was measured, as they are and not rounded
    padded    HU of what was not
    """

    stored: tuple[int, int]
    measured: tuple[float, float] | None
    padded: tuple[float, float] | None


def kinds_for(slices: Sequence[Slice], ranges: Sequence[Range]) -> list[Kind] | None:
    """A kind for every slice that holds its values on the source's own scale, or None if there is none.

    The source's own kinds, slice by slice; or else one for the whole series: 16 bits with the source's sign, or 16
    bits with a sign.
    """
    own = [own_kind(piece) for piece in slices]
    wide = [Kind(ALLOCATED, kind.signed) for kind in own]
    for kinds in (own, wide, [Kind(ALLOCATED, True)] * len(own)):
        if all(kind.holds(*values.stored) for kind, values in zip(kinds, ranges, strict=True)):
            return kinds
    return None


def own_kind(piece: Slice) -> Kind:
    """The source's, or what comes nearest to it in a CT image."""
    return Kind(min(max(piece.stored.bits, _FEWEST), ALLOCATED), piece.stored.signed)


def own_scale(piece: Slice) -> Scale:
    return Scale(piece.slope, piece.intercept, piece.padding)


def new_scale(slices: Sequence[Slice], ranges: Sequence[Range]) -> Scale:
    """One scale for the whole series on which its measured values fit into 16 bits without a sign.

    The finest slope of the source stays where it can, and values move by whole steps of it. Padding becomes one stored
    value: where it lies, if that is one place and there is room for it, or else at the nearest end.
    """
    slope, zero = min(piece.slope for piece in slices), slices[0].intercept
    lowest, highest = _ends([values.measured for values in ranges]) or (0.0, 0.0)
    if (highest - lowest) / slope + 3 > _ROOM:
        slope, zero = written((highest - lowest) / (_ROOM - 100)), written(lowest)
    first, last = math.floor((lowest - zero) / slope), math.ceil((highest - zero) / slope)
    padded = _ends([values.padded for values in ranges])
    if padded is None:
        return Scale(slope, written(zero + first * slope), None)
    place = round((padded[0] - zero) / slope)
    if padded[0] == padded[1] and max(last, place) - min(first, place) <= _ROOM:
        start = min(first, place)
        padding = place - start
    elif padded[0] < lowest:
        start, padding = min(first - 1, max(place, last - _ROOM)), 0
    else:
        start, padding = first, _ROOM
    return Scale(slope, written(zero + start * slope), (padding, padding))


def _ends(ranges: Sequence[tuple[float, float] | None]) -> tuple[float, float] | None:
    ends = [value for both in ranges for value in both or ()]
    return (min(ends), max(ends)) if ends else None


def written(value: float) -> float:
    """`value` as a decimal string holds it."""
    return float(decimal_string(value))


def decimal_string(value: float) -> str:
    """At most 16 characters."""
    text = repr(float(value))
    text = text.removesuffix(".0")
    digits = 16
    while len(text) > 16:
        digits -= 1
        text = f"{value:.{digits}g}"
    return text
