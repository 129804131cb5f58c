"""A round body with a round insert whose edges are known exactly: error functions of the distance from the middle."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

SIDE, PIXEL = 256, 0.75
SPACING = (PIXEL, PIXEL)
BODY, INSERT = 85.0, 50.0  # radii, mm
SOFT, INSERT_HU = 40.0, 100.0


def distance(spacing=SPACING, side=SIDE) -> np.ndarray:
    """mm from the middle of a slice."""
    rows, columns = ((np.arange(side) - (side - 1) / 2) * step for step in spacing[::-1])
    return np.hypot(rows[:, None], columns)


def a_round_body(sigma=0.7, spacing=SPACING, contrast=INSERT_HU) -> np.ndarray:
    """[rows, columns]: air, soft tissue, an insert brighter by `contrast`; both edges with a blur of σ mm."""
    r = distance(spacing)
    return -1000 + (SOFT + 1000) * ndtr((BODY - r) / sigma) + contrast * ndtr((INSERT - r) / sigma)


def blurred(hu, sigma, spacing=SPACING):
    return gaussian_filter(hu, (*[0] * (hu.ndim - 2), sigma / spacing[1], sigma / spacing[0]))


def smooth_noise(shape, sd, seed=0, sigma=0.6):
    """Noise of SD `sd` HU that is correlated over about a millimetre and a half."""
    noise = blurred(np.random.default_rng(seed).standard_normal(shape), sigma)
    return noise * (sd / noise.std())
