"""How stored integers become HU, and which integers a CT image may hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..dicom_slices import Slice

ALLOCATED = 16  # bits: all that CT Image Storage knows, with 12 to 16 of them used
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
    """What is to be stored of a slice, in stored values: of measured voxels, and of all."""

    measured: tuple[int, int]
    whole: tuple[int, int]


def kinds_for(slices: Sequence[Slice], ranges: Sequence[Range]) -> list[Kind] | None:
    """A kind for every slice that holds its values on the source's own scale, or None if there is none.

    The source's own kinds, slice by slice; or else one for the whole series: 16 bits with the source's sign, or 16
    bits with a sign.
    """
    own = [Kind(min(max(piece.stored.bits, _FEWEST), ALLOCATED), piece.stored.signed) for piece in slices]
    wide = [Kind(ALLOCATED, kind.signed) for kind in own]
    for kinds in (own, wide, [Kind(ALLOCATED, True)] * len(own)):
        if all(kind.holds(*values.whole) for kind, values in zip(kinds, ranges, strict=True)):
            return kinds
    return None


def own_scale(piece: Slice) -> Scale:
    return Scale(piece.slope, piece.intercept, piece.padding)


def new_scale(slices: Sequence[Slice], ranges: Sequence[Range]) -> Scale:
    """One scale for the whole series on which its measured values fit into 16 bits without a sign.

    The finest slope of the source stays where it can, and values move by whole steps of it. Padding stays where it
    lies if there is room, and moves to the nearest end if there is not.
    """
    slope = min(piece.slope for piece in slices)
    zero = slices[0].intercept
    lowest, highest = _in_hu(slices, [values.measured for values in ranges])
    if (highest - lowest) / slope + 2 > _ROOM:
        slope = written((highest - lowest) / (_ROOM - 100))
        zero = written(lowest)
    first, last = math.floor((lowest - zero) / slope), math.ceil((highest - zero) / slope)
    padded = _in_hu(slices, [values.whole for values in ranges])
    low_end, high_end = math.floor((padded[0] - zero) / slope), math.ceil((padded[1] - zero) / slope)
    if high_end - low_end <= _ROOM:
        start, pad = low_end, None
    elif low_end < first:
        start, pad = last - _ROOM, (0, 0)
    else:
        start, pad = first, (_ROOM, _ROOM)
    intercept = written(zero + start * slope)
    if pad is None and (limits := next((piece for piece in slices if piece.padding), None)) is not None:
        hu = (stored * limits.slope + limits.intercept for stored in limits.padding)
        pad = tuple(round((value - intercept) / slope) for value in hu)
    return Scale(slope, intercept, pad)


def _in_hu(slices: Sequence[Slice], ranges: Sequence[tuple[int, int]]) -> tuple[float, float]:
    ends = [value * piece.slope + piece.intercept for piece, both in zip(slices, ranges, strict=True) for value in both]
    return min(ends), max(ends)


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
