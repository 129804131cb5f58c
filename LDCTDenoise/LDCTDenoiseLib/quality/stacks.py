"""What every figure is given: a slice or a stack of slices, and the size of their pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError


def as_stack(hu: np.ndarray) -> np.ndarray:
    """[slices, rows, columns] from one slice or a stack. Raises ValueError for other numbers of axes."""
    stack = np.asarray(hu)
    if stack.ndim == 2:
        stack = stack[None]
    if stack.ndim != 3:
        raise ValueError(f"expected a slice or a stack of slices, this array has {stack.ndim} axes")
    return stack


def check_same_shape(image: np.ndarray, reference: np.ndarray) -> None:
    """Raises InputError when two images cannot be compared voxel by voxel."""
    if np.shape(image) != np.shape(reference):
        raise InputError(
            f"The image has shape {np.shape(image)} and the reference {np.shape(reference)}: "
            "give two volumes of the same slices."
        )


def pixel_size(spacing: float | Sequence[float]) -> tuple[float, float]:
    """(between columns, between rows) in mm from one number, a pair, or a volume's x, y, z spacing."""
    values = np.atleast_1d(np.asarray(spacing, dtype=np.float64))
    x, y = (values[0], values[0]) if len(values) == 1 else (values[0], values[1])
    if not (x > 0 and y > 0 and np.isfinite(x) and np.isfinite(y)):
        raise ValueError(f"pixel spacing must be positive, got {spacing}")
    return float(x), float(y)
