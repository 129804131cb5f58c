"""Strength: original + strength · residual, without the network. Pure numpy, one slice at a time."""

from __future__ import annotations

import numpy as np


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


def mix(before: np.ndarray, after: np.ndarray, strength: float, out: np.ndarray, buffer: np.ndarray) -> None:
    """out = before + strength · (after − before) for one slice [rows, columns]; integers are rounded.

    buffer  float32 [rows, columns], written to
    """
    if strength == 1:
        np.copyto(out, after)
        return
    np.subtract(after, before, out=buffer, dtype=np.float32, casting="unsafe")
    addScaled(before, buffer, strength, out, buffer)


def addScaled(before: np.ndarray, residual: np.ndarray, strength: float, out: np.ndarray, buffer: np.ndarray) -> None:
    """out = before + strength · residual for one slice; integers are rounded. `buffer` may be `residual` itself."""
    np.multiply(residual, np.float32(strength), out=buffer, casting="unsafe")
    np.add(buffer, before, out=buffer, casting="unsafe")
    if np.issubdtype(out.dtype, np.integer):
        np.rint(buffer, out=buffer)
    np.copyto(out, buffer, casting="unsafe")


def _fits(values: np.ndarray) -> bool:
    limits = np.iinfo(np.int16)
    return bool(values.min() >= limits.min and values.max() <= limits.max)
