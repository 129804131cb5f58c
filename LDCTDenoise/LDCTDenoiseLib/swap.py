"""Finished drafts take their places, and take them whole: a kill at any step is undone by whoever comes by next.

In a workplace beside the outputs: `new/` holds the drafts, `old/` what they replace, `journal` what was about to
happen. Several files are one output (a header and its voxels); the last one is the one that readers look for.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_JOURNAL = "journal"
_SWAP = 2  # of two names: RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_HERE = -100  # AT_FDCWD


def take_places(folder: Path, names: Sequence[str]) -> None:
    """Moves `names` from folder/new to beside `folder`, the last one last, replacing what is there.

    One file or a new folder takes one step of the system, and so does an exchange of two folders where the system
    can; otherwise the former output is kept until the new one is complete. After an exception `undo` is due.
    """
    place, new, last = folder.parent, folder / "new", names[-1]
    is_one = len(names) == 1
    if is_one and (not (new / last).is_dir() or not os.path.lexists(place / last)):
        (new / last).replace(place / last)
        return
    if is_one and _exchange(new / last, place / last):
        return
    _write_journal(folder, names)
    for name in reversed(names):
        if os.path.lexists(place / name):
            (place / name).replace(folder / "old" / name)
    for name in names:
        (new / name).replace(place / name)


def undo(folder: Path) -> bool:
    """Brings the former output back if the journal in `folder` tells of a move that was not completed.

    False if that cannot be done now, and `folder` must be kept.
    """
    place, new, old = folder.parent, folder / "new", folder / "old"
    try:
        drafts = _read_journal(folder)
        last = next(reversed(drafts), None)
        if last is None or not os.path.lexists(new / last):
            return True  # nothing was to be moved, or everything was
        for name, draft in drafts.items():
            if not os.path.lexists(new / name) and _facts(place / name) == draft:
                (place / name).replace(new / name)
            if os.path.lexists(old / name) and not os.path.lexists(place / name):  # else somebody has made one
                (old / name).replace(place / name)
    except OSError:
        return False
    return True


def _write_journal(folder: Path, names: Sequence[str]) -> None:
    (folder / "old").mkdir()
    drafts = [[name, _facts(folder / "new" / name)] for name in names]
    with (folder / _JOURNAL).open("w", encoding="utf-8") as file:
        json.dump(drafts, file)
        file.flush()
        os.fsync(file.fileno())


def _read_journal(folder: Path) -> dict[str, list[int]]:
    """name → facts, in order; empty if there is none, or none that was finished."""
    try:
        drafts = dict(json.loads((folder / _JOURNAL).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return {}
    return drafts if all(name and Path(name).name == name and name != ".." for name in drafts) else {}


def _facts(path: Path) -> list[int] | None:
    """Whether a file is the same after a move: its size and time of change; None if it is not there."""
    try:
        info = path.lstat()
    except OSError:
        return None
    return [info.st_size, info.st_mtime_ns]


def _exchange(one: Path, other: Path) -> bool:
    """Two names change places in one step; False where the system or the file system cannot."""
    import ctypes

    names = {"linux": "renameat2", "darwin": "renamex_np"}
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), names[sys.platform])
    except (KeyError, AttributeError, OSError, TypeError):
        return False
    here = (ctypes.c_int(_HERE),) if sys.platform == "linux" else ()
    return function(*here, os.fsencode(one), *here, os.fsencode(other), ctypes.c_uint(_SWAP)) == 0
