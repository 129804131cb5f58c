"""The random numbers of the methods that draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def gaussian_noise(seeds: Sequence[int], shape: tuple[int, int]) -> np.ndarray:
    """ε, float32 [n, 1, H, W]: from NumPy and slice by slice, so that device and batch do not change it."""
    return np.stack([np.random.default_rng(seed).standard_normal(shape, np.float32) for seed in seeds])[:, None]
