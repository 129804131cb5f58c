"""What one file is, by its header: enough to group it with others, and small, for there may be a million of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import InputError
from ..files.derived.provenance import SCHEME
from ..files.dicom_fields import Fields, fields_of_frames
from ..files.dicom_header import DICOM_INDEX, DicomFile, PixelPlace, damaged, plain, read_header, value_of
from ..files.dicom_slices import Slice, require_ct, slices_of
from ..files.endings import ending_of
from ..files.quiet import quiet_pydicom

if TYPE_CHECKING:
    from pydicom import Dataset

FACTS = ("Manufacturer", "ManufacturerModelName", "ConvolutionKernel", "SliceThickness", "KVP")
# What may differ between the volumes that one series holds: its reconstructions first, then its moments.
MARKS = {
    "ConvolutionKernel": 0x00181210,
    "SliceThickness": 0x00180050,
    "KVP": 0x00180060,
    "FilterType": 0x00181160,
    "ImageType": 0x00080008,
    "FrameOfReferenceUID": 0x00200052,
    "SeriesDescription": 0x0008103E,
    "TemporalPositionIndex": 0x00209128,
    "TemporalPositionIdentifier": 0x00200100,
    "NominalPercentageOfCardiacPhase": 0x00209241,
    "TriggerTime": 0x00181060,
    "AcquisitionNumber": 0x00200012,
    "AcquisitionDateTime": 0x0008002A,
    "AcquisitionTime": 0x00080032,
    "SeriesTime": 0x00080031,
    "ImageComments": 0x00204000,
    "ContentTime": 0x00080033,
}
# What sorts the images of a series by the time of their making.
ORDER = {
    "TemporalPositionIndex": 0x00209128,
    "TemporalPositionIdentifier": 0x00200100,
    "AcquisitionNumber": 0x00200012,
    "AcquisitionDateTime": 0x0008002A,
    "AcquisitionDate": 0x00080022,
    "AcquisitionTime": 0x00080032,
    "TriggerTime": 0x00181060,
    "InstanceNumber": 0x00200013,
}
_IN_FRAMES = {"AcquisitionNumber": "FrameAcquisitionNumber", "AcquisitionDateTime": "FrameAcquisitionDateTime"}
_FREE_TEXT = ("SeriesDescription", "ImageComments")  # may hold a name, so that only a hash is kept
_BINARY = ("TemporalPositionIndex", "NominalPercentageOfCardiacPhase")
_NAMES = {"PatientName": 0x00100010, "OtherPatientNames": 0x00101001}
_IDS = {"PatientID": 0x00100020, "OtherPatientIDs": 0x00101000, "PatientBirthDate": 0x00100030}
_HOUNSFIELD = ("", "HU", "HU_MOD", "US")  # rescale types; US: unspecified, as older scanners have it
# Words of ImageType that name a map of blood flow, blood volume or a time, with its colours or in units of its own.
_MAP = re.compile("R?CB[FV]|R?MTT|TT[DPS]|TMAX|PB[FV]|PS|PERMEABILITY|FLOW_EXTRACTION|BLOOD_FLOW|BLOOD_VOLUME")
_DICOM_ENDINGS = (".dcm", ".dicom", ".ima")
_NOWHERE = PixelPlace(0, 0, True)
_REMEMBERED = 1000
_persons: dict[str, tuple[str, tuple[str, ...]]] = {}  # names are slow to decode, and thousands of files share one


@dataclass(slots=True)
class Seen:
    """One file.

    kind      "image" (DICOM), "volume" (a volume file), "other" (neither), "no image" (DICOM without a picture),
              "damaged" or "closed" (no right to read it)
    why       the sentence that speaks against it, or ""
    apart     a DICOM image that is not to be denoised, such as a localizer: its series may be good without it
    series, study, instance  UIDs; `patient` is a hash of ID and name
    facts, marks, order      the values of FACTS, MARKS and ORDER
    shape     (slices, rows, columns) of a volume file
    """

    kind: Literal["image", "volume", "other", "no image", "damaged", "closed"]
    why: str = ""
    apart: bool = False
    modality: str = ""
    series: str = ""
    study: str = ""
    instance: str = ""
    number: str = ""
    patient: str = ""
    secrets: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    order: tuple[float, ...] = ()
    slices: tuple[Slice, ...] = ()
    shape: tuple[int, int, int] = (0, 0, 0)


def look(path: Path) -> Seen:
    """What the file is. Never raises for a file, however odd."""
    try:
        return _volume(path) if ending_of(path) else _dicom(path)
    except InputError as error:
        return Seen("damaged", str(error))
    except OSError as error:
        return Seen("closed", f"{path.name} could not be read ({error.strerror or type(error).__name__}).")
    except Exception:  # one file in thousands must not end the scan
        return Seen("damaged", str(damaged(path.name)))


def share(seen: Seen, known: dict[object, object]) -> Seen:
    """The same with values that other files have too kept once, in `known`: half of the memory of a large tree."""
    for name in ("why", "modality", "series", "study", "number", "patient", "secrets", "facts"):
        value = getattr(seen, name)
        setattr(seen, name, known.setdefault(value, value))
    seen.marks = tuple(known.setdefault(mark, mark) for mark in seen.marks)
    seen.marks = known.setdefault(seen.marks, seen.marks)
    alike = ("path", "orientation", "pixel_spacing", "stored")
    seen.slices = tuple(
        replace(piece, **{name: known.setdefault(getattr(piece, name), getattr(piece, name)) for name in alike})
        for piece in seen.slices
    )
    return seen


def _volume(path: Path) -> Seen:
    if path.name.lower().endswith(".seg.nrrd"):
        raise InputError(f"{path.name} is a segmentation, not a CT volume.")
    from ..files.images import image_shape

    return Seen("volume", shape=image_shape(path))


def _dicom(path: Path) -> Seen:
    with quiet_pydicom():
        file = read_header(path)
        if file is None:
            is_dicom = path.suffix.lower() in _DICOM_ENDINGS
            return Seen("damaged", str(damaged(path.name))) if is_dicom else Seen("other")
        if file.is_image:
            return _image(file)
        kind = "DICOMDIR" if file.sop_class == DICOM_INDEX else file.modality
        return Seen("no image", modality=kind, secrets=_person(file.dataset)[1])


def _image(file: DicomFile) -> Seen:
    patient, secrets = _person(file.dataset)
    seen = Seen(
        "image",
        modality=file.modality,
        series=file.series,
        study=plain(_raw(file.dataset, 0x0020000D), 64),
        instance=plain(_raw(file.dataset, 0x00080018), 64),
        number=file.number,
        patient=patient,
        secrets=secrets,
    )
    if _is_denoised(file):
        seen.apart, seen.why = True, f"{file.name} was denoised by this program already; choose the original series."
        return seen
    try:
        slices = slices_of(file)
    except InputError as error:
        seen.why, seen.apart = str(error), _is_no_slice(file)
        return seen
    get, fields = _values_of(file, slices)
    if _is_map(get("ImageType"), _text(fields.get("RescaleType"))):
        seen.why = f"{file.name} is a colour or parametric map, not CT in HU; choose the original series."
        seen.apart = True
        return seen
    # The path is known to whoever asked, and where the pixels lie matters only when they are read.
    seen.slices = tuple(
        replace(one, path=Path(file.name), stored=replace(one.stored, place=_NOWHERE)) for one in slices
    )
    seen.facts = tuple(_code(fields.get(keyword)) for keyword in FACTS)
    seen.marks = tuple(_hash(get(word)) if word in _FREE_TEXT else get(word)[:64] for word in MARKS)
    seen.order = tuple(_number(get(keyword)) for keyword in ORDER)
    return seen


def _is_denoised(file: DicomFile) -> bool:
    if not _raw(file.dataset, MARKS["ImageType"]).upper().startswith("DERIVED"):
        return False
    codes = value_of(file.dataset, "DerivationCodeSequence") or ()
    return any(_text(value_of(code, "CodingSchemeDesignator")) == SCHEME for code in codes)


def _is_map(image_type: str, rescale_type: str) -> bool:
    """Whether the values are no HU: blood flow, iodine, atomic numbers … The images of a perfusion scan itself stay."""
    words = [word.strip() for word in image_type.upper().split("\\")]
    if rescale_type.strip(" \0").upper() not in _HOUNSFIELD or any(map(_MAP.fullmatch, words[2:])):
        return True
    return words[0] == "DERIVED" and "PERFUSION" in words[2:]


def _is_no_slice(file: DicomFile) -> bool:
    """Whether the image is of another kind than CT slices are, rather than a slice with a fault."""
    try:
        require_ct(file)
    except InputError:
        return True
    return False


def _values_of(file: DicomFile, slices: Sequence[Slice]) -> tuple[Callable[[str], str], Fields]:
    """How to get the text of a value: straight from a classic image, by the first frame of an enhanced one."""
    fields = fields_of_frames(file.name, file.dataset, slices[0].stored.frames)[0]
    tags = {**MARKS, **ORDER}
    if "PerFrameFunctionalGroupsSequence" in file.dataset:
        return lambda word: _text(fields.get(_IN_FRAMES.get(word, word)) or fields.get(word)), fields
    return lambda word: _text(fields.get(word)) if word in _BINARY else _raw(file.dataset, tags[word]), fields


def _raw(dataset: Dataset, tag: int) -> str:
    """The text of a value, a character for a byte: pydicom's own conversion takes ten times as long."""
    try:
        value = dataset.get_item(tag).value
    except Exception:  # there is none, or it is too long or too odd to be one of those that matter here
        return ""
    return value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else _text(value)


def _person(dataset: Dataset) -> tuple[str, tuple[str, ...]]:
    """A hash of the ID (the name, where there is none), and all parts of the names with all IDs."""
    who = "\n".join(_raw(dataset, tag) for tag in (0x00080005, *_NAMES.values(), *_IDS.values()))
    if who not in _persons:
        fields = Fields("", dataset)
        parts = [part for word in _NAMES for part in re.split(r"[\^=,;\\\s]+", _text(fields.get(word)))]
        parts += [part.strip() for word in _IDS for part in _text(fields.get(word)).split("\\")]
        if len(_persons) >= _REMEMBERED:
            _persons.clear()
        one = _text(fields.get("PatientID")) or _text(fields.get("PatientName"))
        _persons[who] = _hash(one), tuple(sorted({part for part in parts if part}))
    return _persons[who]


def _text(value: object) -> str:
    several = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return "" if value is None else "\\".join(map(str, value)) if several else str(value)


def _code(value: object) -> str:
    return re.sub(r"[^\w .,+/\\-]", "", _text(value)).strip()[:64]


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest() if text else ""


def _number(text: str) -> float:
    """A number, a date or a time as something that sorts; 0 for what is none."""
    try:
        return float(re.match(r"\s*([-+]?[\d.]*)", text)[1])
    except ValueError:
        return 0.0
