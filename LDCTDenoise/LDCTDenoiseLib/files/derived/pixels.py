"""HU back to stored integers.

What has not changed is not computed: a voxel with the HU of the source, and every padded one, keeps its stored value.
The source's slope, intercept, sign and number of bits are kept slice by slice if all values of the series fit. Else the
series becomes 16 bits with the same sign, or with a sign, on the same scale; stored values of unchanged voxels stay.
Only where 65,536 steps of the source's scale do not hold the values, the whole series gets a new scale (`scale`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...volume import CTVolume
from ..dicom_pixels import PixelReader
from ..dicom_slices import Slice
from .scale import ALLOCATED, LARGEST_SLOPE, Kind, Range, Scale, kinds_for, new_scale, own_kind, own_scale
from .source import reading

Look = Callable[[int], None]  # called after every slice; may raise Cancelled


@dataclass(frozen=True)
class StoredSeries:
    """The pixels of a derived series; `patterns` holds the bits of each value, uint16 [slices, rows, columns]."""

    patterns: np.ndarray
    kinds: list[Kind]
    scales: list[Scale]
    rescaled: bool  # the scale is not the source's own

    def digest(self) -> str:
        """The same for the same stored values that mean the same HU."""
        found = hashlib.sha256(repr((self.patterns.shape, self.kinds, self.scales)).encode())
        for plane in self.patterns:
            found.update(plane.data)
        return found.hexdigest()


def stored_series(volume: CTVolume, slices: Sequence[Slice], look: Look) -> StoredSeries:
    """The stored values of `volume`, whose slices lie as those of the source, `slices`, lie.

    Raises InputError for values that are no numbers, or if a source file is damaged.
    """
    patterns = np.empty(volume.shape, dtype=np.uint16)
    scales = [own_scale(piece) for piece in slices]
    ranges = _fill(patterns, volume, slices, scales, look)
    kinds = kinds_for(slices, ranges)
    rescaled = kinds is None
    if rescaled:
        kinds = [Kind(ALLOCATED, False)] * len(slices)
        scales = [new_scale(slices, ranges)] * len(slices)
        if scales[0].slope > LARGEST_SLOPE:
            raise InputError("The result holds values far beyond those of CT, which DICOM cannot store; denoise again.")
        _fill(patterns, volume, slices, scales, look)
    return StoredSeries(patterns, kinds, scales, rescaled)


def _fill(
    patterns: np.ndarray, volume: CTVolume, slices: Sequence[Slice], scales: Sequence[Scale], look: Look
) -> list[Range]:
    """Stores every slice on its scale, as the lowest 16 bits of each value."""
    reader = PixelReader()
    ranges = []
    for index, (hu, piece, scale) in enumerate(zip(volume.hu, slices, scales, strict=True)):
        padded = np.zeros(hu.shape, bool) if volume.padding is None else volume.padding[index]
        with reading():
            source = reader.stored_values(piece)
        values = _stored(hu, padded, piece, source, scale)
        measured = hu if not padded.any() else hu[~padded]
        ranges.append(Range(_ends(values, int), _ends(measured, float), _ends(_hu(source[padded], piece), float)))
        with np.errstate(invalid="ignore"):  # what does not fit at all is told by its range
            patterns[index] = values.astype(np.int64)
        look(index)
    return ranges


def _stored(hu: np.ndarray, padded: np.ndarray, piece: Slice, source: np.ndarray, scale: Scale) -> np.ndarray:
    """Whole numbers as float64 [rows, columns].

    padded  where the reader found padding, bool: what it did not take for padding is measured, whatever its value
    source  the stored values of the source
    """
    before = _hu(source, piece)
    same = (hu == before) | padded
    if not np.isfinite(hu, where=~same, out=np.ones(hu.shape, bool)).all():
        raise InputError("The result holds values that are no numbers, which DICOM cannot store; denoise again.")
    own = scale == own_scale(piece)
    exact = (np.where(same, before, hu).astype(np.float64) - scale.intercept) / scale.slope
    values = np.rint(exact)
    if own:
        np.copyto(values, source, where=same)
        kind, limits = own_kind(piece), scale.padding or _ends(source[padded], int)
        free = same | _within(source, limits)  # what only the header calls padding may stay it
    else:
        kind, limits, free = Kind(ALLOCATED, False), scale.padding, padded
        np.clip(values, kind.lowest, kind.highest, out=values)  # rounding must never lead to the other end
        if limits is not None:
            values[padded] = limits[0]
    clash = ~free & _within(values, limits)
    if clash.any():
        values[clash] = _beside(exact[clash], limits, kind)
    return values


def _hu(stored: np.ndarray, piece: Slice) -> np.ndarray:
    """float32, as the reader computes them."""
    return (stored.astype(np.float64) * piece.slope + piece.intercept).astype(np.float32)


def _within(values: np.ndarray, limits: tuple[int, int] | None) -> np.ndarray:
    if limits is None:
        return np.zeros(values.shape, dtype=bool)
    return (values >= limits[0]) & (values <= limits[1])


def _beside(exact: np.ndarray, limits: tuple[int, int], kind: Kind) -> np.ndarray:
    """The nearest values beside the padding: a measured voxel must not become padding by rounding."""
    down, up = limits[0] - 1, limits[1] + 1
    nearer_down = (exact - down < up - exact) | (up > kind.highest)
    return np.where(nearer_down & (down >= kind.lowest), down, up)


def _ends(values: np.ndarray, convert: type) -> tuple | None:
    return (convert(values.min()), convert(values.max())) if values.size else None
