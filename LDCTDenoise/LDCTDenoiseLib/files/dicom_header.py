"""One DICOM file: its header, and where its pixels lie, without the pixels themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .dicom_inflate import DEFLATED, is_deflated, unpacked_header

if TYPE_CHECKING:
    from pydicom import Dataset

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")  # enhanced, converted from classic
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
DICOM_INDEX = "1.2.840.10008.1.3.10"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
NATIVE = ("1.2.840.10008.1.2", EXPLICIT_LITTLE, EXPLICIT_BIG)

# The terms that PS3.3 C.7.3.1.1.1 defines, and retired ones that archives still hold; a space around each.
_MODALITIES = (
    " AR ASMT AU BDUS BI BMD CF CR CT CTPROTOCOL DF DG DOC DS DX EC ECG EEG EMG EOG EPS ES FA FID FS GM HC HD IO IOL "
    "IVOCT IVUS KER KO LEN LP LS M3D MA MG MR MS NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PLAN PR PT PX REG RESP "
    "RF RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF ST STAIN TEXTUREMAP "
    "TG US VA VF XA XAPROTOCOL XC "
)

_PIXELS = 0x7FE00010
_PIXEL_TAGS = frozenset((0x7FE00008, 0x7FE00009, _PIXELS))  # float, double, integer; a set, as every tag is looked up
_HEAD = 140  # bytes that tell DICOM from other files
_META = 1024  # bytes, within which the transfer syntax is named
_LONGEST_VALUE = 1 << 16  # bytes; a header value longer than this is stepped over: none that is needed here is
_LONGEST_SEQUENCE = 1 << 24  # bytes; but for the sequences of enhanced objects, some 4 kB a frame
_MOST_ITEMS = 100_000  # of such a sequence; 2,000 frames have some 50,000
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")  # how one begins, in either byte order
_MOST_ELEMENTS = 20_000  # at the top of a header; a CT slice has some 150
_MOST_READS = 600_000  # from one header; an enhanced object of 2,000 frames takes some 400,000


@dataclass(frozen=True)
class PixelPlace:
    """Where the pixel data lie in the file: bytes; length is None where they are encapsulated (compressed)."""

    offset: int
    length: int | None
    integer: bool


@dataclass(frozen=True)
class DicomFile:
    """A DICOM file: `dataset` is the header up to the pixels, `pixels` is None if none were found."""

    path: Path
    dataset: Dataset
    syntax: str
    size: int
    pixels: PixelPlace | None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def series(self) -> str:
        return plain(value_of(self.dataset, "SeriesInstanceUID"), 64)

    @property
    def number(self) -> str:
        number = plain(value_of(self.dataset, "SeriesNumber"))
        return number if re.fullmatch(r"-?\d{1,12}", number) else ""

    @property
    def modality(self) -> str:
        """One of the standard's, UNKNOWN for another, "" where there is none: a damaged header may hold any word."""
        modality = plain(value_of(self.dataset, "Modality")).upper()
        return modality if not modality or f" {modality} " in _MODALITIES else "UNKNOWN"

    @property
    def sop_class(self) -> str:
        meta = value_of(self.dataset.file_meta, "MediaStorageSOPClassUID")
        return plain(value_of(self.dataset, "SOPClassUID") or meta, 64)

    @property
    def is_image(self) -> bool:
        """Whether it is, or should be, a picture: one that was cut off before its pixels counts too."""
        return self.pixels is not None or "Rows" in self.dataset or self.sop_class in (CT_IMAGE, *ENHANCED_CT)

    @property
    def is_localizer(self) -> bool:
        """A scout view, by the words that scanners use for it."""
        words = value_of(self.dataset, "ImageType") or ()
        words = [words] if isinstance(words, str) else words
        return any(re.search("LOCALI[ZS]ER|SCOUT|SURVIEW|TOPOGRAM", str(word).upper()) for word in words)


def value_of(dataset: Dataset, keyword: str) -> object:
    """The value, or None where it is absent, empty, far too long, or cannot be made sense of."""
    try:
        value = None if _is_too_long(dataset, keyword) else dataset.get(keyword)
    except Exception:  # pydicom decodes on access and raises many kinds
        return None
    return None if value in ("", b"") else value


def _is_too_long(dataset: Dataset, keyword: str) -> bool:
    """By the length that the file tells: the value itself, which could be gigabytes, is not read for that."""
    try:
        raw = dataset.get_item(keyword, keep_deferred=True)
    except TypeError:  # pydicom 2 cannot look without reading
        return False
    length = getattr(raw, "length", 0)  # what was read before has none
    if length <= _LONGEST_VALUE or length == 0xFFFFFFFF:
        return False
    if length > _LONGEST_SEQUENCE or not keyword.endswith("Sequence"):
        return True
    value = raw.value
    if value is None:
        with Path(dataset.filename).open("rb") as file:
            file.seek(raw.value_tell)
            value = file.read(length)
    return max(value.count(item) for item in _ITEMS) > _MOST_ITEMS


def plain(value: object, longest: int = 16) -> str:
    """A header value that may stand in a sentence: codes and numbers only, never free text with a name in it."""
    return re.sub(r"[^A-Za-z0-9._/-]", "", str(value if value is not None else ""))[:longest]


def read_header(path: Path) -> DicomFile | None:
    """The header of the DICOM file `path`, or None if it is not DICOM.

    Raises InputError if it begins as DICOM and cannot be understood, OSError if it cannot be opened.
    """
    with path.open("rb", buffering=0) as raw, _Guarded(raw) as file:
        head = file.read(_HEAD)
        if not _begins_as_dicom(head):
            return None
        size = file.seek(0, 2)
        file.seek(0)
        try:
            header = _parse(path, file, size)
        except Exception as error:  # pydicom raises a dozen kinds on damaged headers
            if isinstance(error, OSError) and error.errno is not None:  # the disk's; pydicom's own have no number
                raise
            header = None
    # Without a class and without pixels nothing can be told of it: cut off early, unless it is a medium's index.
    known = header is not None and (
        header.pixels is not None or header.sop_class == DICOM_INDEX or "SOPClassUID" in header.dataset
    )
    if known:
        return header
    if head[128:132] == b"DICM":
        raise damaged(path.name)
    return None  # it only looked like a bare data set


class _Guarded(BufferedReader):
    """A file whose reader gives up where a header is a trap: tiny elements without end, or one without measure."""

    reads = 0

    @property
    def name(self) -> str | None:  # pydicom asks for it; what lies in memory has none
        return getattr(self.raw, "name", None)

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > _MOST_READS:
            raise ValueError("a header without end")
        longest = 4 * _LONGEST_SEQUENCE
        return super().read(longest if size is None or not 0 <= size <= longest else size)


def _parse(path: Path, file: BufferedReader, size: int) -> DicomFile:
    """Reads up to the pixels, noting where they begin; in a deflated file, where they begin once it is unpacked."""
    from pydicom.filereader import read_partial

    place: PixelPlace | None = None
    elements = 0

    def at_pixels(tag: int, _vr: str | None, length: int) -> bool:
        nonlocal place, elements
        elements += 1
        if elements > _MOST_ELEMENTS:
            raise ValueError("a header without end")
        if tag not in _PIXEL_TAGS:
            return False
        place = PixelPlace(file.tell(), None if length == 0xFFFFFFFF else length, tag == _PIXELS)
        return True

    deflated = is_deflated(file.read(_META))
    file.seek(0)
    if deflated:
        file = _Guarded(BytesIO(unpacked_header(file)))
    # `force` for files without the 128-byte preamble, which older archives still hand out.
    # What is deferred is read when it is asked for, from the file itself: not possible where that is deflated.
    dataset = read_partial(file, at_pixels, defer_size=None if deflated else _LONGEST_VALUE, force=True)
    syntax = str(value_of(dataset.file_meta, "TransferSyntaxUID") or EXPLICIT_LITTLE)
    return DicomFile(path, dataset, DEFLATED if deflated else syntax, size, place)


def damaged(name: str) -> InputError:
    return InputError(f"{name} is damaged or incomplete and cannot be read as DICOM; copy it again from its source.")


def begins_as_dicom(path: Path) -> bool:
    """Whether `path` looks like DICOM, by its first bytes; False for what cannot be opened."""
    try:
        with path.open("rb") as file:
            return _begins_as_dicom(file.read(_HEAD))
    except OSError:
        return False


def _begins_as_dicom(head: bytes) -> bool:
    if head[128:132] == b"DICM":
        return True
    # A bare data set: group 0002 or 0008, a low element number, then a value representation or a short length.
    if len(head) < 8 or head[:2] not in (b"\x02\x00", b"\x08\x00") or head[3] != 0:
        return False
    return bool(re.match(rb"[A-Z]{2}", head[4:6])) or head[6:8] == b"\x00\x00"
