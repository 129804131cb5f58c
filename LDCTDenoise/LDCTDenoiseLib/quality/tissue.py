"""HU bias per tissue: does a denoiser shift fat, or eat bone?

Over a whole class a blur counts too: at the borders of bone it lowers bone, in the rims of airways it raises "lung".
`interior` leaves borders out, and what is then left is shift alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .stacks import as_stack, check_same_shape, pixel_size

# [low, high) in HU. The gaps hold what is partly one tissue and partly another.
TISSUES: dict[str, tuple[float, float]] = {
    "air": (-np.inf, -950.0),
    "lung": (-925.0, -500.0),
    "fat": (-140.0, -50.0),
    "soft": (0.0, 170.0),
    "bone": (250.0, 2000.0),
}
TITLES = {"air": "air", "lung": "lung", "fat": "fat", "soft": "soft tissue", "bone": "bone"}
TOLERANCE_HU = 2.0  # of a shift: what this project asks of a method
LEAST_VOXELS = 50  # a mean over fewer says more about noise than about bias
_MEDIAN_RADIUS = 2  # pixels
BORDER_MM = 2.5  # as far as a blur that leaves a picture usable mixes tissues


def classes(reference: np.ndarray) -> dict[str, np.ndarray]:
    """Masks bool [slices, rows, columns] of the tissues of an image [rows, columns] or [slices, rows, columns], HU.

    A 5 × 5 median of the image is what decides. With the voxels' own values noise would choose: of the voxels
    between two HU limits, those pushed out by noise are missing, so that even a perfect image would seem biased
    towards the middle of the class. A median, unlike a mean, leaves no rim of false fat and lung around the body.
    """
    import SimpleITK as sitk

    masks = {name: np.zeros(as_stack(reference).shape, dtype=bool) for name in TISSUES}
    for number, image in enumerate(as_stack(reference)):
        picture = sitk.GetImageFromArray(np.asarray(image, dtype=np.float32))
        smooth = sitk.GetArrayFromImage(sitk.Median(picture, [_MEDIAN_RADIUS, _MEDIAN_RADIUS]))
        for name, (low, high) in TISSUES.items():
            masks[name][number] = (smooth >= low) & (smooth < high)
    return masks


def interior(masks: dict[str, np.ndarray], spacing_xy_mm: float | Sequence[float]) -> dict[str, np.ndarray]:
    """The masks without what lies within 2.5 mm of their borders: there a blur mixes tissues without shifting any."""
    from scipy.ndimage import minimum_filter

    x, y = pixel_size(spacing_xy_mm)
    size = (1, *(2 * max(1, round(BORDER_MM / step)) + 1 for step in (y, x)))
    return {
        name: minimum_filter(as_stack(mask).view(np.uint8), size, mode="nearest").view(bool)
        for name, mask in masks.items()
    }


def bias(image: np.ndarray, reference: np.ndarray, masks: dict[str, np.ndarray] | None = None) -> dict[str, float]:
    """Mean of image − reference per tissue, HU; NaN for a tissue of fewer than 50 voxels.

    image, reference  [rows, columns] or [slices, rows, columns], HU; the reference is the normal-dose image, or
                      the input where there is none
    masks             `classes(reference)`, to compute them once for several images
    """
    check_same_shape(image, reference)
    difference = as_stack(image).astype(np.float64) - as_stack(reference)
    found = classes(reference) if masks is None else masks
    return {
        name: float(difference[mask].mean()) if np.count_nonzero(mask) >= LEAST_VOXELS else float("nan")
        for name, mask in found.items()
    }
