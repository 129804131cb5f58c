"""Are two trees of outputs the same in everything but the time of their making?"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pydicom

from .series import FAMILY_NAMES

_TIMES = ("DA", "TM", "DT")  # value representations
_OF_THE_RUN = {"finished", "seconds", "run", "stat", "versions"}  # in records and log: when and how, not what


def contents(tree: Path) -> dict[str, object]:
    """What each file below `tree` says, without times; by its path."""
    return {path.relative_to(tree).as_posix(): _content(path) for path in sorted(tree.rglob("*")) if path.is_file()}


def differences(one: dict[str, object], other: dict[str, object]) -> list[str]:
    """Sentences; none if the two are the same."""
    found = [f"{name} is missing" for name in one.keys() - other.keys()]
    found += [f"{name} is more than wanted" for name in other.keys() - one.keys()]
    found += [f"{name} differs" for name in one.keys() & other.keys() if one[name] != other[name]]
    return sorted(found)


def leftovers(*trees: Path) -> list[str]:
    """Hidden files and folders, which nobody wants to find in the morning."""
    return [
        f"{path.relative_to(tree).as_posix()} was left behind"
        for tree in trees
        for path in sorted(tree.rglob("*"))
        if path.name.startswith(".")
    ]


def named(log: Path) -> list[str]:
    """Patients' names in the log."""
    if not log.exists():
        return ["there is no log"]
    text = log.read_text(encoding="utf-8-sig")
    return [f"the log holds the name {name}" for name in FAMILY_NAMES if name in text]


def statuses(log: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    if not log.exists():
        return counts
    with log.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            counts[row["status"]] = counts.get(row["status"], 0) + 1
    return counts


def _content(path: Path) -> object:
    if path.suffix == ".dcm":
        dataset = pydicom.dcmread(path)
        everything = (*dataset.file_meta, *dataset.iterall())
        return [(str(e.tag), repr(e.value)) for e in everything if e.VR not in (*_TIMES, "SQ")]
    if path.suffix == ".json":
        return _timeless(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return [_timeless(row) for row in csv.DictReader(lines)]
    return path.read_bytes()


def _timeless(facts: object) -> object:
    if not isinstance(facts, dict):
        return facts
    return {key: _timeless(value) for key, value in facts.items() if key not in _OF_THE_RUN}
