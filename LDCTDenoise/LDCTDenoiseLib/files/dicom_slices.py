"""From the header of a DICOM file to the slices in it, refusing with a sentence whatever is not CT in HU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .dicom_fields import Fields, fields_of_frames
from .dicom_header import (
    CT_IMAGE,
    ENHANCED_CT,
    NATIVE,
    SECONDARY_CAPTURE,
    DicomFile,
    PixelPlace,
    damaged,
    plain,
    value_of,
)

LARGEST_SIDE = 8192  # pixels; the largest CT matrix in use is 4096
_SPACINGS = (1e-4, 1e3)  # mm between pixels
_FARTHEST = 1e6  # mm
_SLOPES = (1e-6, 1000.0)  # HU per stored unit; beyond that the header is wrong
_LARGEST_INTERCEPT = 1e5  # HU


@dataclass(frozen=True)
class Stored:
    """How the pixels of a file are stored. `bits` of `allocated` hold the value, the rest may hold an overlay."""

    place: PixelPlace
    syntax: str
    frames: int
    rows: int
    columns: int
    allocated: int
    bits: int
    signed: bool
    overlay: bool

    @property
    def dtype(self) -> str:
        """numpy name of the type of the stored values, in the machine's own byte order."""
        return f"{'int' if self.signed else 'uint'}{self.allocated}"

    @property
    def native(self) -> bool:
        """Whether the values lie in the file as they are."""
        return self.syntax in NATIVE and self.place.length is not None

    @property
    def frame_bytes(self) -> int:
        return self.rows * self.columns * self.allocated // 8


@dataclass(frozen=True)
class Slice:
    """One slice: where it lies (mm, LPS), how its values become HU, and where they are stored.

    pixel_spacing  mm, as DICOM has it: (between rows, between columns).
    thickness      mm, what the header says of the distance to the next slice, or None.
    padding        inclusive range of stored values that stand for no measurement, or None.
    """

    path: Path
    frame: int
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    thickness: float | None
    slope: float
    intercept: float
    padding: tuple[int, int] | None
    stored: Stored


def slices_of(file: DicomFile) -> list[Slice]:
    """The slices of one file, one unless it is an enhanced (multi-frame) object. Raises InputError."""
    require_ct(file)
    if file.pixels is None:
        raise InputError(f"{file.name} holds no pixels, it may not have been copied completely; copy it again.")
    fields = Fields(file.name, file.dataset)
    stored = _stored(file, fields)
    return [
        Slice(
            path=file.path,
            frame=index,
            position=_position(frame),
            orientation=frame.numbers("ImageOrientationPatient", 6),
            pixel_spacing=_pixel_spacing(frame),
            thickness=frame.length("SliceThickness") or frame.length("SpacingBetweenSlices"),
            slope=_slope(frame),
            intercept=_intercept(frame),
            padding=_padding(frame, stored),
            stored=stored,
        )
        for index, frame in enumerate(fields_of_frames(file.name, file.dataset, stored.frames))
    ]


def require_ct(file: DicomFile) -> None:
    """Raises InputError for what is no CT slice by its nature, however sound: another modality, a scout, a picture."""
    choose = "choose a series of CT slices"
    if file.modality != "CT" and (file.modality or not file.sop_class.startswith(CT_IMAGE)):
        what = f"an image of modality {file.modality}" if file.modality else "not marked as CT"
        raise InputError(f"{file.name} is {what}, and only CT can be denoised; {choose}.")
    if file.sop_class.startswith(SECONDARY_CAPTURE):
        raise InputError(f"{file.name} is a secondary capture (a picture of images), not a CT slice; {choose}.")
    if file.is_localizer:
        raise InputError(f"{file.name} is a localizer (a scout view), not a CT slice; {choose} without localizers.")
    if file.sop_class and file.sop_class not in (CT_IMAGE, *ENHANCED_CT):
        raise InputError(f"{file.name} is not a CT image but another kind of DICOM object; {choose}.")
    photometric = plain(value_of(file.dataset, "PhotometricInterpretation"))
    if photometric and not photometric.startswith("MONOCHROME"):
        raise InputError(f"{file.name} is a colour image, not a CT slice; choose the original series.")


def _stored(file: DicomFile, fields: Fields) -> Stored:
    """How the pixels are stored. Raises InputError unless they are grey, whole numbers, and all there."""
    if fields.whole("SamplesPerPixel", 1) != 1:
        raise InputError(f"{file.name} is a colour image, not a CT slice; choose the original series.")
    allocated = fields.whole("BitsAllocated")
    bits = fields.whole("BitsStored", allocated)
    sign = fields.whole("PixelRepresentation")
    if (
        allocated not in (8, 16, 32)
        or not 1 < bits <= allocated
        or fields.whole("HighBit", bits - 1) != bits - 1
        or sign not in (0, 1)
        or not file.pixels.integer
    ):
        raise InputError(
            f"{file.name} stores its values in a way that CT does not ({bits} of {allocated} bits); export it again."
        )
    rows, columns, frames = fields.whole("Rows"), fields.whole("Columns"), fields.whole("NumberOfFrames", 1)
    if not (0 < rows <= LARGEST_SIDE and 0 < columns <= LARGEST_SIDE and frames > 0):
        raise InputError(
            f"{file.name} claims to have {rows} × {columns} pixels, which no CT slice has; export it again."
        )
    stored = Stored(file.pixels, file.syntax, frames, rows, columns, allocated, bits, bool(sign), _has_overlay(fields))
    _require_all_pixels(file, stored)
    return stored


def _require_all_pixels(file: DicomFile, stored: Stored) -> None:
    if file.pixels.length is None:
        if file.syntax in NATIVE:
            raise damaged(file.name)
        return
    promised = stored.frames * stored.frame_bytes
    if file.syntax in NATIVE and file.pixels.length >= 1.5 * promised:
        raise InputError(f"{file.name} holds more pixels than its header tells of; export the series again.")
    # A deflated file is unpacked as a whole: there the length alone can be judged, not the place in the file.
    ends = file.pixels.offset + promised if file.syntax in NATIVE else 0
    if file.pixels.length < promised or ends > file.size:
        raise _incomplete(file.name)


def _incomplete(name: str) -> InputError:
    return InputError(
        f"{name} ends before its last pixel, it was not copied completely; copy it again from its source."
    )


def _has_overlay(fields: Fields) -> bool:
    """Whether graphics are hidden in the unused bits of the pixels, as was done before 2004."""
    return any(
        fields.has(group, 0x0100) and not fields.has(group, 0x3000)  # bits allocated, and no data of its own
        for group in range(0x6000, 0x6020, 2)
    )


def _position(fields: Fields) -> tuple[float, ...]:
    position = fields.numbers("ImagePositionPatient", 3)
    if max(abs(place) for place in position) > _FARTHEST:
        raise InputError(f"{fields.name} has an impossible position (ImagePositionPatient); export the series again.")
    return position


def _pixel_spacing(fields: Fields) -> tuple[float, ...]:
    spacing = fields.numbers("PixelSpacing", 2)
    if min(spacing) < _SPACINGS[0] or max(spacing) > _SPACINGS[1]:
        raise InputError(f"{fields.name} has an unreadable pixel spacing (PixelSpacing); export the series again.")
    return spacing


def _slope(fields: Fields) -> float:
    slope = fields.number("RescaleSlope")
    if not _SLOPES[0] <= slope <= _SLOPES[1]:
        raise InputError(
            f"{fields.name} has a rescale slope of {slope:g}, which cannot give HU; export the series again."
        )
    return slope


def _intercept(fields: Fields) -> float:
    intercept = fields.number("RescaleIntercept")
    if abs(intercept) > _LARGEST_INTERCEPT:
        raise InputError(
            f"{fields.name} has a rescale intercept of {intercept:g}, which cannot give HU; export it again."
        )
    return intercept


def _padding(fields: Fields, stored: Stored) -> tuple[int, int] | None:
    """The stored values that stand for no measurement.

    The header may give the value as signed where the pixels are unsigned, or the other way round: what counts is
    the bit pattern, so it is read again in the type of the pixels.
    """
    first = _as_stored(fields.get("PixelPaddingValue"), stored)
    if first is None:
        return None
    limit = _as_stored(fields.get("PixelPaddingRangeLimit"), stored)
    return (first, first) if limit is None else (min(first, limit), max(first, limit))


def _as_stored(value: object, stored: Stored) -> int | None:
    if isinstance(value, bytes):  # an ambiguous value representation that pydicom left alone
        value = int.from_bytes(value[:2], "little") if len(value) >= 2 else None
    if not isinstance(value, int):
        return None
    if stored.signed and 0x8000 <= value <= 0xFFFF:  # US and SS have 16 bits, whatever the pixels have
        return value - 0x10000
    return value % 0x10000 if not stored.signed else value
