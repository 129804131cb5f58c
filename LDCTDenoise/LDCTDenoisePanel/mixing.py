"""Strength: original + strength · residual, without the network. Pure numpy, slice by slice."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

THREADS = min(4, os.cpu_count() or 1)  # memory keeps up with no more


class Residual:
    """Denoised minus original for a whole volume: int16 as long as every value fits, float32 otherwise."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype):
        """shape [slices, rows, columns] and type of the volume"""
        self.values = np.empty(shape, np.int16 if np.issubdtype(dtype, np.integer) else np.float32)
        self.sourceChecksum: int | None = None  # CRC-32 of the original's voxels

    def keep(self, k: int, before: np.ndarray, after: np.ndarray) -> None:
        """Slice `k` of the volume; before and after [rows, columns] in the volume's own type."""
        exact = np.result_type(before.dtype, np.int32) if self.values.dtype == np.int16 else np.float64
        difference = np.subtract(after, before, dtype=exact)
        if self.values.dtype == np.int16 and not _fits(difference):
            self.values = self.values.astype(np.float32)
        self.values[k] = difference


def mix(before: np.ndarray, after: np.ndarray, strength: float, out: np.ndarray, buffers: np.ndarray) -> None:
    """out = before + strength · (after − before) for one slice [rows, columns]; integers are rounded.

    buffers  `newBuffers` of the slice's shape, written to
    """
    if strength == 1:
        np.copyto(out, after)
        return
    np.subtract(after, before, out=buffers[0], dtype=np.float32, casting="unsafe")
    addScaled(before, buffers[0], strength, out, buffers)


def addScaled(before: np.ndarray, residual: np.ndarray, strength: float, out: np.ndarray, buffers: np.ndarray) -> None:
    """out = before + strength · residual for one slice; integers are rounded. The residual may be the first buffer."""
    scaled, total = buffers  # two, for numpy is twice as slow where it meets two types of number in one step
    np.copyto(scaled, residual, casting="unsafe")
    scaled *= np.float32(strength)
    np.copyto(total, before, casting="unsafe")
    total += scaled
    if np.issubdtype(out.dtype, np.integer):
        np.rint(total, out=total)
    np.copyto(out, total, casting="unsafe")


def addScaledToAll(before: np.ndarray, residual: np.ndarray, strength: float, out: np.ndarray) -> None:
    """`addScaled` for whole volumes [slices, rows, columns], on a few threads: a hand on the slider waits for it."""

    def some(first: int) -> None:
        buffers = newBuffers(before.shape[1:])
        for k in range(first, len(before), THREADS):
            addScaled(before[k], residual[k], strength, out[k], buffers)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(some, range(THREADS)))  # numpy lets the others run while it computes


def newBuffers(shape: tuple[int, ...]) -> np.ndarray:
    """What a mix writes to meanwhile, for slices of that shape."""
    return np.empty((2, *shape), np.float32)


def _fits(values: np.ndarray) -> bool:
    limits = np.iinfo(np.int16)
    return bool(values.min() >= limits.min and values.max() <= limits.max)
