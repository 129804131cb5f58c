"""Simulated lesions: what they look like, where in a real volume they may lie, and which lies where in which run.

A lesion is a disc of a few HU, blurred by the scanner's resolution, added to the noisy slice. So faint a disc changes
the photon counts by a percent, so its own noise can be left out. Methods treat slices each for itself, hence a disc
and not a ball; in a thick slice it stands for a lesion at least as long as the slice is thick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..stacks import as_stack, pixel_size
from ..texture.noise import SOFT_TISSUE_HU, global_noise_level

FWHM = 2 * np.sqrt(2 * np.log(2))  # full width at half maximum of a Gaussian over its σ
_SUPERSAMPLING = 8  # per pixel and axis: the disc's area is right within a percent from 3 mm on
_LEAST_MARGIN_MM = 5.0  # around a lesion, from which the observer learns the background

_COARSE_MM = 1.5  # σ of the smoothing that shows anatomy rather than noise
_CALM_SHARE = 0.05  # the calmest places of a slice, as a share of those in soft tissue
# What is more than this is anatomy: of 1700 places in 14 series of normal dose, with and without 45 HU of noise added,
# 1 % touch fat, lung or bone. So strict a choice takes the calmer half of the noise too: d′ is 1 to 4 % too high for a
# CT's texture, up to 7 % for the coarsest, before and after alike.
_MOST_CALM = 0.3, 3.0  # coarse deviation of the calm places: share of the global noise level, and HU
_MOST_DEVIATION = 1.3, 1.0  # a place's coarse deviation: multiple of that of the calm ones, and HU
_MOST_EXTREME = 4.0, 3.0  # its furthest coarse value from its mean, likewise
_RASTER_MM = 2.0  # between places that are tried
_MOST_TRIED = 24  # slices, evenly from the stack


@dataclass(frozen=True)
class Places:
    """Homogeneous discs of soft tissue that do not overlap.

    slice, row, column  int [n], the pixel in the middle
    radius              float [n], mm: how much room there is
    """

    slice: np.ndarray
    row: np.ndarray
    column: np.ndarray
    radius: np.ndarray

    def __len__(self) -> int:
        return len(self.slice)

    def cut(self, stack: np.ndarray, chosen: np.ndarray, half: tuple[int, int]) -> np.ndarray:
        """float64 [places, rows, columns]: windows of 2·half + 1 pixels (rows, columns) around the chosen places."""
        rows, columns = (np.arange(-h, h + 1) for h in half)
        s, r, c = (v[chosen][:, None, None] for v in (self.slice, self.row, self.column))
        return stack[s, r + rows[:, None], c + columns].astype(np.float64)

    def of_slices(self, slices: np.ndarray) -> Places:
        """The places in the given slices (ascending), their slice now counted within these."""
        keep = np.isin(self.slice, slices)
        return Places(np.searchsorted(slices, self.slice[keep]), self.row[keep], self.column[keep], self.radius[keep])


def room(diameter_mm: float) -> float:
    """Radius in mm of the disc of homogeneous tissue that a lesion needs: as much again around it, at least 5 mm."""
    return diameter_mm / 2 + max(_LEAST_MARGIN_MM, diameter_mm / 2)


def half_window(radius_mm: float, spacing: tuple[float, float]) -> tuple[int, int]:
    """Pixels on either side of the middle (rows, columns) of a window that holds a disc of this radius."""
    x, y = spacing
    return int(np.ceil(radius_mm / y)), int(np.ceil(radius_mm / x))


def lesion(diameter_mm: float, spacing_xy_mm: float | Sequence[float], resolution_mm: float) -> np.ndarray:
    """float64 [rows, columns] in the window of `room`: a disc of 1 HU, blurred, averaged over each pixel's area.

    resolution_mm  full width at half maximum of the scanner's point spread (a Gaussian); 0 for none
    """
    from scipy.ndimage import gaussian_filter

    x, y = pixel_size(spacing_xy_mm)
    half = half_window(room(diameter_mm), (x, y))
    fine_y, fine_x = (
        (np.arange((2 * h + 1) * _SUPERSAMPLING) + 0.5) * (size / _SUPERSAMPLING) - (h + 0.5) * size
        for h, size in zip(half, (y, x), strict=True)
    )
    disc = (np.hypot(fine_y[:, None], fine_x) <= diameter_mm / 2).astype(np.float64)
    if resolution_mm > 0:
        sigma = resolution_mm / FWHM * _SUPERSAMPLING
        disc = gaussian_filter(disc, (sigma / y, sigma / x), mode="constant")
    rows, columns = (2 * h + 1 for h in half)
    return disc.reshape(rows, _SUPERSAMPLING, columns, _SUPERSAMPLING).mean(axis=(1, 3))


def find_places(hu: np.ndarray, spacing_xy_mm: float | Sequence[float], radii_mm: Sequence[float]) -> Places:
    """Homogeneous places of soft tissue for lesions that need these radii, those with most room first found.

    hu  [rows, columns] or [slices, rows, columns], HU, the noisy image. At most 24 slices, evenly spread, are tried.
    What decides is a coarse scale (σ 1.5 mm), so that neither noise nor its fine texture chooses; and typical places
    come before the calmest, or the luck of the draw would be measured. There may be none at all.
    """
    stack = as_stack(hu)
    spacing = pixel_size(spacing_xy_mm)
    tried = np.unique(np.linspace(0, len(stack) - 1, min(_MOST_TRIED, len(stack))).round().astype(int))
    found = [(number, *place) for number in tried for place in _places_of_slice(stack[number], spacing, radii_mm)]
    s, r, c, radius = np.array(found, dtype=np.float64).reshape(-1, 4).T
    return Places(s.astype(int), r.astype(int), c.astype(int), radius)


def fullest_slices(places: Places, wanted: int) -> np.ndarray:
    """Numbers (ascending) of the slices with most room, as many as hold so many places, or all that hold any."""
    numbers, belongs = np.unique(places.slice, return_inverse=True)
    area, count = np.bincount(belongs, places.radius**2), np.bincount(belongs)
    order = np.argsort(-area, kind="stable")
    enough = int(np.searchsorted(np.cumsum(count[order]), wanted)) + 1
    return np.sort(numbers[order[:enough]])


def deal(places: Places, kinds: Sequence[tuple[float, float]], runs: int, seed: int) -> np.ndarray:
    """Which kind of lesion lies at which place in which run: int [runs, places], −1 for none.

    kinds  (diameter mm, contrast HU). As in a Latin square no place has a kind twice, and all kinds come about
    equally often; a small place only has the small ones.
    """
    rng = np.random.default_rng(seed)
    need = np.array([room(diameter) for diameter, _ in kinds])
    count = np.zeros(len(kinds))
    free = places.radius[:, None] >= need - 1e-9
    dealt = np.full((runs, len(places)), -1)
    for run in range(runs):
        # Places with the least choice first, or the small kinds would have used up the others' turns.
        for place in np.lexsort((rng.random(len(places)), free.sum(axis=1))):
            if free[place].any():
                wish = np.where(free[place], count + 0.5 * rng.random(len(kinds)), np.inf)
                kind = int(np.argmin(wish))
                dealt[run, place], free[place, kind] = kind, False
                count[kind] += 1
    return dealt


def insert(stack: np.ndarray, places: Places, shapes: Sequence[np.ndarray]) -> np.ndarray:
    """A copy of the stack with a shape (HU, odd sides, or None) added at each place."""
    out = np.array(stack, dtype=np.float32)
    for s, r, c, shape in zip(places.slice, places.row, places.column, shapes, strict=True):
        if shape is not None:
            h, w = (n // 2 for n in shape.shape)
            out[s, r - h : r + h + 1, c - w : c + w + 1] += shape
    return out


def _places_of_slice(image: np.ndarray, spacing: tuple[float, float], radii: Sequence[float]) -> list[tuple]:
    """(row, column, radius) of the places of one slice, those with most room first."""
    from scipy.ndimage import gaussian_filter

    level = global_noise_level(image, spacing)
    if not np.isfinite(level):
        return []
    x, y = spacing
    coarse = gaussian_filter(np.asarray(image, dtype=np.float64), (_COARSE_MM / y, _COARSE_MM / x), mode="nearest")
    taken: list[tuple[int, int, float]] = []
    for radius in sorted(radii, reverse=True):
        row, column = _even_places(coarse, half_window(radius, spacing), spacing, level)
        free = np.ones(len(row), dtype=bool)

        def apart(r, c, reach, row=row, column=column, radius=radius):
            return ((row - r) * y) ** 2 + ((column - c) * x) ** 2 >= (radius + reach) ** 2

        for place in taken:
            free &= apart(*place)
        while free.any():
            first = int(np.argmax(free))
            taken.append((int(row[first]), int(column[first]), radius))
            free &= apart(*taken[-1])
    return taken


def _even_places(
    coarse: np.ndarray, half: tuple[int, int], spacing: tuple[float, float], level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns where a window of a smoothed slice holds nothing but noise, the most typical first.

    level  global noise level, HU: where even the calmest windows deviate too much for it, there is no place.
    """
    from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

    nowhere = np.empty(0, int), np.empty(0, int)
    if any(n <= 2 * h for n, h in zip(coarse.shape, half, strict=True)):
        return nowhere
    size = tuple(2 * h + 1 for h in half)
    step = tuple(max(1, round(_RASTER_MM / s)) for s in reversed(spacing))
    raster = tuple(slice(h, n - h, s) for h, n, s in zip(half, coarse.shape, step, strict=True))
    mean, square = uniform_filter(coarse, size)[raster], uniform_filter(coarse**2, size)[raster]
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    soft = (mean >= SOFT_TISSUE_HU[0]) & (mean <= SOFT_TISSUE_HU[1])
    calm = float(np.quantile(deviation[soft], _CALM_SHARE)) if soft.any() else np.inf
    if calm > _limit(_MOST_CALM, level):
        return nowhere
    lowest, highest = minimum_filter(coarse, size)[raster], maximum_filter(coarse, size)[raster]
    extreme = np.maximum(highest - mean, mean - lowest)
    even = soft & (deviation <= _limit(_MOST_DEVIATION, calm)) & (extreme <= _limit(_MOST_EXTREME, calm))
    order = np.argsort(np.abs(deviation[even] - np.median(deviation[even])), kind="stable")
    row, column = np.nonzero(even)
    return half[0] + step[0] * row[order], half[1] + step[1] * column[order]


def _limit(rule: tuple[float, float], value: float) -> float:
    return rule[0] * value + rule[1]
