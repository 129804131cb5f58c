"""How much freed memory a process keeps for its next slice."""

from __future__ import annotations

import ctypes
import sys

_TRIM, _MAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
_KEPT = 256 << 20  # bytes at the end of the heap before they go back to the system
_MAPPED = 32 << 20  # bytes from which a block is mapped anew each time; glibc takes no more


def keep_memory() -> bool:
    """Blocks of the size of a network's layers are used again and not fetched from the system for every layer.

    Dask gives its workers MALLOC_TRIM_THRESHOLD_=65536, and to set it at all makes glibc map every such block anew:
    the system then clears gigabytes a slice, and a network took 2.5 times as long. Has no effect, and returns False,
    where there is no glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_MAP, _MAPPED) and mallopt(_TRIM, _KEPT))
