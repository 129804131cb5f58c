"""Whose is a folder in which work goes on, and may that process still live? When in doubt it does."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import time
from pathlib import Path

from .locks import FileLock

LONG_AGO = 24 * 3600.0  # seconds: work of another machine that nobody touched for so long has ended


@functools.cache
def _here() -> dict[str, str]:
    """What tells this machine, its run since the last start, and its table of processes from others; no names."""
    facts = {
        "machine": platform.node() + _text("/etc/machine-id"),
        "boot": _text("/proc/sys/kernel/random/boot_id"),
        "processes": _link("/proc/self/ns/pid"),
    }
    return {key: hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16] for key, text in facts.items()}


def sign(lock: FileLock) -> None:
    """Writes into the lock's file who holds it."""
    lock.write(json.dumps({**_here(), "pid": os.getpid()}).encode())


def may_live(lock: FileLock, taken: bool | None, folder: Path) -> bool:
    """Whether the process that signed the lock's file may be at work in `folder`.

    taken  what `lock.take` said just now. A lock that is free is proof on the machine of the owner; between machines
           it is not, since some file systems keep locks to each machine. There, and where there are no locks, time
           decides.
    """
    if taken is False:
        return True
    here, owner = _here(), _signature(lock)
    if taken and (owner.get("machine") == here["machine"] or _same(owner, here, "boot")):
        return False
    if _same(owner, here, "machine", "boot", "processes") and os.name == "posix":
        return _runs(owner.get("pid"))
    return time.time() - _last_touched(folder) < LONG_AGO


def _same(owner: dict, here: dict, *keys: str) -> bool:
    """Empty facts, as outside Linux, are no facts."""
    empty = hashlib.sha256(b"").hexdigest()[:16]
    return all(here[key] != empty and owner.get(key) == here[key] for key in keys)


def _signature(lock: FileLock) -> dict:
    try:
        owner = json.loads(lock.read())
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _runs(pid: object) -> bool:
    """Whether there is a process of this number; perhaps another one by now, which is not told apart."""
    if not isinstance(pid, int) or pid <= 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _last_touched(folder: Path) -> float:
    """The latest time of change of `folder` (or file) and all below, s since the epoch; now if that cannot be told."""
    try:
        latest = folder.lstat().st_mtime
        for entry in folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ():
            latest = max(latest, _last_touched(entry))
    except OSError:
        return time.time()
    return latest


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
