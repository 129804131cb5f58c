"""Noise power spectrum: how much noise there is at which spatial frequency, that is, its texture.

Definitions of ICRU 87, IEC 61223-3-5 and AAPM TG-233: square ROIs in homogeneous tissue, each freed of its trend by
a second-order polynomial, squared Fourier magnitudes averaged over the ROIs, then over rings of equal frequency:

    NPS(fx, fy) = dx·dy / (nx·ny) · mean |DFT(ROI − trend)|²        HU²·mm²

The radial curve, its mean and its peak are freed of what a small ROI does to a spectrum: it takes slow noise with the
trend, and smears the rest (see `square_response`).

Errors are standard errors of the mean over the ROIs (see `roi_errors`). They hold the luck of the noise and the
differences between places in this series; not what a ROI is too small to show, nor anatomy left in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import InputError
from ..stacks import pixel_size
from .rings import Rings, mean_frequency, peak_frequency, rings_of
from .roi_errors import error_of_mean, inflations, resampled_error, resampled_means
from .rois import MOST_ROIS, ROI_MM, Rois, find_rois, rois_in_mask, without_trend
from .square_response import unsmeared

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
    nps         float64 [k], HU²·mm², freed of what the ROIs' size does to it
    mean        mean frequency ∫ f·NPS df / ∫ NPS df of the radial curve up to Nyquist, 1/mm
    peak        frequency of its maximum, 1/mm; not below the first ring
    noise       standard deviation in HU: root of the integral of the 2-D spectrum
    rois        number of ROIs; with none the curve is empty and the figures are NaN
    error       float64 [k], of nps
    mean_error, peak_error, noise_error
                peak_error holds the distance between rings, which alone limits it where all draws agree
    plane       float64 [side, side], HU²·mm²: the 2-D spectrum as the definition gives it, with what the ROIs' size
                does; zero frequency at [side // 2, side // 2], rows are fy
    draws       float64 [draws, k], the curve over ROIs drawn with replacement, the same draws for all images
    places      the ROIs
    inflation   variance of a ring's mean over these ROIs, over that of as many independent ones
    rings       the rings of the ROIs' frequencies
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
    draws: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    places: Rois | None = None
    inflation: float = _NAN
    rings: Rings | None = None

    @property
    def as_seen(self) -> np.ndarray:
        """float64 [k], HU²·mm²: the radial curve with what the trend took and the square smeared still in it.

        Steadier than `nps`: for ratios of spectra that were both seen through the same squares.
        """
        return np.empty(0) if self.rings is None else self.rings.of(np.fft.ifftshift(self.plane))


def measure_nps(hu: np.ndarray, rois: Rois, spacing_xy_mm: float | Sequence[float]) -> NoisePowerSpectrum:
    """The noise power spectrum of an image [slices, rows, columns] or [rows, columns] in HU, over given ROIs."""
    if not len(rois):
        return NoisePowerSpectrum(np.empty(0), np.empty(0), _NAN, _NAN, _NAN, 0, places=rois)
    x, y = spacing = pixel_size(spacing_xy_mm)
    side = rois.side
    noise = without_trend(rois.cut(hu))
    if np.sqrt(np.mean(noise**2)) < _ROUNDING_HU:
        noise = np.zeros_like(noise)
    power = np.abs(np.fft.fft2(noise)) ** 2 * (x * y / side**2)
    plane, rings = power.mean(axis=0), rings_of(side, spacing)
    curve = unsmeared(rings.of(plane), side, spacing)
    draws = unsmeared(resampled_means(rings.of(power)), side, spacing)
    total = plane.sum() / (side * x * side * y)  # the variance
    inflated, inflated_total = inflations(hu, rois, noise)
    mean_error, peak_error = _errors(rings, draws, len(rois), inflated)
    variance_error = float(error_of_mean(power.sum(axis=(1, 2)), inflated_total)) / (side * x * side * y)
    return NoisePowerSpectrum(
        frequency=rings.frequency,
        nps=curve,
        mean=float(mean_frequency(rings, curve)),
        peak=float(peak_frequency(rings, curve)),
        noise=float(np.sqrt(total)),
        rois=len(rois),
        error=resampled_error(draws, len(rois), inflated),
        mean_error=mean_error,
        peak_error=peak_error,
        noise_error=variance_error / (2 * float(np.sqrt(total))) if total > 0 else _NAN,
        plane=np.fft.fftshift(plane),
        draws=draws,
        places=rois,
        inflation=inflated,
        rings=rings,
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
        draws = 10 * np.log10(after.draws / before.draws)
        error = resampled_error(draws, before.rois, _larger_inflation(after, before))
    known = (after.nps > 0) & (before.nps > 0)
    return before.frequency, np.where(known, ratio, np.nan), np.where(known, error, np.nan)


def mean_ratio(after: NoisePowerSpectrum, before: NoisePowerSpectrum) -> tuple[float, float]:
    """(mean frequency after / before, its error), from the same ROIs. Raises InputError for different ROIs."""
    return _ratio_of(mean_frequency, after, before, False)


def peak_ratio(after: NoisePowerSpectrum, before: NoisePowerSpectrum) -> tuple[float, float]:
    """(peak frequency after / before, its error), from the same ROIs. Raises InputError for different ROIs."""
    return _ratio_of(peak_frequency, after, before, True)


def _errors(rings: Rings, draws: np.ndarray, number: int, inflated: float) -> tuple[float, float]:
    """Standard errors of the mean and of the peak frequency."""
    if number < 2 or not draws.sum() > 0:
        return _NAN, _NAN
    mean = resampled_error(mean_frequency(rings, draws), number, inflated)
    peak = resampled_error(peak_frequency(rings, draws), number, inflated)
    return float(mean), float(np.hypot(peak, _ring_width(rings)))


def _ratio_of(figure, after: NoisePowerSpectrum, before: NoisePowerSpectrum, lies_on_ring: bool) -> tuple[float, float]:
    _check_paired(after, before)
    if not before.rois:
        return _NAN, _NAN
    rings = before.rings
    own, base = float(figure(rings, after.nps)), float(figure(rings, before.nps))
    ratio = own / base
    if before.rois < 2 or not np.isfinite(ratio):
        return ratio, _NAN
    draws = figure(rings, after.draws) / figure(rings, before.draws)
    error = resampled_error(draws, before.rois, _larger_inflation(after, before))
    if lies_on_ring and not np.isclose(own, base, rtol=1e-6):  # each is known to its ring only
        error = np.hypot(error, _ring_width(rings) * np.hypot(1, ratio) / base)
    return ratio, float(error)


def _ring_width(rings: Rings) -> float:
    """Standard deviation of a value rounded to a ring."""
    return float(np.mean(np.diff(rings.frequency)) / np.sqrt(12))


def _larger_inflation(after: NoisePowerSpectrum, before: NoisePowerSpectrum) -> float:
    return max(after.inflation, before.inflation)


def _check_paired(after: NoisePowerSpectrum, before: NoisePowerSpectrum) -> None:
    same = after.rois == before.rois and np.array_equal(after.frequency, before.frequency)
    if same and after.places is not None and before.places is not None:
        same = np.array_equal(after.places.corners, before.places.corners)
    if not same:
        raise InputError("Two noise power spectra can be compared only when they were measured over the same ROIs.")
