"""The log of a batch, OUTPUT_TREE/batch.csv: a line for every series and method, for people and spreadsheets.

Lines are appended and on the disk before anything else happens; a line torn by a power cut is dropped when the log is
opened again, and what it told comes from the record beside the output. Then and at the end the log is put in order.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..atomic import atomic_output, write_failure
from ..errors import InputError
from .records import Row

NAME = "batch.csv"
COLUMNS = (
    "number", "series", "model", "status", "slices", "seconds", "noise_before", "noise_after", "error", "notices",
    "output", "record", "finished", "version", "key",
)  # fmt: skip
LEFT = "left"  # status of what was found and is not done; such lines are of the latest search
_BOM = "\ufeff"  # without it Excel takes UTF-8 for the code page of the country
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
_FORMULA = tuple("=+-@\t\r")
_LONGEST = 32_000  # characters: what a cell of a spreadsheet can hold


class Log:
    """An open log; one process at a time holds one (see `workplace.only_one`)."""

    def __init__(self, folder: Path, numbers: Mapping[tuple[str, str], int], left: Sequence[Row] = ()):
        """Opens the log in `folder`, or begins it; `numbers` of the series by (key, model), in the order of the lines.

        left  lines for what is left out: series, status LEFT and the reason as `error`; they come last

        Raises InputError if there is a file of that name that is no log, or none can be written.
        """
        self.path = folder / NAME
        self._numbers = {pair: str(number) for pair, number in numbers.items()}
        self._rows = {(row["key"], row["model"]): row for row in read_log(self.path) if row["status"] != LEFT}
        self._left = [_line(row) for row in left]
        self._file = None
        self.settle()
        try:
            self._file = self.path.open("ab", buffering=0)  # Excel may look at it meanwhile, and not lock it
        except OSError as error:
            raise InputError(write_failure(self.path, error)) from error

    def add(self, row: Row) -> None:
        """Appends a line, and returns when it is on the disk. InputError if it cannot be written."""
        line = _line(row)
        self._rows[line["key"], line["model"]] = line
        size = self._file.tell()
        try:
            data = _lines([line])
            if self._file.write(data) < len(data):  # an unbuffered file takes what there is room for
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError as error:
            self._forget_after(size)
            raise InputError(
                f"{write_failure(self.path, error).rstrip('.')}. What is done stays done; "
                "go on with --resume, which completes the log."
            ) from error

    def complete(self, row: Row) -> None:
        """Appends a line unless it tells only what the log says already: work that was done before."""
        known = self._rows.get((row["key"], row["model"]))
        if row["status"] != "already":
            self.add(row)
        elif known is None or known["status"] != "done":
            self.add({**row, "status": "done"})

    def settle(self) -> None:
        """One line for every series and method, the last that was said of it, in order."""
        places = {pair: place for place, pair in enumerate(self._numbers)}
        rows = sorted(self._rows.items(), key=lambda item: places.get(item[0], len(places)))  # others come last
        for pair, row in rows:
            row["number"] = self._numbers.get(pair, "")
        head = dict(zip(COLUMNS, COLUMNS, strict=True))
        with atomic_output(self.path, overwrite=True) as aside:
            aside.write_bytes(_BOM.encode() + _lines([head, *(row for _, row in rows), *self._left]))

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_) -> None:
        self._file.close()
        with contextlib.suppress(InputError):  # nothing is lost: each line is there, only not in its place
            self.settle()

    def _forget_after(self, size: int) -> None:
        """Half a line goes; if not even that can be written, opening the log will drop it."""
        with contextlib.suppress(OSError):
            self._file.truncate(size)


def read_log(path: Path) -> list[dict[str, str]]:
    """The whole lines of the log, if there is one, with the columns of today. InputError for a file that is no log."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(write_failure(path, error)) from error
    lines = data.decode("utf-8", "replace").removeprefix(_BOM).split("\n")[:-1]  # after the last end of a line: torn
    if not lines and f"{_BOM}{','.join(COLUMNS)}".encode().startswith(data.rstrip(b"\0")):
        return []
    head, *rest = [_cells(line) for line in lines] or [[]]
    if not {"key", "model", "status"} <= set(head):
        raise _foreign(path)
    rows = [dict(zip(head, cells, strict=True)) for cells in rest if len(cells) == len(head)]
    return [{name: row.get(name, "") for name in COLUMNS} for row in rows]


def _cells(line: str) -> list[str]:
    """Of one line; none of what no log holds."""
    try:
        return [] if "\0" in line else next(csv.reader([line]), [])
    except csv.Error:
        return []


def _foreign(path: Path) -> InputError:
    return InputError(
        f"{path} is not as a batch has left it, a spreadsheet may have saved it; rename it: --resume makes it anew."
    )


def _line(row: Row) -> dict[str, str]:
    return {name: _cell(row.get(name, "")) for name in COLUMNS}


def _lines(rows: Iterable[dict[str, str]]) -> bytes:
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    """In one line, and nothing that a spreadsheet would take for a formula."""
    if isinstance(value, float):
        value = f"{value:.6g}"
    text = " ".join(str(value).replace("\0", "").split())[:_LONGEST]
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
