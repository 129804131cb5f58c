"""Contrast-to-noise ratio of two regions: does a lesion stand out of its surroundings?

    CNR = |mean_a − mean_b| / √((var_a + var_b) / 2)

with the variances over each region's voxels (one degree of freedom less), anatomy in them included. A filter that
only blurs raises it: read it beside the noise power spectrum and the detectability of lesions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..stacks import as_stack, pixel_size
from .noise import DEFAULT_SPACING_MM

LEAST_VOXELS = 20  # of a region: its standard deviation is then known to about 16 %, if its voxels were independent
_BLOCK_MM = 5.0  # noise of CT has forgotten itself over this distance
_LEAST_BLOCKS = 3


@dataclass(frozen=True)
class ContrastToNoise:
    """value: CNR, NaN without noise; error: one standard error of it, NaN where a region is too small to tell.

    contrast        |mean_a − mean_b|, HU
    noise           √((var_a + var_b) / 2), HU
    mean_a, mean_b  HU
    sd_a, sd_b      HU
    """

    value: float
    error: float
    contrast: float
    noise: float
    mean_a: float
    mean_b: float
    sd_a: float
    sd_b: float


def contrast_to_noise(
    stack: np.ndarray,
    mask_a: np.ndarray,
    mask_b: np.ndarray,
    spacing_xy_mm: float | Sequence[float] = DEFAULT_SPACING_MM,
) -> ContrastToNoise:
    """CNR of two regions of an image.

    stack           [slices, rows, columns] or [rows, columns], HU
    mask_a, mask_b  bool, the same shape; they may overlap
    spacing_xy_mm   pixel size, for the error: a jackknife over columns of 5 × 5 mm through all slices, since
                    neighbouring voxels share their noise
    Raises InputError for a region of fewer than 20 voxels, or of another shape than the image.
    """
    image = as_stack(stack)
    regions = []
    for name, mask in (("first", mask_a), ("second", mask_b)):
        region = as_stack(mask).astype(bool)
        if region.shape != image.shape:
            raise InputError(f"The {name} region has shape {region.shape} and the image {image.shape}.")
        number = int(np.count_nonzero(region))
        if number < LEAST_VOXELS:
            raise InputError(f"The {name} region holds {number} voxels; at least {LEAST_VOXELS} are needed.")
        regions.append(_blocks(image, region, pixel_size(spacing_xy_mm)))

    sums = [blocks.sum(axis=0) for blocks in regions]
    (mean_a, var_a), (mean_b, var_b) = (_mean_and_variance(total) for total in sums)
    noise = float(np.sqrt((var_a + var_b) / 2))
    return ContrastToNoise(
        value=float(_ratio(*sums)),
        error=_jackknife(regions, sums),
        contrast=float(abs(mean_a - mean_b)),
        noise=noise,
        mean_a=float(mean_a),
        mean_b=float(mean_b),
        sd_a=float(np.sqrt(var_a)),
        sd_b=float(np.sqrt(var_b)),
    )


def _blocks(image: np.ndarray, region: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    """float64 [blocks, 4] per column: number, offset × number, sum and sum of squares about the offset."""
    _, rows, columns = np.nonzero(region)
    values = image[region].astype(np.float64)
    offset = values[0]  # sums of squares about a value near them: a flat region has a variance of exactly 0
    values -= offset
    down, across = (max(1, round(_BLOCK_MM / size)) for size in (spacing[1], spacing[0]))
    _, block = np.unique((rows // down) * image.shape[2] + columns // across, return_inverse=True)
    number = np.bincount(block).astype(np.float64)
    return np.stack([number, offset * number, np.bincount(block, values), np.bincount(block, values**2)], axis=1)


def _mean_and_variance(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    number, offset, total, squares = np.moveaxis(sums, -1, 0)
    return (offset + total) / number, np.maximum(squares - total**2 / number, 0) / (number - 1)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (mean_a, var_a), (mean_b, var_b) = _mean_and_variance(a), _mean_and_variance(b)
    noise = np.sqrt((var_a + var_b) / 2)
    return np.divide(np.abs(mean_a - mean_b), noise, out=np.full(np.shape(noise), np.nan), where=noise > 0)


def _jackknife(regions: list[np.ndarray], sums: list[np.ndarray]) -> float:
    """Standard error of the CNR: each region's columns left out one by one, the other region whole."""
    if min(len(blocks) for blocks in regions) < _LEAST_BLOCKS:
        return float("nan")
    variance = 0.0
    for here, there in ((0, 1), (1, 0)):
        without = _ratio(sums[here] - regions[here], np.broadcast_to(sums[there], regions[here].shape))
        number = len(without)
        variance += (number - 1) / number * float(np.sum((without - without.mean()) ** 2))
    return float(np.sqrt(variance))
