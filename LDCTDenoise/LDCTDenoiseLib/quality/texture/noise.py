"""Noise magnitude without a reference: the global noise level, the mode of the local standard deviation.

Christianson, Winslow, Frush, Samei, "Automated technique to measure noise in clinical CT examinations",
AJR 205 (2015) W93–W99. Edges and vessels raise the local standard deviation in some windows; the mode does not
see them, as long as homogeneous tissue is the most frequent thing in the slice. The noise map goes on from there: what
the noise is at every place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..stacks import pixel_size

SOFT_TISSUE_HU = (0.0, 170.0)
WINDOW_MM = 6.0
LEAST_TISSUE_MM2 = 100.0  # below 1 cm² of soft tissue the mode is an accident (a quarter of a very small slice)
DEFAULT_SPACING_MM = (0.75, 0.75)  # a body in 512 pixels, where nobody knows better
OUTSIDE_HU = -900.0  # air around the patient is below; its noise is clipped, or a table's foam

_BIN = 0.02  # histogram bins, as a fraction of the typical local standard deviation
_SMOOTHING_BINS = 3.0  # 6 % wide: half the scatter of a standard deviation of about 70 correlated values

# Noise map: chosen on pairs with known inserted noise, of full sharpness and blurred.
_MAP_FINE_MM = 0.8  # twice what a Gaussian of this σ leaves: mostly noise, hardly an edge
_MAP_WINDOW_MM = 3.0
_MAP_GRID_MM = 4.0
_MAP_REACH_MM = 28.0  # around every place, the quarter of the windows that holds the least
_MAP_SHARE = 25.0  # %
_MAP_SMOOTH_MM = 5.0
_PAINTED = 0.05  # share of neighbours that differ


def local_sd(slice_hu: np.ndarray, spacing_mm: float | Sequence[float]) -> np.ndarray:
    """Standard deviation around every pixel, in a square of about 6 mm.

    slice_hu    [rows, columns], HU
    spacing_mm  pixel size: one number, or (between columns, between rows) in mm
    Returns float32 [rows, columns], HU; at the border the slice is mirrored.
    """
    return _local_mean_and_sd(slice_hu, spacing_mm)[1]


def global_noise_level(hu: np.ndarray, spacing_xy_mm: float | Sequence[float]) -> float:
    """Mode of the local standard deviation over soft tissue, in HU; of the pooled slices when there are several.

    hu             [rows, columns] or [slices, rows, columns], HU
    spacing_xy_mm  pixel size: one number, or (between columns, between rows) in mm
    Returns NaN where there is less than 1 cm² of soft tissue a slice on average, 0 for a noise-free image.
    """
    return _noise_level(hu, spacing_xy_mm, SOFT_TISSUE_HU)


def slice_noise_levels(stack: np.ndarray, spacing_xy_mm: float | Sequence[float]) -> tuple[float, list[float]]:
    """`global_noise_level` of a stack, and of each of its slices, for little more than the cost of the first."""
    found = [_tissue_deviations(image, spacing_xy_mm, SOFT_TISSUE_HU) for image in stack]
    return _level(found, stack[0].size, spacing_xy_mm), [_level([one], stack[0].size, spacing_xy_mm) for one in found]


def noise_level_anywhere(slice_hu: np.ndarray, spacing_xy_mm: float | Sequence[float] | None = None) -> float:
    """The global noise level, and where there is no soft tissue the best that the slice offers; never NaN.

    For filters that must choose a strength for any slice: soft tissue, else whatever is denser than air,
    else 0 (nothing to measure: leave the slice alone).
    slice_hu [rows, columns], HU; spacing_xy_mm as in `global_noise_level`, about 0.75 mm when unknown.
    """
    spacing = DEFAULT_SPACING_MM if spacing_xy_mm is None else spacing_xy_mm
    for tissue in (SOFT_TISSUE_HU, (OUTSIDE_HU, np.inf)):
        level = _noise_level(slice_hu, spacing, tissue)
        if np.isfinite(level):
            return level
    return 0.0


def noise_map(slice_hu: np.ndarray, spacing_xy_mm: float | Sequence[float]) -> np.ndarray:
    """Standard deviation of the noise at every place, HU, float32 [rows, columns]; edges and vessels do not count.

    slice_hu       [rows, columns], HU
    spacing_xy_mm  pixel size: one number, or (between columns, between rows) in mm
    Of the finest detail (what two Gaussians leave) the local deviation, of which a low quantile over about 28 mm
    passes over edges, as long as three quarters of a neighbourhood are not full of them; then scaled so that in
    homogeneous tissue it is the plain local deviation, as a rule. It resolves about 2 cm. 0 where the image is flat.
    """
    image = np.asarray(slice_hu, dtype=np.float32)
    x, y = pixel_size(spacing_xy_mm)
    busy = _busy(image, (x, y))
    painted = busy < _PAINTED
    if painted.all():
        return np.zeros(image.shape, np.float32)
    # Windows half in the paint have half the noise, and would be the low quantile of all that lies near.
    shape = _low_quantile(_fine_deviation(image, (x, y)), busy < np.quantile(busy[~painted], 0.75) / 2, (x, y))
    mean, sd = _local_mean_and_sd(image, (x, y))
    scale = 1.0
    for tissue in (SOFT_TISSUE_HU, (OUTSIDE_HU, np.inf), (-np.inf, np.inf)):
        chosen = _mostly_tissue(image, mean, tissue, (x, y)) & (sd > 1e-3) & (shape > 1e-3)
        if np.count_nonzero(chosen) >= max(1, min(LEAST_TISSUE_MM2 / (x * y), image.size / 4)):
            scale = _mode(sd[chosen] / shape[chosen])
            break
    return np.where(painted, np.float32(0), shape * np.float32(scale))


def _busy(image: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    """Share of neighbours that differ, over windows: 0 in padding, a mask's background, air clipped at one value."""
    from scipy.ndimage import uniform_filter

    differs = np.zeros(image.shape, np.float32)
    differs[1:] += image[1:] != image[:-1]
    differs[:, 1:] += image[:, 1:] != image[:, :-1]
    return uniform_filter(differs / 2, _window(spacing))


def _fine_deviation(image: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    """Local deviation of the finest detail, in windows of 3 mm."""
    from scipy.ndimage import gaussian_filter, uniform_filter

    x, y = spacing
    sigma = max(_MAP_FINE_MM / y, 0.8), max(_MAP_FINE_MM / x, 0.8)  # a narrower Gaussian than 0.8 pixels is none
    for _ in range(2):
        image = image - gaussian_filter(image, sigma, truncate=3.0)
    window = [max(3, round(_MAP_WINDOW_MM / size)) for size in (y, x)]
    return np.sqrt(np.maximum(uniform_filter(image * image, window), 0))


def _low_quantile(fine: np.ndarray, unknown: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    """The quantile over the neighbourhood, on a raster of 4 mm, smoothed, and back to every pixel."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter, percentile_filter

    size = spacing[1], spacing[0]
    step = [max(1, round(_MAP_GRID_MM / s)) for s in size]
    coarse = fine[:: step[0], :: step[1]]
    empty = unknown[:: step[0], :: step[1]]
    if empty.all():
        return np.full(fine.shape, np.median(fine[~unknown]))
    if empty.any():  # next to a painted background the neighbourhood is what there is of the body
        nearest = distance_transform_edt(empty, return_distances=False, return_indices=True)
        coarse = coarse[tuple(nearest)]
    reach = [max(3, 2 * round(_MAP_REACH_MM / (n * s) / 2) + 1) for n, s in zip(step, size, strict=True)]
    calm = percentile_filter(coarse, _MAP_SHARE, size=reach)
    calm = gaussian_filter(calm, [_MAP_SMOOTH_MM / (n * s) for n, s in zip(step, size, strict=True)])
    for axis in (0, 1):
        calm = _stretched(calm, step[axis], fine.shape[axis], axis)
    return calm


def _stretched(values: np.ndarray, step: int, length: int, axis: int) -> np.ndarray:
    """Linear interpolation along one axis from every `step`-th place to all."""
    place = np.minimum(np.arange(length) / step, values.shape[axis] - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    share = (place - low).astype(np.float32)
    share = share[:, None] if axis == 0 else share[None, :]
    return values.take(low, axis) * (1 - share) + values.take(high, axis) * share


def _noise_level(hu: np.ndarray, spacing: float | Sequence[float], tissue: tuple[float, float]) -> float:
    slices = np.asarray(hu)
    slices = slices[None] if slices.ndim == 2 else slices
    return _level([_tissue_deviations(image, spacing, tissue) for image in slices], slices[:1].size, spacing)


def _tissue_deviations(image: np.ndarray, spacing: float | Sequence[float], tissue: tuple[float, float]) -> np.ndarray:
    mean, sd = _local_mean_and_sd(image, spacing)
    return sd[_mostly_tissue(image, mean, tissue, spacing)]


def _level(found: Sequence[np.ndarray], pixels: int, spacing: float | Sequence[float]) -> float:
    """The mode of the local deviations of some slices of so many pixels each."""
    values = np.concatenate(found) if found else np.empty(0, np.float32)
    x, y = pixel_size(spacing)
    least = min(LEAST_TISSUE_MM2 / (x * y), pixels / 4)
    if values.size < max(1, least * len(found)):
        return float("nan")
    # Exactly flat windows are paint (masked background, phantom outside the scan), unless there is nothing else.
    noisy = values[values > 1e-3]
    if noisy.size < max(1, least):
        return 0.0
    return _mode(noisy)


def _mostly_tissue(
    image: np.ndarray, mean: np.ndarray, tissue: tuple[float, float], spacing: float | Sequence[float]
) -> np.ndarray:
    """Windows whose mean and at least half of whose neighbourhoods of 3×3 pixels have the tissue's HU.

    Means decide, not voxels: a voxel's own noise must not choose which windows count. The second condition
    drops windows half in air and half in bone, whose mean happens to be that of soft tissue.
    """
    from scipy.ndimage import uniform_filter

    low, high = tissue
    small = uniform_filter(np.asarray(image, dtype=np.float32), 3)
    share = uniform_filter(((small >= low) & (small <= high)).astype(np.float32), _window(spacing))
    return (mean >= low) & (mean <= high) & (share >= 0.5)


def _mode(values: np.ndarray) -> float:
    """Most frequent value of a positive sample: peak of a smoothed histogram, refined by a parabola."""
    from scipy.ndimage import gaussian_filter1d

    # The lower quartile lies in homogeneous tissue even where most windows hold an edge.
    width = _BIN * float(np.quantile(values, 0.25))
    index = np.floor(values / width)
    count = np.bincount(index[index < 20 / _BIN].astype(np.int64), minlength=5).astype(np.float64)
    density = gaussian_filter1d(count, _SMOOTHING_BINS, mode="constant")
    peak = int(np.argmax(density))
    shift = 0.0
    if 0 < peak < len(density) - 1:
        left, middle, right = density[peak - 1 : peak + 2]
        curvature = left - 2 * middle + right
        shift = 0.5 * (left - right) / curvature if curvature < 0 else 0.0
    return float((peak + 0.5 + shift) * width)


def _local_mean_and_sd(slice_hu: np.ndarray, spacing: float | Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    from scipy.ndimage import uniform_filter

    image = np.asarray(slice_hu, dtype=np.float64)  # squares of metal need more than float32 carries
    size = _window(spacing)
    count = size[0] * size[1]
    mean = uniform_filter(image, size)
    variance = np.maximum(uniform_filter(image * image, size) - mean * mean, 0.0) * (count / (count - 1))
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)


def _window(spacing: float | Sequence[float]) -> tuple[int, int]:
    """The 6 mm window in pixels, (rows, columns); at least 3 × 3 to have a standard deviation."""
    between_columns, between_rows = pixel_size(spacing)
    return max(3, round(WINDOW_MM / between_rows)), max(3, round(WINDOW_MM / between_columns))
