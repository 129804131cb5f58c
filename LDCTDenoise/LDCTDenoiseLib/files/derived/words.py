"""Free text of the source, and words added to it, in whatever character set the source has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..dicom_header import value_of
from .elements import put

if TYPE_CHECKING:
    from pydicom import Dataset


def text_of(header: Dataset, keyword: str) -> str:
    """Free text on one line, without characters that its character set could not give back."""
    value = value_of(header, keyword)
    if value is None:
        return ""
    several = not isinstance(value, str) and isinstance(value, Sequence)
    text = " ".join(str(part) for part in value) if several else str(value)
    return " ".join("".join(c if c.isprintable() and c != "\ufffd" else " " for c in text).split())


def add_words(header: Dataset, keyword: str, words: str, joint: str, longest: int) -> None:
    """Puts `words`, plain ASCII, behind the text that an element has, of which only what leaves them room stays.

    joint    between both, where there is a text before
    longest  characters that the element may have

    Bytes of the source are added to, not decoded and encoded again: pydicom cannot write all that it can read.
    """
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    element = header.get_item(tag) if tag in header else None
    before = text_of(header, keyword)
    if not before:
        put(header, keyword, words[:longest])
        return
    words = joint + words
    room = max(0, longest - len(words))
    raw = element.value.strip(b" \0") if element.is_raw else b""
    value = value_of(header, keyword)
    one_line = isinstance(value, str) and value.isprintable()
    characters = len(value.strip()) if one_line else 0
    one_byte_each = len(raw) == characters
    if raw and one_line and (characters <= room or one_byte_each):
        value = raw[:room].rstrip() + words.encode("ascii") if one_byte_each else raw + words.encode("ascii")
        value += b" " * (len(value) % 2)
        header[tag] = element._replace(value=value, length=len(value))
    else:
        put(header, keyword, before[:room].rstrip() + words)
