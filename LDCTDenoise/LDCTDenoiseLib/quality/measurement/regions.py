"""What the user drew: mean and noise of the first region, contrast to noise against the second."""

from __future__ import annotations

import numpy as np

from ..texture.contrast import LEAST_VOXELS, contrast_to_noise
from .document import Findings
from .subject import Subject

NAMES = ("first", "second")


def measure_regions(subject: Subject, found: Findings) -> None:
    """Nothing where there is no region. Of one with few voxels there is only the mean, and a notice says so."""
    if not subject.rois:
        return
    regions = [region.astype(bool) for region in subject.rois]
    counts = [int(np.count_nonzero(region)) for region in regions]
    for name, count in zip(NAMES, counts, strict=False):
        if count < LEAST_VOXELS:
            remedy = "draw it larger" if count else "draw it in the slices of the first"
            found.notices.append(
                f"The {name} region of interest holds {count} voxels of the measured slices, and at least "
                f"{LEAST_VOXELS} are needed to tell its noise and the contrast to noise; {remedy}."
            )
    first = regions[0]
    for name, hu in subject.stacks.items():
        values = hu[first].astype(np.float64)
        found.figure(name, "roi_mean", values.mean() if counts[0] else None)
        found.figure(name, "roi_sd", values.std(ddof=1) if counts[0] >= LEAST_VOXELS else None)
        if len(regions) > 1 and min(counts) >= LEAST_VOXELS:
            ratio = contrast_to_noise(hu, first, regions[1], subject.pixel)
            found.figure(name, "cnr", ratio.value, ratio.error)
            found.figure(name, "cnr_contrast", ratio.mean_a - ratio.mean_b)


def in_other_slices(first: np.ndarray, others: np.ndarray) -> tuple[str, ...]:
    """A notice, where a second region reaches beyond the slices that count; both bool, one for each slice."""
    if not np.any(others & ~first):
        return ()
    return ("The second region also lies in slices that the first does not reach: only slices of the first count.",)
