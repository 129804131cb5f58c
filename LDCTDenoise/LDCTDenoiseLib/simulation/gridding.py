"""Gridding: values of a 2-D Fourier transform on polar lines from a Cartesian grid, as a sparse matrix.

Kaiser–Bessel gridding (O'Sullivan 1985; Jackson et al. 1991). The matrix interpolates from the grid to the lines, its
transpose spreads lines onto the grid; both multiply the image by `kernel_transform`, which is divided out.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse, special

KERNEL_WIDTH = 4  # Cartesian neighbours along each axis
KERNEL_BETA = np.pi * np.sqrt((KERNEL_WIDTH / 2) ** 2 * (2 - 0.5) ** 2 - 0.8)  # Beatty et al. 2005, oversampling 2


def gridding_matrix(u: np.ndarray, v: np.ndarray, columns: int, rows: int) -> sparse.csr_matrix:
    """Sparse float32 [samples, rows · columns]: the value at every (u, v) from its Cartesian neighbours.

    u, v  float [samples], in grid cells along columns and rows; the grid is periodic.
    """
    offsets = np.arange(KERNEL_WIDTH) - KERNEL_WIDTH // 2 + 1
    near_columns, near_rows = (np.floor(w).astype(np.int32)[:, None] + offsets for w in (u, v))
    weight_columns, weight_rows = kernel(u[:, None] - near_columns), kernel(v[:, None] - near_rows)
    weights = (weight_rows[:, :, None] * weight_columns[:, None, :]).astype(np.float32)
    neighbours = (near_rows % rows)[:, :, None] * columns + (near_columns % columns)[:, None, :]
    samples = len(u)
    starts = np.arange(0, samples * KERNEL_WIDTH**2 + 1, KERNEL_WIDTH**2, dtype=np.int64)
    return sparse.csr_matrix((weights.ravel(), neighbours.ravel(), starts), shape=(samples, rows * columns))


def kernel(distance: np.ndarray) -> np.ndarray:
    """Kaiser–Bessel window of KERNEL_WIDTH samples, of area one."""
    inside = np.clip(1 - (2 * distance / KERNEL_WIDTH) ** 2, 0, None)
    return np.where(np.abs(distance) <= KERNEL_WIDTH / 2, special.i0(KERNEL_BETA * np.sqrt(inside)), 0) / _area()


def kernel_transform(position: np.ndarray) -> np.ndarray:
    """Fourier transform of the window at `position` (fractions of the grid): what gridding multiplies the image by."""
    root = np.sqrt((KERNEL_BETA**2 - (np.pi * KERNEL_WIDTH * position) ** 2).astype(complex))
    return KERNEL_WIDTH * (np.sinh(root) / root).real / _area()


def _area() -> float:
    return KERNEL_WIDTH * np.sinh(KERNEL_BETA) / KERNEL_BETA
