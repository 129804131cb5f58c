"""Standard errors of what is averaged over ROIs, which overlap and share noise from slice to slice.

Two ROIs that overlap by the share o are not two independent measurements. For noise whose correlation is short beside
a ROI, their power at one frequency has the correlation o², their total power o, and that of a ring, which takes in its
neighbours along the ring and not across, about o^1.5; times r² where they lie on slices whose noise correlates by r.
"""

from __future__ import annotations

import numpy as np

from ..stacks import as_stack
from .rois import Rois, without_trend

_MOST_LAG = 3  # slices; farther ones share no noise, however thin they are
_RING = 1.5  # errors of simulated curves are then right within 10 %
_DRAWS = 200  # of the bootstrap: its own scatter is then 5 % of an error


def inflations(hu: np.ndarray, rois: Rois, noise: np.ndarray) -> tuple[float, float]:
    """Variance of a mean over these ROIs over that of as many independent ones: (of a ring, of the total power).

    noise  [n, side, side], the ROIs of `hu` without their trend
    NaN for fewer than two ROIs.
    """
    number = len(rois)
    if number < 2:
        return float("nan"), float("nan")
    slices, rows, columns = (np.abs(v[:, None] - v[None, :]) for v in rois.corners.T)
    overlap = np.maximum(1 - rows / rois.side, 0) * np.maximum(1 - columns / rois.side, 0)
    alike = np.where(slices == 0, 1.0, 0.0)
    for lag in range(1, _MOST_LAG + 1):
        if np.any(overlap[slices == lag] > 0):
            alike[slices == lag] = _correlation(hu, rois, noise, lag) ** 2
    ring, total = (_inflation(alike * overlap**exponent) for exponent in (_RING, 1.0))
    return ring, total


def _inflation(correlation: np.ndarray) -> float:
    number = len(correlation)
    between = (correlation.sum() - number) / (number * (number - 1))
    # The spread of ROIs that resemble one another is itself too small.
    return float(correlation.sum() / number / max(1 - between, 1e-3))


def error_of_mean(values: np.ndarray, inflated: float) -> np.ndarray:
    """Standard error of the mean over the first axis, for ROIs of this `inflation`."""
    if len(values) < 2:
        return np.full(np.shape(values)[1:], np.nan)
    return np.std(values, axis=0, ddof=1) * np.sqrt(inflated / len(values))


def resampled_means(values: np.ndarray) -> np.ndarray:
    """[draws, …]: means of `values` [n, k] over ROIs drawn with replacement; the same draws for every image."""
    number = len(values)
    weights = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), _DRAWS) / number
    return weights @ values


def resampled_error(draws: np.ndarray, number: int, inflated: float) -> np.ndarray:
    """Standard error of what `resampled_means` of `number` ROIs, or figures made of them, show."""
    if number < 2:
        return np.full(np.shape(draws)[1:], np.nan)
    return np.std(draws, axis=0) * np.sqrt(inflated * number / (number - 1))


def _correlation(hu: np.ndarray, rois: Rois, noise: np.ndarray, lag: int) -> float:
    """Of the noise with that `lag` slices on, at the same places."""
    stack = as_stack(hu)
    has = rois.corners[:, 0] + lag < len(stack)
    if not has.any():
        return 0.0
    here, there = noise[has], without_trend(Rois(rois.side, rois.corners[has] + [lag, 0, 0]).cut(stack))
    scale = np.sqrt(np.sum(here**2) * np.sum(there**2))
    return float(np.sum(here * there) / scale) if scale > 0 else 0.0
