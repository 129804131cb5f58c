"""HU bias per tissue: does a denoiser shift fat, or eat bone?"""

from __future__ import annotations

import numpy as np

from .stacks import as_stack, check_same_shape

# [low, high) in HU. The gaps hold what is partly one tissue and partly another.
TISSUES: dict[str, tuple[float, float]] = {
    "air": (-np.inf, -950.0),
    "lung": (-925.0, -500.0),
    "fat": (-140.0, -50.0),
    "soft": (0.0, 170.0),
    "bone": (250.0, 2000.0),
}
LEAST_VOXELS = 50  # a mean over fewer says more about noise than about bias
_MEDIAN_RADIUS = 2  # pixels


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
