"""Noise power spectrum: how much noise there is at which spatial frequency, that is, its texture.

Definitions of ICRU 87, IEC 61223-3-5 and AAPM TG-233: square ROIs in homogeneous tissue, each freed of its trend by
a second-order polynomial, squared Fourier magnitudes averaged over the ROIs, then over rings of equal frequency:

    NPS(fx, fy) = dx·dy / (nx·ny) · mean |DFT(ROI − trend)|²        HU²·mm²

ROIs are found on one image (the reference, or the input) and kept for all images that are compared with it,
so that a smoother image cannot choose easier places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .metrics import as_stack
from .noise import SOFT_TISSUE_HU, global_noise_level, pixel_size

ROI_MM = 16.0  # 0.06/mm between frequencies; larger squares of a body hold vessels that look like slow noise
_LEAST_SIDE = 8  # pixels; four rings
MOST_ROIS = 200  # enough for a curve of 2 %; more only costs time
_CALM_SHARE = 0.05  # the calmest squares of a slice, as a share of those in soft tissue
_TOLERANCE = 1.15  # a square's standard deviation over that of the calm ones: more is anatomy
_MOST_ABOVE_LEVEL = 1.6  # standard deviation of the calm squares over the global noise level: more is anatomy
_STEP_SHARE = 1 / 8  # of the ROI side: the raster on which places are tried


@dataclass(frozen=True)
class Rois:
    """Squares of `side` pixels; `corners` int [n, 3] holds (slice, first row, first column)."""

    side: int
    corners: np.ndarray

    def __len__(self) -> int:
        return len(self.corners)

    def cut(self, hu: np.ndarray) -> np.ndarray:
        """float64 [n, side, side], the squares of an image [slices, rows, columns] or [rows, columns]."""
        stack = as_stack(hu)
        squares = [stack[s, r : r + self.side, c : c + self.side] for s, r, c in self.corners]
        return np.asarray(squares, dtype=np.float64).reshape(-1, self.side, self.side)


@dataclass(frozen=True)
class NoisePowerSpectrum:
    """Radial noise power spectrum.

    frequency  float64 [k], 1/mm, up to the Nyquist frequency, without zero (the trend took it)
    nps        float64 [k], HU²·mm²
    mean       mean frequency Σ f·NPS / Σ NPS of the radial curve, 1/mm
    peak       frequency of its maximum after smoothing over three rings, 1/mm; not the first ring, where the trend
               and organs' shading outweigh noise
    noise      standard deviation in HU: root of the integral of the 2-D spectrum
    rois       number of ROIs; with none the curve is empty and the figures are NaN
    """

    frequency: np.ndarray
    nps: np.ndarray
    mean: float
    peak: float
    noise: float
    rois: int


def find_rois(hu: np.ndarray, spacing_xy_mm: float | Sequence[float], side_mm: float = ROI_MM) -> Rois:
    """Homogeneous squares of soft tissue, at most half overlapping; of each slice the most typical ones first.

    hu  [rows, columns] or [slices, rows, columns], HU: the image that decides for all that are compared.
    A slice without such a place gives none; a volume gives at most 200, every slice its turn.
    """
    stack = as_stack(hu)
    x, y = pixel_size(spacing_xy_mm)
    side = max(_LEAST_SIDE, 2 * round(side_mm / np.sqrt(x * y) / 2))
    found = []
    if min(stack.shape[1:]) >= side:
        for number, image in enumerate(stack):
            places = _without_slow_waves(image, side, _even_squares(image, side, (x, y)))
            found += [(turn, number, row, column) for turn, (row, column) in enumerate(places)]
    found.sort()  # by turn, or the quietest slices would take all the places
    return Rois(side, np.array([place[1:] for place in found[:MOST_ROIS]], dtype=np.int64).reshape(-1, 3))


def measure_nps(hu: np.ndarray, rois: Rois, spacing_xy_mm: float | Sequence[float]) -> NoisePowerSpectrum:
    """The noise power spectrum of an image [slices, rows, columns] or [rows, columns] in HU, over given ROIs."""
    if not len(rois):
        nothing = np.empty(0)
        return NoisePowerSpectrum(nothing, nothing, float("nan"), float("nan"), float("nan"), 0)
    x, y = pixel_size(spacing_xy_mm)
    side = rois.side
    noise = _without_trend(rois.cut(hu))
    plane = np.mean(np.abs(np.fft.fft2(noise)) ** 2, axis=0) * (x * y / side**2)

    fy, fx = np.fft.fftfreq(side, y)[:, None], np.fft.fftfreq(side, x)[None, :]
    radius = np.hypot(fy, fx)
    ring = 1 / (side * max(x, y))
    number = np.rint(radius / ring).astype(int)
    last = int(np.floor(0.5 / max(x, y) / ring + 1e-9))  # beyond Nyquist only the corners of the plane remain
    inside = (number >= 1) & (number <= last)
    count = np.bincount(number[inside], minlength=last + 1)[1:]
    curve = np.bincount(number[inside], plane[inside], minlength=last + 1)[1:] / count
    frequency = np.bincount(number[inside], radius[inside], minlength=last + 1)[1:] / count

    total = curve.sum()
    return NoisePowerSpectrum(
        frequency=frequency,
        nps=curve,
        mean=float((frequency * curve).sum() / total) if total > 0 else float("nan"),
        peak=_peak(frequency, curve) if total > 0 else float("nan"),
        noise=float(np.sqrt(plane.sum() / (side * x * side * y))),
        rois=len(rois),
    )


def _even_squares(image: np.ndarray, side: int, spacing: tuple[float, float]) -> list[tuple[int, int]]:
    """(first row, first column) of the squares of one slice that hold nothing but noise, the most typical first."""
    mean, square = _box_means(image, side), _box_means(np.square(image, dtype=np.float64), side)
    sd = np.sqrt(np.maximum(square - mean**2, 0))
    soft = (mean >= SOFT_TISSUE_HU[0]) & (mean <= SOFT_TISSUE_HU[1])
    if not soft.any():
        return []
    # The calmest places show what noise alone does in a square of this size; it exceeds the global noise level by
    # the slow waves that a 6 mm window does not see, but where it is far above, even the calmest hold anatomy.
    calm = float(np.quantile(sd[soft], _CALM_SHARE))
    level = global_noise_level(image, spacing)
    if not calm <= _MOST_ABOVE_LEVEL * level + 1:
        return []
    even = soft & (sd <= _TOLERANCE * calm + 0.5)
    # Typical ones before the calmest: choosing by low deviation would measure the luck of the draw.
    distance = np.abs(sd - np.median(sd[even]))

    step = max(1, round(side * _STEP_SHARE))
    rows, columns = sd.shape
    places = [(distance[r, c], r, c) for r in range(0, rows, step) for c in range(0, columns, step) if even[r, c]]
    chosen: list[tuple[int, int]] = []
    free = np.ones((rows, columns), dtype=bool)
    for _, row, column in sorted(places):
        if free[row, column]:
            chosen.append((row, column))
            reach = side // 2 - 1
            free[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = False
    return chosen


def _without_slow_waves(image: np.ndarray, side: int, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The half of the squares, in their order, with the smaller share of power in the two slowest rings.

    What anatomy is left in an even square (a soft edge, a vein) is slow. Without this step the spectrum of a
    normal-dose image leans to low frequencies, and its own low-dose image seems to have another texture: on simulated
    pairs of equal texture the ratio of the mean frequencies was 1.07 without it and 1.02 with it.
    """
    if not places:
        return places
    squares = Rois(side, np.array([(0, row, column) for row, column in places])).cut(image)
    power = np.abs(np.fft.fft2(_without_trend(squares))) ** 2
    wave = np.fft.fftfreq(side) * side
    slow = np.hypot(wave[:, None], wave[None, :]) < 2.5
    share = power[:, slow].sum(axis=1) / np.maximum(power.sum(axis=(1, 2)), 1e-12)
    limit = np.median(share)
    return [place for place, value in zip(places, share, strict=True) if value <= limit]


def _box_means(image: np.ndarray, side: int) -> np.ndarray:
    """Means of all squares that lie wholly in the image, at the place of their first row and column."""
    sums = np.cumsum(np.cumsum(np.pad(np.asarray(image, dtype=np.float64), ((1, 0), (1, 0))), axis=0), axis=1)
    return (sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]) / side**2


def _without_trend(squares: np.ndarray) -> np.ndarray:
    """Squares [n, side, side] less their least-squares polynomial of second order in row and column."""
    side = squares.shape[-1]
    row, column = (v.ravel() for v in np.meshgrid(*[np.linspace(-1, 1, side)] * 2, indexing="ij"))
    basis, _ = np.linalg.qr(np.stack([np.ones_like(row), row, column, row**2, row * column, column**2], axis=1))
    flat = squares.reshape(len(squares), -1)
    return (flat - (flat @ basis) @ basis.T).reshape(squares.shape)


def _peak(frequency: np.ndarray, curve: np.ndarray) -> float:
    smooth = (curve[:-2] + curve[1:-1] + curve[2:]) / 3
    return float(frequency[1 + np.argmax(smooth)])
