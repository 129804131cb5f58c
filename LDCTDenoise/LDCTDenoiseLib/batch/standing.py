"""How far a piece of work is: to be done, done already, or in the way of what is asked for now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .plan import Options, Task, format_of, record_of
from .records import read_record
from .state import agrees, contents, input_state, output_contents, output_files, output_state

if TYPE_CHECKING:
    from ..weights.cards import Card

_WAYS = "replace it with --resume --overwrite, or choose another output folder"


def finished(
    task: Task,
    output: Path,
    card: Card,
    options: Options,
    *,
    sure: bool = True,
    cancel: Callable[[], bool] | None = None,
) -> dict | None:
    """The record of the output if this work is done already, None if it is to be done.

    sure    look into files whose times have changed; without it such work counts as to be done, which is quick
    Raises InputError where something else is in the way and may not be replaced: an output made with other settings
    or from other files than now, or one that no record tells of.
    """
    record = _own(read_record_unless(record_of(output), options.overwrite), task, card)
    now = format_of(output)
    if record is not None and (former := record["task"].get("format", now)) != now:  # both have the same record
        return _refuse(output, options, f"is there as {former} already; keep that --format, or {_WAYS}")
    if not output_files(output) and not output.exists():
        return None
    if record is not None and (changes := differing(record, card, options)):
        return _refuse(output, options, f"was made with {changes}; choose the same again, or {_WAYS}")
    strange = f"exists, but not as a batch has left it; {_WAYS}"
    if record is None:
        return _refuse(output, options, strange)
    look = (lambda: output_contents(output, cancel)) if sure else None
    if not agrees(record["task"].get("output"), output_state(output), look):
        return _refuse(output, options, strange) if sure else None
    look = (lambda: contents([file.path for file in task.series.files], cancel)) if sure else None
    if not agrees(record["task"].get("input"), input_state(task.series), look):
        text = f"was made from files that have changed since then; {_WAYS}"
        return _refuse(output, options, text) if sure else None
    return None if options.anew and not options.is_of_this_run(record) else record


def read_record_unless(path: Path, overwrite: bool) -> dict | None:
    """The record; of a file that is none, None where it may be replaced."""
    try:
        return read_record(path)
    except InputError:
        if overwrite:
            return None
        raise


def differing(record: dict, card: Card, options: Options) -> str:
    """In which settings the record differs from what is asked for now: "strength 0.5 instead of 1", or nothing."""
    former, wanted = record["task"].get("settings"), options.essence(card)
    if not isinstance(former, dict):
        return "unknown settings"
    words = {"checksum": "other weights", "private": "another choice about private tags"}
    found = []
    for key, value in wanted.items():
        if former.get(key) != value:
            own = "the method's own"
            was, now = (own if one is None else one for one in (former.get(key), value))
            found.append(words.get(key) or f"{key.replace('_', ' ')} {was} instead of {now}")
    return " and ".join(found)


def _own(record: dict | None, task: Task, card: Card) -> dict | None:
    """The record if it tells of this series and method."""
    if record is None or record["task"]["key"] != task.series.key or record["model"] != card.id:
        return None
    return record


def _refuse(output: Path, options: Options, why: str) -> None:
    """Whatever is there is to be replaced, or is in the way."""
    if not options.overwrite:
        raise InputError(f"{output.name} {why}.")
