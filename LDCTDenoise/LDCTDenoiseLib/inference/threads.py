"""How the threads of torch wait for one another."""

from __future__ import annotations

import os

POLICY, SPINS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
FEW = "2000"  # some microseconds


def sleep_soon() -> None:
    """Threads that wait for one another sleep after some microseconds. To be called before torch is imported.

    As GNU's OpenMP has it, they spin for milliseconds. On idle cores that is a little quicker (by 5 %). But where other
    programs want a core, a thread spins while the one that it waits for cannot run, thousands of times a slice: beside
    a program of higher priority that kept one of two cores busy, FoundDiff took 54 seconds a slice, and 2 with this.
    What the user has set in the environment stays. Windows and macOS have another OpenMP, which does not read it.
    """
    if POLICY not in os.environ:
        os.environ.setdefault(SPINS, FEW)
