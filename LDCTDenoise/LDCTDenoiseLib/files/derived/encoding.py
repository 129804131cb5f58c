"""A header of any encoding as explicit little endian, without decoding what it says.

Values stay the bytes that the scanner wrote, whatever they are: text in a character set that it is not in, numbers with
too many digits. Only the byte order is turned where need be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset
    from pydicom.dataelem import RawDataElement

_UNITS = {  # bytes of one number; values of other representations are bytes or characters
    "AT": 2, "OW": 2, "SS": 2, "US": 2,
    "FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4,
    "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8,
}  # fmt: skip
_PADDED_WITH_NULL = ("OB", "UI", "UN")
_FIRST_GROUP = 0x0008  # lower ones belong to messages, to the file and to media
_PIXEL_GROUP = 0x7FE0
_TRAILING_PADDING = 0xFFFC


def explicit_little_endian(source: Dataset, *, private: bool, signed: bool | None = None) -> Dataset:
    """A new data set with the elements of `source`; what cannot be read at all is left out.

    private  whether private elements stay, here and in sequences. In an implicit source nobody knows their
             representation, so they become UN with the same bytes.
    signed   whether the pixels of the object that `source` is an item of are signed.

    Group lengths, pixels and padding of the data set are left out too.
    """
    from pydicom import Dataset

    if "PixelRepresentation" in source:
        signed = source.get_item("PixelRepresentation").value not in (0, b"\0\0", None)
    elements = {}
    for tag in list(source.keys()):
        group = tag.group
        unfit = group < _FIRST_GROUP or group in (_PIXEL_GROUP, _TRAILING_PADDING, 0xFFFF) or tag.element == 0
        if unfit or (tag.is_private and not private):
            continue
        try:
            element = _element(source, tag, private, signed)
        except Exception:  # pydicom decodes sequences on access and raises many kinds
            continue
        if element is not None:
            elements[tag] = element
    plain = Dataset(elements)
    plain.set_original_encoding(False, True, plain._character_set)  # so that pydicom writes the bytes as they are
    return plain


def _element(source: Dataset, tag: int, private: bool, signed: bool | None) -> DataElement | RawDataElement | None:
    from pydicom import DataElement, Sequence

    element = source.get_item(tag)
    vr = _representation(element, bool(signed)) if element.is_raw else element.VR
    if vr == "SQ":
        items = [explicit_little_endian(item, private=private, signed=signed) for item in source[tag].value]
        return DataElement(tag, "SQ", Sequence(items))
    if not element.is_raw:
        return element
    value = element.value
    if value is None:  # longer than what is read of a header, and not to be had later
        return None if element.length else element._replace(VR=vr, value=b"", is_implicit_VR=False)
    if not element.is_little_endian:
        value = _turned(value, _UNITS.get(vr, 1))
    value += (b"\0" if vr in _PADDED_WITH_NULL else b" ") * (len(value) % 2)  # some writers forget it
    return element._replace(VR=vr, value=value, length=len(value), is_implicit_VR=False, is_little_endian=True)


def _representation(element: RawDataElement, signed: bool) -> str:
    """The value representation, which an implicit file leaves to the dictionary."""
    from pydicom.datadict import dictionary_VR

    if element.VR is not None:
        return element.VR
    if element.tag.is_private:
        return "LO" if 0x10 <= element.tag.element <= 0xFF else "UN"
    try:
        vr = dictionary_VR(element.tag)
    except KeyError:
        return "UN"
    if " or " not in vr:
        return vr
    if "OW" in vr:
        return "OW"
    return "SS" if signed else "US"


def _turned(value: bytes, unit: int) -> bytes:
    """Big endian numbers of `unit` bytes as little endian."""
    if unit == 1 or len(value) % unit:
        return value
    return np.frombuffer(value, f">u{unit}").astype(f"<u{unit}").tobytes()
