"""What the user drew: mean and noise of the first region, contrast to noise against the second."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ..texture.contrast import LEAST_VOXELS, contrast_to_noise
from .document import Findings
from .subject import Subject


def measure_regions(subject: Subject, found: Findings) -> None:
    """Nothing where there is no region. Raises InputError for one that holds too few voxels of the measured slices."""
    if not subject.rois:
        return
    first = subject.rois[0].astype(bool)
    if np.count_nonzero(first) < LEAST_VOXELS:
        raise InputError(
            f"The region of interest holds fewer than {LEAST_VOXELS} voxels of the measured slices; draw it larger."
        )
    for name, hu in subject.stacks.items():
        values = hu[first].astype(np.float64)
        found.figure(name, "roi_mean", values.mean())
        found.figure(name, "roi_sd", values.std(ddof=1))
        if len(subject.rois) > 1:
            ratio = contrast_to_noise(hu, first, subject.rois[1], subject.pixel)
            found.figure(name, "cnr", ratio.value, ratio.error)
            found.figure(name, "cnr_contrast", ratio.mean_a - ratio.mean_b)
