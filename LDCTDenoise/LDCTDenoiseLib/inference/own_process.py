"""What a process of our own, a command or the worker, sets up before it imports torch."""

from __future__ import annotations

from .allocator import keep_memory
from .threads import fit_soon, sleep_soon


def set_up() -> None:
    """Threads sleep soon and are as many as fit the machine, freed memory is kept for the next slice.

    Never called when the library is imported into somebody else's process: how that uses the machine is its own affair.
    """
    sleep_soon()
    fit_soon()
    keep_memory()
