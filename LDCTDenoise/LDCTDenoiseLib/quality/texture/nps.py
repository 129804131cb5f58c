"""Noise power spectrum: how much noise there is at which spatial frequency, that is, its texture.

Definitions of ICRU 87, IEC 61223-3-5 and AAPM TG-233: square ROIs in homogeneous tissue, each freed of its trend by
a second-order polynomial, squared Fourier magnitudes averaged over the ROIs, then over rings of equal frequency:

    NPS(fx, fy) = dx·dy / (nx·ny) · mean |DFT(ROI − trend)|²        HU²·mm²

Errors are standard errors of the mean over the ROIs (see `roi_errors`). They hold the luck of the noise and the
differences between places in this series; not what the trend takes, nor anatomy left in the ROIs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import InputError
from ..stacks import pixel_size
from .roi_errors import error_of_mean, inflations, resampled_means
from .rois import MOST_ROIS, ROI_MM, Rois, find_rois, rois_in_mask, without_trend

__all__ = [
    "MOST_ROIS",
    "ROI_MM",
    "NoisePowerSpectrum",
    "Rois",
    "find_rois",
    "log_ratio",
    "mean_ratio",
    "measure_nps",
    "peak_ratio",
    "rois_in_mask",
]

_NAN = float("nan")
_ROUNDING_HU = 1e-6  # what the trend leaves of a flat image


@dataclass(frozen=True)
class NoisePowerSpectrum:
    """Noise power spectrum, radial and in the plane; errors are one standard error, NaN with fewer than two ROIs.

    frequency   float64 [k], 1/mm, up to the Nyquist frequency, without zero (the trend took it)
    nps         float64 [k], HU²·mm²
    mean        mean frequency Σ f·NPS / Σ NPS of the radial curve, 1/mm
    peak        frequency of its maximum after smoothing over three rings, 1/mm; not the first ring, where the trend
                and organs' shading outweigh noise
    noise       standard deviation in HU: root of the integral of the 2-D spectrum
    rois        number of ROIs; with none the curve is empty and the figures are NaN
    error       float64 [k], of nps
    mean_error, peak_error, noise_error
                peak_error holds the distance between rings, which alone limits it where all draws agree
    plane       float64 [side, side], HU²·mm²: the 2-D spectrum, zero frequency at [side // 2, side // 2], rows are fy
    curves      float64 [rois, k], the radial curve of every ROI, for comparisons at the same places
    places      the ROIs
    inflation   variance of a ring's mean over these ROIs, over that of as many independent ones
    """

    frequency: np.ndarray
    nps: np.ndarray
    mean: float
    peak: float
    noise: float
    rois: int
    error: np.ndarray = field(default_factory=lambda: np.empty(0))
    mean_error: float = _NAN
    peak_error: float = _NAN
    noise_error: float = _NAN
    plane: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    curves: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    places: Rois | None = None
    inflation: float = _NAN


def measure_nps(hu: np.ndarray, rois: Rois, spacing_xy_mm: float | Sequence[float]) -> NoisePowerSpectrum:
    """The noise power spectrum of an image [slices, rows, columns] or [rows, columns] in HU, over given ROIs."""
    if not len(rois):
        return NoisePowerSpectrum(np.empty(0), np.empty(0), _NAN, _NAN, _NAN, 0, places=rois)
    x, y = pixel_size(spacing_xy_mm)
    side = rois.side
    noise = without_trend(rois.cut(hu))
    if np.sqrt(np.mean(noise**2)) < _ROUNDING_HU:
        noise = np.zeros_like(noise)
    power = np.abs(np.fft.fft2(noise)) ** 2 * (x * y / side**2)
    frequency, curves = _rings(power, (x, y))
    curve, plane = curves.mean(axis=0), power.mean(axis=0)
    total = plane.sum() / (side * x * side * y)  # the variance
    inflated, inflated_total = inflations(hu, rois, noise)
    mean_error, peak_error = _errors(frequency, curves, inflated)
    variance_error = float(error_of_mean(power.sum(axis=(1, 2)), inflated_total)) / (side * x * side * y)
    return NoisePowerSpectrum(
        frequency=frequency,
        nps=curve,
        mean=float(_mean(frequency, curve)),
        peak=float(_peak(frequency, curve)),
        noise=float(np.sqrt(total)),
        rois=len(rois),
        error=error_of_mean(curves, inflated),
        mean_error=mean_error,
        peak_error=peak_error,
        noise_error=variance_error / (2 * float(np.sqrt(total))) if total > 0 else _NAN,
        plane=np.fft.fftshift(plane),
        curves=curves,
        places=rois,
        inflation=inflated,
    )


def log_ratio(after: NoisePowerSpectrum, before: NoisePowerSpectrum) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(frequency 1/mm, ratio dB, error dB), each [k]: 10 log10(after / before), of two images over the same ROIs.

    An equal loss at every frequency, a flat curve, keeps the texture; a fall to the right is a blur. The error is
    that of the pairs (what both images have in common cancels). NaN where one of the two has no power.
    Raises InputError for spectra of different ROIs.
    """
    _check_paired(after, before)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 10 * np.log10(after.nps / before.nps)
        pairs = after.curves / after.nps - before.curves / before.nps
        error = 10 / np.log(10) * error_of_mean(pairs, _larger_inflation(after, before))
    known = (after.nps > 0) & (before.nps > 0)
    return before.frequency, np.where(known, ratio, np.nan), np.where(known, error, np.nan)


def mean_ratio(after: NoisePowerSpectrum, before: NoisePowerSpectrum) -> tuple[float, float]:
    """(mean frequency after / before, its error), from the same ROIs. Raises InputError for different ROIs."""
    return _ratio_of(_mean, after, before, False)


def peak_ratio(after: NoisePowerSpectrum, before: NoisePowerSpectrum) -> tuple[float, float]:
    """(peak frequency after / before, its error), from the same ROIs. Raises InputError for different ROIs."""
    return _ratio_of(_peak, after, before, True)


def _rings(power: np.ndarray, spacing: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """(frequency [k], curves [n, k]) from planes [n, side, side] as the FFT leaves them."""
    x, y = spacing
    side = power.shape[-1]
    radius = np.hypot(np.fft.fftfreq(side, y)[:, None], np.fft.fftfreq(side, x)[None, :])
    ring = 1 / (side * max(x, y))
    number = np.rint(radius / ring).astype(int)
    last = int(np.floor(0.5 / max(x, y) / ring + 1e-9))  # beyond Nyquist only the corners of the plane remain
    inside = (number >= 1) & (number <= last)
    member = (number[inside][:, None] == np.arange(1, last + 1)).astype(np.float64)
    member /= member.sum(axis=0)
    return radius[inside] @ member, power[:, inside] @ member


def _mean(frequency: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Mean frequency of curves […, k]; NaN without power."""
    total = curves.sum(axis=-1)
    return np.divide(curves @ frequency, total, out=np.full(np.shape(total), np.nan), where=total > 0)


def _peak(frequency: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Peak frequency of curves […, k]; NaN without power."""
    smooth = (curves[..., :-2] + curves[..., 1:-1] + curves[..., 2:]) / 3
    return np.where(curves.sum(axis=-1) > 0, frequency[1 + np.argmax(smooth, axis=-1)], np.nan)


def _errors(frequency: np.ndarray, curves: np.ndarray, inflated: float) -> tuple[float, float]:
    """Standard errors of the mean and of the peak frequency, by the bootstrap over ROIs."""
    if len(curves) < 2 or not curves.sum() > 0:
        return _NAN, _NAN
    draws = resampled_means(curves)
    mean, peak = (np.std(figure(frequency, draws)) * np.sqrt(inflated) for figure in (_mean, _peak))
    return float(mean), float(np.hypot(peak, _ring_width(frequency)))


def _ratio_of(figure, after: NoisePowerSpectrum, before: NoisePowerSpectrum, lies_on_ring: bool) -> tuple[float, float]:
    _check_paired(after, before)
    if not before.rois:
        return _NAN, _NAN
    frequency = before.frequency
    own, base = float(figure(frequency, after.nps)), float(figure(frequency, before.nps))
    ratio = own / base
    if before.rois < 2 or not np.isfinite(ratio):
        return ratio, _NAN
    draws = [figure(frequency, resampled_means(spectrum.curves)) for spectrum in (after, before)]
    error = float(np.std(draws[0] / draws[1])) * np.sqrt(_larger_inflation(after, before))
    if lies_on_ring and own != base:  # each is known to its ring only
        error = np.hypot(error, _ring_width(frequency) * np.hypot(1, ratio) / base)
    return ratio, float(error)


def _ring_width(frequency: np.ndarray) -> float:
    """Standard deviation of a value rounded to a ring."""
    return float(np.mean(np.diff(frequency)) / np.sqrt(12))


def _larger_inflation(after: NoisePowerSpectrum, before: NoisePowerSpectrum) -> float:
    return max(after.inflation, before.inflation)


def _check_paired(after: NoisePowerSpectrum, before: NoisePowerSpectrum) -> None:
    same = after.rois == before.rois and np.array_equal(after.frequency, before.frequency)
    if same and after.places is not None and before.places is not None:
        same = np.array_equal(after.places.corners, before.places.corners)
    if not same:
        raise InputError("Two noise power spectra can be compared only when they were measured over the same ROIs.")
