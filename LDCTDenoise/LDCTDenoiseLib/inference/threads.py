"""How many threads torch has, and how they wait for one another."""

from __future__ import annotations

import os

from .hardware import usable_cores

POLICY, SPINS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
FEW = "2000"  # some microseconds
COUNT = "OMP_NUM_THREADS"
_to_fit = False


def sleep_soon() -> None:
    """Threads that wait for one another sleep after some microseconds. To be called before torch is imported.

    As GNU's OpenMP has it, they spin for milliseconds. On idle cores that is a little quicker (by 5 %). But where other
    programs want a core, a thread spins while the one that it waits for cannot run, thousands of times a slice: beside
    a program of higher priority that kept one of two cores busy, FoundDiff took 54 seconds a slice, and 2 with this.
    What the user has set in the environment stays. Windows and macOS have another OpenMP, which does not read it.
    """
    if POLICY not in os.environ:
        os.environ.setdefault(SPINS, FEW)


def fit_soon() -> None:
    """When a method is placed, torch gets as many threads as fit the machine: see `fit`."""
    global _to_fit
    _to_fit = True


def fit() -> None:
    """One thread for each core that this process may use, once, if `fit_soon` was called.

    torch counts processors. But two of them may be one core, where a second thread brings nothing and Slicer finds no
    room; and a container with a share of two out of 64 is stopped again and again when 64 threads use its share up.
    OMP_NUM_THREADS of the user stays, and so does torch's own choice where the cores are not known.
    """
    global _to_fit
    if not _to_fit:
        return
    _to_fit = False
    cores = usable_cores()
    if cores is not None and COUNT not in os.environ:
        import torch

        torch.set_num_threads(min(cores, torch.get_num_threads()))
