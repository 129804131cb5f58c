"""Card: what is known about a model, read from `<id>.json`. Everything particular about a model is here, not in code.

The same rules for people and editors: `card.schema.json` (JSON Schema, draft 2020-12).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any

from ..errors import InputError

FAMILIES = ("rddm", "founddiff", "classical")
MAX_BYTES = 256 * 1024  # of a card; a shipped one has about 2 kB

_LARGEST_HU = 1e9
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_WEIGHTS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.safetensors")  # no separator: never out of the card's folder
_LINE = re.compile(r"[^\x00-\x1f\x7f]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Card:
    """One model. Whoever makes a Card, from a file or in code, gets InputError if a value cannot be right."""

    id: str  # also the name of its file
    title: str
    version: str
    family: str  # one of FAMILIES: which method reads it
    description: str  # one line
    licence: str
    training_data: str
    intended_use: str
    network: dict[str, Any] = field(default_factory=dict)  # arguments of the network's constructor
    parameters: dict[str, Any] = field(default_factory=dict)  # the same for a classical method, which has no network
    hu_window: tuple[float, float] | None = None  # HU; None: the method takes every value
    weights: str | None = None  # name of a safetensors file beside the card; None: there are none (yet)
    sha256: str | None = None  # of that file
    size: int | None = None  # of that file, bytes
    quality: dict[str, Any] = field(default_factory=dict)  # measured figures, with the command and data that made them
    time: dict[str, Any] = field(default_factory=dict)  # measured times, with the machine
    references: list[str] = field(default_factory=list)
    steps: int | None = None  # network evaluations a slice, where the method lets one choose
    obtain: str | None = None  # what to do for weights that cannot be shipped; ends a sentence

    folder: Path | None = field(default=None, compare=False)  # where the card lies; no part of the file

    def __post_init__(self) -> None:
        if self.hu_window is not None and isinstance(self.hu_window, list):
            object.__setattr__(self, "hu_window", tuple(self.hu_window))
        for problem in _problems(self):
            raise InputError(f"The model card {self.id!r} is not right: {problem}.")

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Card:
        """The card in the file `path`. Raises InputError if it cannot be read, or says something impossible."""
        path = Path(path)
        values = _read_json(path)
        names = [f.name for f in _stored_fields()]
        unknown = [name for name in values if name not in names]
        missing = [f.name for f in _required_fields() if f.name not in values]
        if unknown or missing:
            problem = f"it has an unknown field {unknown[0]!r}" if unknown else f"the field {missing[0]!r} is missing"
            raise InputError(f"The model card {path.name} is not right: {problem}.")
        card = cls(**values, folder=path.parent)
        if path.name != f"{card.id}.json":
            raise InputError(f"The model card {path.name} is not right: its id is {card.id!r}, the file's name is not.")
        return card

    def to_json(self) -> str:
        """The text of the card's file."""
        left_out = {"network" if self.family == "classical" else "parameters"}
        left_out |= {name for name in ("steps", "obtain") if getattr(self, name) is None}
        values = {f.name: getattr(self, f.name) for f in _stored_fields() if f.name not in left_out}
        return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def is_id(text: object) -> bool:
    """Whether `text` can be the id of a model: small letters, digits and hyphens, at most 64."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def _stored_fields():
    return [f for f in fields(Card) if f.name != "folder"]


def _required_fields():
    return [f for f in _stored_fields() if f.default is MISSING and f.default_factory is MISSING]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"The model card {path} could not be read ({error.strerror}).") from error
    if len(data) > MAX_BYTES:
        raise InputError(
            f"The model card {path.name} is larger than {MAX_BYTES // 1024} kB, so it is not a model card."
        )
    try:
        values = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
        json.dumps(values, ensure_ascii=False).encode()  # half a surrogate pair could be neither shown nor stored
    except (ValueError, RecursionError) as error:
        raise InputError(f"The model card {path.name} is not a JSON file in UTF-8; correct it or remove it.") from error
    if not isinstance(values, dict):
        raise InputError(f"The model card {path.name} is not a JSON object.")
    return values


def _refuse_constant(name: str) -> float:
    """Python's reader takes NaN and Infinity, which no other JSON reader does."""
    raise ValueError(f"{name} is not JSON")


def _problems(card: Card) -> Iterator[str]:
    """What is wrong with the values, one clause each."""
    if not is_id(card.id):
        yield "its id is not made of small letters, digits and hyphens (at most 64)"
    for name in ("title", "version", "description"):
        text = getattr(card, name)
        if not (is_text(text) and _LINE.fullmatch(text)):
            yield f"{name} is not one line of text"
    for name in ("licence", "training_data", "intended_use"):
        if not is_text(getattr(card, name)):
            yield f"{name} is not a text"
    if card.obtain is not None and not is_text(card.obtain):
        yield "obtain is not a text"
    if card.family not in FAMILIES:
        yield f"family is not one of {', '.join(FAMILIES)}"
    for name in ("network", "parameters", "quality", "time"):
        if not _is_json_object(getattr(card, name)):
            yield f"{name} is not an object of JSON values"
    if card.network if card.family == "classical" else card.parameters:
        yield "a classical method has parameters and no network, every other family a network and no parameters"
    if card.hu_window is not None and not _is_window(card.hu_window):
        yield "hu_window is neither null nor two numbers in HU, the lower first"
    if not isinstance(card.references, list) or not all(is_text(text) for text in card.references):
        yield "references is not a list of texts"
    if card.steps is not None and not (is_whole(card.steps) and card.steps >= 1):
        yield "steps is not a whole number from 1 on"
    yield from _weights_problems(card)


def _weights_problems(card: Card) -> Iterator[str]:
    given = [value is not None for value in (card.weights, card.sha256, card.size)]
    if not any(given):
        return
    if card.family == "classical":
        yield "a classical method has no weights"
    if not all(given):
        yield "weights, sha256 and size belong together, and one of them is missing"
    if not (isinstance(card.weights, str) and _WEIGHTS.fullmatch(card.weights)):
        yield "weights is not the plain name of a .safetensors file beside the card"
    if not (isinstance(card.sha256, str) and _SHA256.fullmatch(card.sha256)):
        yield "sha256 is not a checksum of 64 small hexadecimal digits"
    if not (is_whole(card.size) and card.size >= 1):
        yield "size is not a number of bytes"


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_window(value: object) -> bool:
    if not (isinstance(value, tuple) and len(value) == 2):
        return False
    numbers = all(is_whole(v) or isinstance(v, float) for v in value)
    # A range and not isfinite, which fails on whole numbers beyond all floats.
    return numbers and -_LARGEST_HU <= value[0] < value[1] <= _LARGEST_HU


def _is_json_object(value: object) -> bool:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return False
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
