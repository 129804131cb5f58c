"""How much freed memory a process keeps for its next slice."""

from __future__ import annotations

import ctypes
import sys

# M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX and M_ARENA_MAX of glibc's malloc.h
_TRIM, _MAP, _MAPS, _ARENAS = -1, -3, -4, -8
_KEPT = 512 << 20  # bytes at the end of the heap before they go back to the system
_MAPPED = 32 << 20  # bytes from which a block is mapped anew each time, where it is at all; glibc takes no more


def keep_memory() -> bool:
    """Blocks of the size of a network's layers are used again and not fetched from the system for every layer.

    glibc maps every block above 32 MB anew, and many smaller ones until it has learnt better; the system then clears
    gigabytes a slice. On two cores that was half of the time of RDDM in its published size. Dask gives its workers
    MALLOC_TRIM_THRESHOLD_=65536, which makes it worse still.

    All threads share one arena. Those that glibc makes for threads consist of heaps of 64 MB: a larger block is mapped
    anew there whatever else is set, and a batch computes in threads. A thread that has an arena already keeps it.

    What is kept is given back by `give_back`. For processes of our own only: in somebody else's, memory is not ours to
    keep. Has no effect, and returns False, where there is no glibc: on Windows, macOS and musl.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None:
        return False
    taken = [mallopt(*one) for one in ((_MAPS, 0), (_MAP, _MAPPED), (_TRIM, _KEPT), (_ARENAS, 1))]
    return all(taken)


def give_back() -> bool:
    """What this process has freed goes back to the system: to be called when a run has ended, or a large block has.

    Costs milliseconds, and the next slice the clearing of what it needs. Returns whether there was anything to give,
    False where there is no glibc.
    """
    trim = _glibc("malloc_trim")
    return trim is not None and bool(trim(0))


def _glibc(name: str):
    """A function of the C library; None where it is not there."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):  # another C library
        return None
