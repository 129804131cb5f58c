"""Whether something fits into this computer's memory: asked before it is taken, since asking too much stops others.

In a container (Docker, Slurm, Kubernetes) the computer's memory is not the question but the container's: who takes
more is killed without a word.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from ..errors import InputError

_UNLIMITED = 1 << 60  # bytes; version 1 writes some such number for none


def require_room(name: str, needed: int) -> None:
    """InputError if the volume `name`, which takes `needed` bytes, is larger than all memory that we may have."""
    memory = physical_memory()
    if memory is not None and needed > memory:
        raise InputError(
            f"{name} needs {needed / 2**30:.1f} GB of memory and this computer, or the container in which this runs, "
            f"has {memory / 2**30:.1f} GB; choose a smaller volume."
        )


@cache
def physical_memory() -> int | None:
    """Bytes of this computer, or of the container where that has less; None where the system does not tell."""
    known = [size for size in (_installed(), container_memory()) if size is not None]
    return min(known, default=None)


def container_memory(process: Path = Path("/proc/self"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that Linux allows the control groups (version 1 or 2) of this process; None where it sets no limit.

    process, groups  where the kernel tells of them
    """
    try:
        lines = (process / "cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    limits = []
    for line in lines:  # number:controllers:path, in version 2 without controllers
        _, _, named = line.partition(":")
        controllers, _, path = named.partition(":")
        if controllers == "":
            limits += _limits(groups, path, "memory.max") + _limits(groups / "unified", path, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits(groups / "memory", path, "memory.limit_in_bytes")
    return min(limits, default=None)


def _limits(home: Path, path: str, name: str) -> list[int]:
    """Those of a group and of all groups above it. In a container its own group often is the root that it sees."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    found = []
    for depth in range(len(parts) + 1):
        try:
            text = home.joinpath(*parts[:depth], name).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        if text.isdigit() and 0 < int(text) < _UNLIMITED:  # not "max"
            found.append(int(text))
    return found


def _installed() -> int | None:
    if sys.platform == "win32":
        return _windows_memory()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _windows_memory() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("others", ctypes.c_ulonglong * 6),
        )

    status = Status(length=ctypes.sizeof(Status))
    told = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return status.total if told else None
