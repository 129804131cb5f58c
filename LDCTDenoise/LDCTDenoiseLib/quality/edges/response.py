"""Edge response: the mean profile across many edges, its 10–90 % width and the frequency of half modulation.

The edges of a patient are no ideal steps: skin has a layer, organs a rim, and places are found to some tenths of a
millimetre only, the worse the noise. So a width alone says little; before and after over the same places it says what a
method did. The structure score says it with less noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..stacks import as_stack
from .places import Edges
from .profiles import BIN_MM, POSITIONS, REACH_MM, EdgeProfiles, mean_and_draws

LEAST_EDGES, LEAST_BLOCKS = 20, 4
_KNOTS_MM = 0.625  # of the cubic spline through the profile: within 3 % for σ = 0.4 mm, leaves out noise between bins
_PLATEAU_MM = 3.0  # from here on outwards an edge has come to rest
_FINE_MM = 0.02
_CENTRE_MM = 1.5  # halfway lies within


@dataclass(frozen=True)
class EdgeResponse:
    """Mean response of one group of edges.

    position_mm  float64 [k], from the dark to the bright side
    profile      float64 [k], 0 the dark and 1 the bright side; in units of the input's contrast
    error        float64 [k], standard error over the regions of the volume
    width        from 10 to 90 % of the image's own plateaus, mm; width_error its standard error
    mtf50        frequency at which the modulation of the mean edge falls to half, 1/mm
    edges        number of edges; with fewer than 20 in 4 regions the curve is empty and the figures are NaN
    """

    position_mm: np.ndarray
    profile: np.ndarray
    error: np.ndarray
    width: float
    width_error: float
    mtf50: float
    edges: int


def edge_response(hu: np.ndarray, edges: Edges, group: str, spacing_xy_mm: float | Sequence[float]) -> EdgeResponse:
    """The response of an image [slices, rows, columns] or [rows, columns] in HU, over the edges of a group.

    Profiles are means weighted with the contrast; the error is that of a bootstrap over regions.
    """
    chosen = edges.only(group)
    nan, nothing = float("nan"), np.empty(0)
    if not enough(chosen):
        return EdgeResponse(nothing, nothing, nothing, nan, nan, nan, len(chosen))
    profiles = EdgeProfiles(chosen, as_stack(hu).shape, spacing_xy_mm)
    mean, draws = mean_and_draws(profiles.sums(hu, above_level=True), profiles.contrast)
    widths = edge_widths(np.vstack([mean, draws]))
    held = widths[1:][np.isfinite(widths[1:])]
    return EdgeResponse(
        position_mm=POSITIONS.copy(),
        profile=mean + 0.5,
        error=np.nanstd(draws, axis=0, ddof=1),
        width=float(widths[0]),
        width_error=float(held.std(ddof=1)) if len(held) > len(draws) / 2 else nan,
        mtf50=_mtf50(mean),
        edges=len(chosen),
    )


def enough(edges: Edges) -> bool:
    """Whether the edges are enough to say something, with an error."""
    return len(edges) >= LEAST_EDGES and len(np.unique(edges.blocks)) >= LEAST_BLOCKS


def edge_widths(profiles: np.ndarray) -> np.ndarray:
    """10–90 % widths in mm of profiles [n, k] at POSITIONS; NaN where a profile is no edge."""
    fine, smooth = _smooth(profiles)
    dark = profiles[:, POSITIONS < -_PLATEAU_MM].mean(axis=1, keepdims=True)
    bright = profiles[:, POSITIONS > _PLATEAU_MM].mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (smooth - dark) / (bright - dark)
    middle = np.flatnonzero(np.abs(fine) <= _CENTRE_MM)
    widths = np.full(len(share), np.nan)
    for number, values in enumerate(share):
        half = middle[np.argmin(np.abs(values[middle] - 0.5))]
        below, above = np.flatnonzero(values[:half] < 0.1), np.flatnonzero(values[half:] > 0.9)
        if np.isfinite(values).all() and bright[number] > dark[number] and len(below) and len(above):
            widths[number] = _crossing(fine, values, half + above[0] - 1, 0.9) - _crossing(fine, values, below[-1], 0.1)
    return widths


def _crossing(fine: np.ndarray, values: np.ndarray, left: int, level: float) -> float:
    """Where the line between point `left` and the next crosses the level."""
    rise = values[left + 1] - values[left]
    return float(fine[left] + _FINE_MM * (level - values[left]) / rise) if rise else float(fine[left])


def _smooth(profiles: np.ndarray, derivative: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Fine positions [m] and the least-squares cubic spline through profiles there, [n, m], or its derivative."""
    from scipy.interpolate import BSpline

    knots = np.arange(-REACH_MM, REACH_MM + 1e-9, _KNOTS_MM)
    knots = np.concatenate([[knots[0]] * 3, knots, [knots[-1]] * 3])
    fine = np.arange(POSITIONS[0], POSITIONS[-1] + 1e-9, _FINE_MM)
    basis = BSpline(knots, np.eye(len(knots) - 4), 3)
    values = np.where(np.isfinite(profiles), profiles, 0.0) @ np.linalg.pinv(basis(POSITIONS)).T
    return fine, values @ (basis.derivative(derivative) if derivative else basis)(fine).T


def _mtf50(profile: np.ndarray) -> float:
    """Frequency in 1/mm at which the Fourier transform of the profile's slope has fallen to half, first crossing."""
    fine, slope = _smooth(profile[None], derivative=1)
    fade = np.clip((REACH_MM - BIN_MM - np.abs(fine)) / (REACH_MM - BIN_MM - _PLATEAU_MM), 0, 1)  # ends in zero
    frequency = np.arange(0, 2.0, 0.005)
    wave = np.abs(np.exp(-2j * np.pi * frequency[:, None] * fine) @ (slope[0] * fade))
    if not wave[0] > 0:
        return float("nan")
    below = np.flatnonzero(wave / wave[0] < 0.5)
    if not len(below):
        return float("nan")
    right = below[0]
    left_value, right_value = wave[right - 1] / wave[0], wave[right] / wave[0]
    return float(frequency[right - 1] + 0.005 * (left_value - 0.5) / (left_value - right_value))
