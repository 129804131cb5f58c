"""What a derived series is called: UIDs, number, description.

All are made from what the series is, not from chance or time: the same result delivered twice is the same object.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .provenance import Made
from .words import add_words

if TYPE_CHECKING:
    from pydicom import Dataset

_LONGEST = 64  # characters of a description
_LONGEST_LABEL = 40  # of them: a long name of a model leaves some to the source's own words
_LARGEST = 2**31 - 1  # of a DICOM integer string
_NUMBERS = 99  # per series of the source
_SALT = 0  # chosen so that no two models of the catalogue get the same number; a test keeps it so


def uid(*facts: object) -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=["LDCTDenoise", *(repr(fact) for fact in facts)]))


def series_number(source: object, made: Made) -> int:
    """The source's number × 100 + n, where n belongs to the model and its settings."""
    try:
        number = abs(int(str(source)))
    except ValueError:  # none, or none that can be read
        number = 0
    digest = hashlib.sha256(f"{_SALT} {made.label}".encode()).digest()
    n = 1 + int.from_bytes(digest[:8], "big") % _NUMBERS
    if number * 100 + n > _LARGEST:
        number %= 10**7
    candidate = number * 100 + n
    return candidate if str(candidate) != str(source).strip() else candidate + 1


def name_series(header: Dataset, made: Made) -> None:
    """The source's words and the model's name, at most 64 characters."""
    add_words(header, "SeriesDescription", f"[{made.label[:_LONGEST_LABEL]}]", " ", _LONGEST)
