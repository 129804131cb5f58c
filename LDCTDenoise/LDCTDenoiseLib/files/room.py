"""Whether something fits into this computer's memory: asked before it is taken, since asking too much stops others."""

from __future__ import annotations

import os
import sys
from functools import cache

from ..errors import InputError


def require_room(name: str, needed: int) -> None:
    """InputError if the volume `name`, which takes `needed` bytes, is larger than all memory of this computer."""
    memory = physical_memory()
    if memory is not None and needed > memory:
        raise InputError(
            f"{name} needs {needed / 2**30:.0f} GB of memory and this computer has {memory / 2**30:.0f} GB; choose a "
            "smaller volume."
        )


@cache
def physical_memory() -> int | None:
    """Bytes, or None where the system does not tell."""
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
