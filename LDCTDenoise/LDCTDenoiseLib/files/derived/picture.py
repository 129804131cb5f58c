"""The elements that describe the pixels, and the pixels themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dicom_slices import Slice
from .elements import drop, put
from .pixels import StoredSeries
from .scale import ALLOCATED, Kind, Scale, decimal_string, own_scale

if TYPE_CHECKING:
    from pydicom import Dataset


def tell_pixels(header: Dataset, piece: Slice, pixels: StoredSeries, index: int) -> None:
    """Slice number `index` of the series; `piece` is what it was made from."""
    patterns, kind, scale = pixels.patterns[index], pixels.kinds[index], pixels.scales[index]
    put(header, "SamplesPerPixel", 1)
    if "PhotometricInterpretation" not in header:
        put(header, "PhotometricInterpretation", "MONOCHROME2")
    put(header, "Rows", patterns.shape[0])
    put(header, "Columns", patterns.shape[1])
    put(header, "BitsAllocated", ALLOCATED)
    put(header, "BitsStored", kind.bits)
    put(header, "HighBit", kind.bits - 1)
    put(header, "PixelRepresentation", int(kind.signed))
    _tell_padding(header, piece, kind, scale)
    if pixels.rescaled:
        put(header, "RescaleSlope", decimal_string(scale.slope))
        put(header, "RescaleIntercept", decimal_string(scale.intercept))
    if pixels.rescaled or kind.signed != piece.stored.signed:  # it speaks of stored values
        drop(header, ["RealWorldValueMappingSequence"])
    put(header, "PixelData", patterns.astype("<u2", copy=False).tobytes(), "OW")


def _tell_padding(header: Dataset, piece: Slice, kind: Kind, scale: Scale) -> None:
    """The padding value and the end of its range, in the type of the pixels; nothing if they cannot hold it.

    No pixel can then be padding, for all of them fit.
    """
    has_limit = "PixelPaddingRangeLimit" in header
    backwards = piece.padding is not None and _first(header) % 0x10000 != piece.padding[0] % 0x10000
    drop(header, ["PixelPaddingValue", "PixelPaddingRangeLimit"])
    whole = Kind(ALLOCATED, kind.signed)
    if scale.padding is None or scale.padding[1] < whole.lowest or scale.padding[0] > whole.highest:
        return
    first, last = max(scale.padding[0], whole.lowest), min(scale.padding[1], whole.highest)
    vr = "SS" if kind.signed else "US"
    put(header, "PixelPaddingValue", last if backwards else first, vr)
    if has_limit and scale == own_scale(piece):
        put(header, "PixelPaddingRangeLimit", first if backwards else last, vr)


def _first(header: Dataset) -> int:
    value = header["PixelPaddingValue"].value
    return int.from_bytes(value[:2], "little") if isinstance(value, bytes) else int(value)
