"""Regions of interest for noise: squares in homogeneous tissue, found by themselves or inside what a user drew.

ROIs are found on one image (the reference, or the input) and kept for all images that are compared with it,
so that a smoother image cannot choose easier places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..stacks import as_stack, pixel_size
from .noise import SOFT_TISSUE_HU, global_noise_level

ROI_MM = 16.0  # 0.06/mm between frequencies; larger squares of a body hold vessels that look like slow noise
LEAST_SIDE = 8  # pixels; four rings
MOST_ROIS = 200  # enough for a curve of 2 %; more only costs time
_CALM_SHARE = 0.05  # the calmest squares of a slice, as a share of those in soft tissue
# Over the calm ones' deviation, what 99 % of the squares stay below that hold noise alone: its own, and smoothed.
_NOISE, _SLOW_NOISE = 1.35, 2.5
_RESTLESS_SHARE = 0.05  # of soft squares above _SLOW_NOISE; slices of bodies have 0.2 to 0.8, noise alone 0.01
_TOLERANCE = 1.15  # a square's standard deviation over that of the calm ones: more is anatomy
_SMOOTH_MM = 2.5  # σ of the smoothed image: on noisy copies of cleaned slices, anatomy in the squares fell by a third
_SLOW_TOLERANCE = 1.3  # as _TOLERANCE, for the smoothed image, where a square holds few independent values
_MOST_SLOW = 0.5  # of the smoothed image, over the global noise level: noise of most kernels leaves 0.05 to 0.4
_ROUNDING = 0.3  # HU
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


def find_rois(hu: np.ndarray, spacing_xy_mm: float | Sequence[float], side_mm: float = ROI_MM) -> Rois:
    """Homogeneous squares of soft tissue, at most half overlapping; of each slice the most typical ones first.

    A slice with noise alone (a phantom) gives nearly all its squares. One of a body gives the calm ones only: without
    that, anatomy passes for slow noise, which is much worse than what choosing by calmness does to the noise.

    hu  [rows, columns] or [slices, rows, columns], HU: the image that decides for all that are compared.
    A slice without such a place gives none; a volume gives at most 200, every slice its turn.
    """
    stack = as_stack(hu)
    spacing = pixel_size(spacing_xy_mm)
    side = _side(spacing, side_mm)
    found = []
    if min(stack.shape[1:]) >= side:
        for number, image in enumerate(stack):
            places = _even_squares(image, side, spacing)
            found += [(turn, number, row, column) for turn, (row, column) in enumerate(places)]
    return _every_slice_its_turn(side, found)


def rois_in_mask(mask: np.ndarray, spacing_xy_mm: float | Sequence[float], side_mm: float = ROI_MM) -> Rois:
    """Squares that lie wholly inside a user's region, at most half overlapping, whatever tissue is there.

    mask  bool [slices, rows, columns] or [rows, columns]: a markups ROI or a segment, drawn on the image's own raster
    The squares are of `side_mm`, smaller where no such square fits, but not below 8 pixels; at most 200, every slice
    its turn, from all over its part of the region. Raises InputError where none fits.
    """
    region = as_stack(mask).astype(bool)
    # The region's own box, or a small ROI in a large volume would cost as much as the volume.
    numbers, rows, columns = (_extent(region, axis) for axis in range(3))
    box = region[numbers, rows, columns]
    widest = min(_side(pixel_size(spacing_xy_mm), side_mm), *(n - n % 2 for n in box.shape[1:]))
    for side in range(widest, LEAST_SIDE - 1, -2):
        found = []
        for number, image in enumerate(box):
            if np.count_nonzero(image) >= side * side:
                places = _row_by_row(_square_sums(image, side, 1) > side * side - 0.5, side)
                # From all over the slice, or the places of a large region would all lie in its top rows.
                turns = np.random.default_rng(number).permutation(len(places))
                found += [(int(turn), number, row, column) for turn, (row, column) in zip(turns, places, strict=True)]
        if found:
            rois = _every_slice_its_turn(side, found)
            return Rois(side, rois.corners + np.array([numbers.start, rows.start, columns.start]))
    raise InputError(
        f"The region is too small for a noise measurement: a square of {LEAST_SIDE} × {LEAST_SIDE} pixels "
        "must fit into it in at least one slice."
    )


def without_trend(squares: np.ndarray) -> np.ndarray:
    """Squares [n, side, side] less their least-squares polynomial of second order in row and column."""
    basis = trend_basis(squares.shape[-1])
    flat = squares.reshape(len(squares), -1)
    return (flat - (flat @ basis) @ basis.T).reshape(squares.shape)


def trend_basis(side: int) -> np.ndarray:
    """[side², 6], orthonormal: polynomials of second order in row and column."""
    row, column = (v.ravel() for v in np.meshgrid(*[np.linspace(-1, 1, side)] * 2, indexing="ij"))
    basis, _ = np.linalg.qr(np.stack([np.ones_like(row), row, column, row**2, row * column, column**2], axis=1))
    return basis


def _side(spacing: tuple[float, float], side_mm: float) -> int:
    """An even number of pixels."""
    return max(LEAST_SIDE, 2 * round(side_mm / np.sqrt(spacing[0] * spacing[1]) / 2))


def _every_slice_its_turn(side: int, found: list[tuple[int, int, int, int]]) -> Rois:
    """From (turn, slice, row, column); by turn, or the first or quietest slices would take all the places."""
    turns = np.array(sorted(found), dtype=np.int64).reshape(-1, 4)
    if len(turns) > MOST_ROIS:
        whole = turns[turns[:, 0] < turns[MOST_ROIS, 0]]  # the turns that all fit; of the next, slices spread evenly
        last = turns[turns[:, 0] == turns[MOST_ROIS, 0]]
        chosen = np.linspace(0, len(last) - 1, MOST_ROIS - len(whole)).round().astype(int)
        turns = np.concatenate([whole, last[chosen]])
    return Rois(side, turns[:, 1:])


def _extent(region: np.ndarray, axis: int) -> slice:
    held = np.flatnonzero(region.any(axis=tuple(other for other in range(3) if other != axis)))
    return slice(int(held[0]), int(held[-1]) + 1) if held.size else slice(0, 0)


def _row_by_row(allowed: np.ndarray, side: int) -> list[tuple[int, int]]:
    """(first row, first column) of squares from a map bool [rows, columns], from the top left."""
    free = allowed.copy()
    reach = side // 2 - 1
    chosen = []
    for row in range(len(free)):
        while free[row].any():
            column = int(np.argmax(free[row]))
            chosen.append((row, column))
            free[row : row + reach + 1, max(0, column - reach) : column + reach + 1] = False
    return chosen


def _first_come(places: list[tuple[int, int]], side: int) -> list[tuple[int, int]]:
    """Of squares' (first row, first column) those that overlap none before them by more than half."""
    if not places:
        return []
    free = np.ones(np.max(places, axis=0) + 1, dtype=bool)
    reach = side // 2 - 1
    chosen = []
    for row, column in places:
        if free[row, column]:
            chosen.append((int(row), int(column)))
            free[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = False
    return chosen


def _even_squares(image: np.ndarray, side: int, spacing: tuple[float, float]) -> list[tuple[int, int]]:
    """(first row, first column) of the squares of one slice that hold nothing but noise, the most typical first."""
    step = max(1, round(side * _STEP_SHARE))
    mean, sd = _square_means_and_sds(image, side, step)
    soft = (mean >= SOFT_TISSUE_HU[0]) & (mean <= SOFT_TISSUE_HU[1])
    level = global_noise_level(image, spacing) if soft.any() else float("nan")
    if not np.isfinite(level):
        return []
    # The calmest places show what noise alone does in a square of this size. Strong noise hides the rim of an organ
    # from its deviation; smoothed, it hides little that is wider than a vessel.
    _, slow = _square_means_and_sds(_smoothed(image, spacing), side, step)
    calm, slow_calm = (float(np.quantile(v[soft], _CALM_SHARE)) for v in (sd, slow))
    quiet = slow <= _SLOW_NOISE * slow_calm + _ROUNDING
    noise_alone = np.mean(~quiet[soft]) < _RESTLESS_SHARE
    if noise_alone:  # to choose the calm ones among its squares would measure the luck of the draw
        even = soft & quiet & (sd <= _NOISE * calm + 0.5)
    else:  # where the smoothed image is far above the noise, even the calmest places hold anatomy
        even = soft & (sd <= _TOLERANCE * calm + 0.5)
        even &= slow <= min(_SLOW_TOLERANCE * slow_calm, _MOST_SLOW * level) + _ROUNDING
    if not even.any():
        return []
    # Typical ones before the calmest, for the same reason.
    rows, columns = np.nonzero(even)
    order = np.argsort(np.abs(sd[even] - np.median(sd[even])), kind="stable")
    places = _first_come(list(zip(rows[order] * step, columns[order] * step, strict=True)), side)
    return places if noise_alone else _without_slow_waves(image, side, places)


def _without_slow_waves(image: np.ndarray, side: int, places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The half of the squares, in their order, with the smaller share of power in the two slowest rings.

    What anatomy is left in an even square (a soft edge, a vein) is slow. Without this step the spectrum of a
    normal-dose image leans to low frequencies, and its own low-dose image seems to have another texture: in cleaned
    slices under noise of the image's own strength, the worst square's anatomy has 65 % of the noise without it and
    45 % with it. The price: choosing takes a third of the two slowest rings of the noise itself; so slices of noise
    alone are spared.
    """
    if not places:
        return places
    squares = Rois(side, np.array([(0, row, column) for row, column in places])).cut(image)
    power = np.abs(np.fft.fft2(without_trend(squares))) ** 2
    wave = np.fft.fftfreq(side) * side
    slow = np.hypot(wave[:, None], wave[None, :]) < 2.5
    share = power[:, slow].sum(axis=1) / np.maximum(power.sum(axis=(1, 2)), 1e-12)
    limit = np.median(share)
    return [place for place, value in zip(places, share, strict=True) if value <= limit]


def _smoothed(image: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    """The image without most of its noise."""
    from scipy.ndimage import gaussian_filter

    sigma = _SMOOTH_MM / spacing[1], _SMOOTH_MM / spacing[0]
    return gaussian_filter(np.asarray(image, dtype=np.float32), sigma, truncate=3.0)


def _square_means_and_sds(image: np.ndarray, side: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the squares that lie wholly in the image and begin at every `step`-th row and column."""
    mean, square = (_square_sums(v, side, step) / side**2 for v in (image, np.square(image, dtype=np.float64)))
    return mean, np.sqrt(np.maximum(square - mean**2, 0))


def _square_sums(image: np.ndarray, side: int, step: int) -> np.ndarray:
    sums = np.pad(np.cumsum(np.cumsum(image, axis=0, dtype=np.float64), axis=1), ((1, 0), (1, 0)))
    low, high = slice(None, -side, step), slice(side, None, step)
    return sums[high, high] - sums[low, high] - sums[high, low] + sums[low, low]
