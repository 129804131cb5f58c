"""Shift of the Hounsfield units, tissue by tissue: does a method move fat, or eat bone?"""

from __future__ import annotations

import numpy as np

from ..stacks import as_stack
from ..tissue import LEAST_VOXELS, classes, interior
from .document import Findings
from .subject import Subject

Masks = dict[str, np.ndarray]
_LEAST_SLICES = 3  # for an error over slices


def tissues_of(subject: Subject) -> Masks:
    """Tissues of the standard image, without what the scanner did not measure."""
    masks = classes(subject.standard)
    if subject.measured is not None:
        for mask in masks.values():
            mask &= as_stack(subject.measured)
    return masks


def measure_shift(subject: Subject, found: Findings, masks: Masks) -> None:
    """Mean of image − standard per tissue, whole and without its borders, with its standard error over the slices.

    NaN for fewer than 50 voxels.
    """
    inner = interior(masks, subject.pixel)
    for name, hu in subject.stacks.items():
        if name == subject.standard_name:
            continue
        difference = hu.astype(np.float64) - subject.standard
        for kind, regions in (("inner", inner), ("bias", masks)):
            for tissue, mask in regions.items():
                found.figure(name, f"{kind}_{tissue}", *_mean_and_error(difference, mask))


def _mean_and_error(difference: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Mean over all voxels; the error from the slices' means, weighted by their voxels."""
    count = mask.sum(axis=(1, 2)).astype(np.float64)
    if count.sum() < LEAST_VOXELS:
        return float("nan"), float("nan")
    sums = np.array([image[inside].sum(dtype=np.float64) for image, inside in zip(difference, mask, strict=True)])
    mean = sums.sum() / count.sum()
    n = np.count_nonzero(count)
    if n < _LEAST_SLICES:
        return float(mean), float("nan")
    residual = sums - mean * count  # of a ratio estimator (Cochran, Sampling Techniques, §6)
    return float(mean), float(np.sqrt(n / (n - 1) * np.sum(residual**2)) / count.sum())
