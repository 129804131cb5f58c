"""What is told from the radial curve of a noise power spectrum: rings of equal frequency, their mean and their peak.

Between two rings the curve is a straight line. Below the first ring, where a square shows nothing, it goes on as the
power of the frequency that the first five rings tell: CT noise falls to zero as the ramp of the reconstruction does,
white noise stays flat. Mean and peak hold back the first ring where it is more than noise can be (`slow_part`). All
curves are [..., k], HU²·mm².
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_SLOW_RINGS = 5  # that tell what lies below the first
_PEAK_RINGS = 5  # that tell where between two the peak lies
_SLACK = 1.1  # of the first ring, for the luck of the draw
_LEAST_WEIGHT = 1e-6  # of a ring without power


@dataclass(frozen=True)
class Rings:
    """Rings of a square's frequencies, as wide as the frequencies lie apart, up to Nyquist, without zero.

    frequency  float64 [k], 1/mm: mean of the ring
    inside     bool [side, side], of a plane as the FFT leaves it
    member     float64 [number inside, k]: weights of the ring's mean
    nyquist    1/mm, of the coarser direction: beyond it only the corners of the plane remain
    """

    frequency: np.ndarray
    inside: np.ndarray
    member: np.ndarray
    nyquist: float

    def of(self, planes: np.ndarray) -> np.ndarray:
        """[..., k], means of planes [..., side, side]."""
        return planes[..., self.inside] @ self.member


@lru_cache(maxsize=8)
def rings_of(side: int, spacing: tuple[float, float]) -> Rings:
    """Of squares of `side` pixels; spacing (between columns, between rows) in mm."""
    x, y = spacing
    radius = np.hypot(np.fft.fftfreq(side, y)[:, None], np.fft.fftfreq(side, x)[None, :])
    width = 1 / (side * max(x, y))
    number = np.rint(radius / width).astype(int)
    last = side // 2
    inside = (number >= 1) & (number <= last)
    member = (number[inside][:, None] == np.arange(1, last + 1)).astype(np.float64)
    member /= member.sum(axis=0)
    return Rings(radius[inside] @ member, inside, member, 0.5 / max(x, y))


def apodised_ramp(frequency: np.ndarray, curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(a, b) of c·f^a·exp(−b·f²) through some rings: of a ramp that a smooth kernel apodises a is 1, of white noise 0.

    frequency and curves […, rings], at least three; least squares of the logarithms, weighted by power, since a ring
    that holds little holds mostly the luck of the draw. Without power (0, 0).
    """
    weight = _relative(curves)
    scale = frequency[..., :1]
    terms = np.stack([np.ones_like(frequency), np.log(frequency / scale), -((frequency / scale) ** 2)], axis=-1)
    weighted = weight[..., None] * terms
    normal = np.swapaxes(weighted, -1, -2) @ terms
    fit = np.linalg.solve(normal, np.swapaxes(weighted, -1, -2) @ np.log(weight)[..., None])[..., 0]
    return fit[..., 1], fit[..., 2] / scale[..., 0] ** 2


def slow_part(frequency: np.ndarray, curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(exponent below the first ring from 0, flat, to 1, ramp; curves whose first ring holds no more than noise can).

    In a body the first ring is mostly what anatomy the squares hold: at full dose several times the noise. Noise rises
    to zero frequency no steeper than an apodised ramp does that goes through the next rings, or not at all. What is
    above that is cut, and the less of the ring is left, the less it says about what lies below it.
    """
    if len(frequency) <= _SLOW_RINGS:
        return np.zeros(np.shape(curves)[:-1]), curves
    most = _SLACK * np.maximum(_expected_first(frequency, curves), curves[..., 1])
    first = np.minimum(curves[..., 0], most)
    left = np.divide(first, curves[..., 0], out=np.ones_like(first), where=curves[..., 0] > 0)
    curves = np.concatenate([first[..., None], curves[..., 1:]], axis=-1)
    flat = 1 - np.clip(apodised_ramp(frequency[:_SLOW_RINGS], curves[..., :_SLOW_RINGS])[0], 0, 1)
    return 1 - flat * left**2, curves


def _expected_first(frequency: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """[…], the first ring by the apodised ramp through the next, with a between 0 and 1."""
    square, near = frequency[1 : _SLOW_RINGS + 1] ** 2, curves[..., 1 : _SLOW_RINGS + 1]
    a = np.clip(apodised_ramp(frequency[1 : _SLOW_RINGS + 1], near)[0], 0, 1)
    weight = _relative(near)
    log = np.log(weight) - a[..., None] * np.log(frequency[1 : _SLOW_RINGS + 1] / frequency[0])
    share = weight / weight.sum(axis=-1, keepdims=True)
    middle, level = (share * square).sum(axis=-1), (share * log).sum(axis=-1)
    off = square - middle[..., None]
    slope = (share * off * log).sum(axis=-1) / (share * off**2).sum(axis=-1)
    return np.exp(level + slope * (frequency[0] ** 2 - middle)) * near.max(axis=-1)


def _relative(curves: np.ndarray) -> np.ndarray:
    """Power over the largest, of which nothing is zero."""
    return np.maximum(curves / np.maximum(curves.max(axis=-1, keepdims=True), 1e-300), _LEAST_WEIGHT)


def mean_frequency(rings: Rings, curves: np.ndarray) -> np.ndarray:
    """∫ f·NPS df / ∫ NPS df from zero to Nyquist, 1/mm; NaN without power."""
    f, end = rings.frequency, rings.nyquist
    exponent, curves = slow_part(f, curves)
    total = curves[..., 0] * f[0] / (exponent + 1)
    moment = curves[..., 0] * f[0] ** 2 / (exponent + 2)
    # The last ring's mean lies beside Nyquist: the straight line before it goes on, or is cut.
    f = np.append(f[:-1], end)
    slope = (curves[..., -1] - curves[..., -2]) / (rings.frequency[-1] - rings.frequency[-2])
    last = np.maximum(curves[..., -2] + slope * (end - f[-2]), 0)
    curves = np.concatenate([curves[..., :-1], last[..., None]], axis=-1)
    left, right, step = curves[..., :-1], curves[..., 1:], np.diff(f)
    total = total + (step * (left + right) / 2).sum(axis=-1)
    moment = moment + (step * (f[:-1] * (2 * left + right) + f[1:] * (left + 2 * right)) / 6).sum(axis=-1)
    return np.divide(moment, total, out=np.full(np.shape(total), np.nan), where=total > 0)


def peak_frequency(rings: Rings, curves: np.ndarray) -> np.ndarray:
    """Frequency of the maximum, 1/mm, between rings; not below the first; NaN without power.

    The ring is that of the curve smoothed over three; where between rings, the apodised ramp through it and its
    neighbours tells, which lies no more than a ring away.
    """
    f = rings.frequency
    curves = slow_part(f, curves)[1]
    smooth = (curves[..., :-2] + curves[..., 1:-1] + curves[..., 2:]) / 3
    top = np.argmax(smooth, axis=-1) + 1
    wide = min(_PEAK_RINGS, len(f))
    near = np.clip(top - wide // 2, 0, len(f) - wide)[..., None] + np.arange(wide)
    a, b = apodised_ramp(f[near], np.take_along_axis(curves, near, axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        peak = np.sqrt(np.maximum(a, 0) / (2 * b))
    peak = np.where((b > 0) & np.isfinite(peak), np.clip(peak, f[top - 1], f[top + 1]), f[top])
    return np.where(curves.sum(axis=-1) > 0, peak, np.nan)
