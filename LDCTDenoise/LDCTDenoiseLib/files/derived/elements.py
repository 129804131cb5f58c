"""Setting and taking away elements of a header. What is set is new: elements may be shared between slices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..dicom_header import value_of

if TYPE_CHECKING:
    from pydicom import Dataset


def put(header: Dataset, keyword: str, value: object, vr: str | None = None) -> None:
    """Sets an element, replacing what was there."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    tag = tag_for_keyword(keyword)
    header.add_new(tag, vr or dictionary_VR(tag), value)


def drop(header: Dataset, keywords: Iterable[str]) -> None:
    for keyword in keywords:
        if keyword in header:
            del header[keyword]


def item(**values: object) -> Dataset:
    """An item of a sequence."""
    from pydicom import Dataset

    dataset = Dataset()
    for keyword, value in values.items():
        put(dataset, keyword, value)
    return dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def append(header: Dataset, keyword: str, items: Sequence[Dataset]) -> None:
    """Adds items behind those that the sequence has."""
    former = value_of(header, keyword)
    put(header, keyword, [*(former if former is not None else ()), *items])
