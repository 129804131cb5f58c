"""What the source lost by compression, told on: denoising is none, but it does not bring anything back either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dicom_frames import frames_of
from ..dicom_header import DicomFile, plain, value_of
from ..dicom_slices import Stored
from .elements import put

if TYPE_CHECKING:
    from pydicom import Dataset

_METHODS = {  # transfer syntax → method; those in _ALWAYS cannot be lossless
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.81": "ISO_14495_1",
    "1.2.840.10008.1.2.4.91": "ISO_15444_1",
    "1.2.840.10008.1.2.4.93": "ISO_15444_2",
    "1.2.840.10008.1.2.4.203": "ISO_15444_15",
}
_ALWAYS = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")


def tell_loss(header: Dataset, file: DicomFile, stored: Stored) -> None:
    """Completes the three lossy elements of `header` from the way in which the source is compressed.

    A flag that is there is believed, except a denial beside a compression that always loses. With the flag, ratio and
    method must be there: an earlier loss of which the source tells no more gets a ratio of 1 and a method UNKNOWN.
    """
    flag = plain(value_of(header, "LossyImageCompression"))
    method = _METHODS.get(stored.syntax)
    lost_now = method is not None and (flag != "00" or stored.syntax in _ALWAYS)
    if not lost_now and flag != "01":
        return
    put(header, "LossyImageCompression", "01")
    if value_of(header, "LossyImageCompressionRatio") is None:
        put(header, "LossyImageCompressionRatio", f"{_ratio(file, stored):.4g}" if lost_now else "1")
    if value_of(header, "LossyImageCompressionMethod") is None:
        put(header, "LossyImageCompressionMethod", method if lost_now else "UNKNOWN")


def _ratio(file: DicomFile, stored: Stored) -> float:
    """How much larger the pixels are than what is stored of them, over all frames of the file."""
    with file.path.open("rb") as opened:
        frames = frames_of(opened, stored.place.offset, stored.frames)
    packed = sum(fragment.length for fragments in frames for fragment in fragments)
    return stored.frames * stored.frame_bytes / max(1, packed)
