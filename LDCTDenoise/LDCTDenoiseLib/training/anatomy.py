"""Which anatomy a slice shows, as the configuration says: by name of the series, and where needed by slice ranges."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from ..errors import InputError
from ..weights.cards import is_text, is_whole

UNKNOWN = -1


class AnatomyLabels:
    """table: pattern of a series' name (with * and ?) → the name of an anatomy, or a list of [first, last, name] with
    half-open ranges of slices, from 0 in the order of the series. Slices without a label are left out.

    The first pattern that fits counts.
    """

    def __init__(self, table: object):
        if not isinstance(table, dict) or not table:
            raise InputError("The options of the configuration are not right: anatomy is not a table of labels.")
        self._table = {pattern: _ranges(pattern, value) for pattern, value in table.items()}
        names = {name for ranges in self._table.values() for _, _, name in ranges}
        self.names = tuple(sorted(names))  # the order of classes
        if len(self.names) < 2:
            raise InputError("The options of the configuration are not right: anatomy names fewer than two anatomies.")

    def of(self, series: str, slices: int) -> np.ndarray:
        """int64 [slices]: the class of each slice of a series, UNKNOWN where it has none."""
        classes = np.full(slices, UNKNOWN)
        for pattern, ranges in self._table.items():
            if fnmatchcase(series, pattern):
                for first, last, name in ranges:
                    classes[first:last] = self.names.index(name)
                return classes
        return classes

    def check(self, series: Sequence[tuple[str, int]], held_out: Sequence[str]) -> None:
        """InputError unless every anatomy has slices to train on. series: names and numbers of slices."""
        seen = {int(c) for name, slices in series if name not in held_out for c in self.of(name, slices)}
        missing = [name for number, name in enumerate(self.names) if number not in seen]
        if missing:
            raise InputError(
                f"No slice to train on is labelled {', '.join(missing)}: the table anatomy in the options of the "
                "configuration must name the series of your data."
            )


def _ranges(pattern: str, value: object) -> list[tuple[int, int | None, str]]:
    if is_text(value):
        return [(0, None, value)]
    if isinstance(value, list) and value and all(map(_is_range, value)):
        return [tuple(entry) for entry in value]
    raise InputError(
        f"The options of the configuration are not right: the anatomy of {pattern} is neither a name nor a list of "
        "[first slice, last slice, name]."
    )


def _is_range(entry: object) -> bool:
    if not (isinstance(entry, list) and len(entry) == 3 and is_text(entry[2])):
        return False
    return all(map(is_whole, entry[:2])) and 0 <= entry[0] < entry[1]
