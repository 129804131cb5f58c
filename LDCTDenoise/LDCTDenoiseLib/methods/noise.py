"""The random numbers of the methods that draw."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

MOST_THREADS = 8  # a slice of 512² takes some 4 ms, so that these draw 2,000 a second


def gaussian_noise(seeds: Sequence[int], shape: tuple[int, int], out: np.ndarray | None = None) -> np.ndarray:
    """ε, float32 [n, 1, H, W]: from NumPy and slice by slice, so that device and batch do not change it.

    out  where to write it; None for a new array. The slices of a batch are drawn side by side in several threads.
    """
    noise = np.empty((len(seeds), 1, *shape), np.float32) if out is None else out

    def draw(number: int) -> None:
        np.random.default_rng(seeds[number]).standard_normal(dtype=np.float32, out=noise[number, 0])

    if len(seeds) == 1:
        draw(0)
    elif seeds:
        from concurrent.futures import ThreadPoolExecutor

        # threads for this batch alone: a kept pool would be dead, and waited for, in a process that is forked
        with ThreadPoolExecutor(min(len(seeds), MOST_THREADS, _cores()), "noise") as threads:
            list(threads.map(draw, range(len(seeds))))
    return noise


def _cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
