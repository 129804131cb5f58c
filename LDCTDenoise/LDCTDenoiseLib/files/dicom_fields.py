"""Header values of one slice, wherever the object keeps them, checked as they are taken out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InputError
from .dicom_header import value_of

if TYPE_CHECKING:
    from pydicom import Dataset

_WORDS = {
    "RescaleSlope": "rescale slope",
    "RescaleIntercept": "rescale intercept",
    "ImagePositionPatient": "position",
    "ImageOrientationPatient": "orientation",
    "PixelSpacing": "pixel spacing",
    "Rows": "number of rows",
    "Columns": "number of columns",
    "BitsAllocated": "number of bits",
    "PixelRepresentation": "sign of values",
}


class Fields:
    """The header values of one slice: those of its frame first, then those that all frames share."""

    def __init__(self, name: str, *holders: Dataset):
        self.name = name
        self._holders = holders

    def get(self, keyword: str) -> object:
        """The value, or None where no holder has one."""
        values = (value_of(holder, keyword) for holder in self._holders)
        return next((value for value in values if value is not None), None)

    def has(self, group: int, element: int) -> bool:
        """Whether a tag is there, for tags that have no keyword."""
        return any((group, element) in holder for holder in self._holders)

    def numbers(self, keyword: str, count: int) -> tuple[float, ...]:
        """`count` finite numbers. Raises InputError if they are absent, or are something else."""
        value = self.get(keyword)
        words = f"{_WORDS.get(keyword, keyword)} ({keyword})"
        if value is None:
            raise InputError(f"{self.name} does not tell its {words}; export the series again with complete headers.")
        try:
            numbers = tuple(
                float(v) for v in (value if isinstance(value, Sequence) and not isinstance(value, str) else [value])
            )
        except (TypeError, ValueError):
            numbers = ()
        if len(numbers) != count or not all(math.isfinite(v) for v in numbers):
            raise InputError(f"{self.name} has an unreadable {words}; export the series again.")
        return numbers

    def number(self, keyword: str) -> float:
        return self.numbers(keyword, 1)[0]

    def whole(self, keyword: str, default: int | None = None) -> int:
        """A whole number; `default`, where one is given, if it is absent."""
        if default is not None and self.get(keyword) is None:
            return default
        return int(self.number(keyword))

    def length(self, keyword: str) -> float | None:
        """A positive length in mm, or None if there is no sensible one: for values that are only a hint."""
        try:
            value = self.number(keyword)
        except InputError:
            return None
        return value if value > 0 else None


def fields_of_frames(name: str, dataset: Dataset, frames: int) -> list[Fields]:
    """One `Fields` per frame.

    An enhanced CT object keeps most values in functional groups: sequences of one item, in an item per frame or in
    one that all frames share. A classic CT image has one frame and no groups.
    Raises InputError if there are several frames and no groups to tell where they lie.
    """
    per_frame = _items_of(value_of(dataset, "PerFrameFunctionalGroupsSequence"))
    shared = _items_of(value_of(dataset, "SharedFunctionalGroupsSequence"))
    if not per_frame and not shared and frames == 1:
        return [Fields(name, dataset)]
    if len(per_frame) != frames:
        raise InputError(f"{name} holds {frames} frames and does not tell where each lies; export single images.")
    common = [item for group in shared for item in _items(group)]
    return [Fields(name, *_items(group), *common, dataset) for group in per_frame]


def _items(group: Dataset) -> list[Dataset]:
    """The first item of every sequence in a functional group."""
    items = []
    for tag in list(group.keys()):
        try:
            value = group[tag].value if _is_sequence(group, tag) else None
        except Exception:  # pydicom decodes on access; a value that it cannot decode is none that is needed
            continue
        items += _items_of(value)[:1]
    return items


def _is_sequence(group: Dataset, tag: int) -> bool:
    """Told without decoding the value: a hostile group holds other elements by the million."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    kind = group.get_item(tag).VR
    if kind in (None, "UN"):  # None: an implicit file does not tell
        return dictionary_has_tag(tag) and dictionary_VR(tag) == "SQ"
    return kind == "SQ"


def _items_of(value: object) -> list[Dataset]:
    """The items of a DICOM sequence; none of what is not one."""
    from pydicom import Sequence as DicomSequence

    return list(value) if isinstance(value, DicomSequence) else []
