"""The wire between the panel and the worker: the two pipes, and what a request may say."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from ..errors import InputError


def take_pipes() -> tuple[TextIO, TextIO]:
    """(requests, events): standard input and output, from now on ours alone.

    Whatever else prints (a library, a compiler's run-time) then prints to standard error, which is the log, and
    cannot spoil the lines that the panel reads; whatever else reads finds nothing.
    """
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace")
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", newline="\n")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, events


class Request:
    """One request. Its values are asked for by kind; InputError, said of the field, where one is not of that kind."""

    def __init__(self, values: dict[str, Any]):
        self._values = values
        self.id = values.get("id")

    @classmethod
    def from_line(cls, line: str) -> Request:
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError("A request to the worker was not JSON; this is a defect of the panel.") from error
        if not isinstance(values, dict):
            raise InputError("A request to the worker was not a JSON object; this is a defect of the panel.")
        return cls(values)

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._values.get(name) is not None

    def names(self, name: str) -> bool:
        """Whether the field is there, even as null."""
        return name in self._values

    def text(self, name: str) -> str:
        value = self._values.get(name)
        return value if isinstance(value, str) and value else self._refuse(name, "a text")

    def path(self, name: str) -> Path:
        text = self.text(name)
        return Path(text) if "\0" not in text else self._refuse(name, "a path")

    def paths(self, name: str) -> list[Path]:
        """Any number of paths, none where the field is not there."""
        values = self._values.get(name) if self.has(name) else []
        if not isinstance(values, list) or not all(isinstance(v, str) and v and "\0" not in v for v in values):
            self._refuse(name, "a list of paths")
        return [Path(value) for value in values]

    def facts(self, name: str) -> dict[str, Any]:
        """An object, empty where the field is not there."""
        value = self._values.get(name) if self.has(name) else {}
        return value if isinstance(value, dict) else self._refuse(name, "an object")

    def texts(self, name: str) -> dict[str, str]:
        """An object of texts; what is null in it is left out."""
        values = {key: value for key, value in self.facts(name).items() if value is not None}
        return values if all(isinstance(v, str) for v in values.values()) else self._refuse(name, "an object of texts")

    def choice(self, name: str, default: str) -> str:
        """A text, `default` where the field is not there."""
        return self.text(name) if self.has(name) else default

    def whole(self, name: str, default: int | None) -> int | None:
        """A whole number, `default` where the field is not there."""
        if not self.has(name):
            return default
        value = self._values[name]
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return value if is_whole else self._refuse(name, "a whole number")

    def range(self, name: str) -> tuple[int, int] | None:
        """Two whole numbers, None where the field is not there."""
        if not self.has(name):
            return None
        first, last = self.numbers(name, 2)
        if not (first.is_integer() and last.is_integer()):
            self._refuse(name, "two whole numbers")
        return int(first), int(last)

    def number(self, name: str) -> float:
        return self._number(name, self._values.get(name))

    def numbers(self, name: str, count: int) -> list[float]:
        values = self._values.get(name)
        if not isinstance(values, list) or len(values) != count:
            self._refuse(name, f"a list of {count} numbers")
        return [self._number(name, value) for value in values]

    def _number(self, name: str, value: object) -> float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if is_number else self._refuse(name, "a number")

    def _refuse(self, name: str, kind: str):
        raise InputError(f"The request to the worker needs {name!r} as {kind}; this is a defect of the panel.")
