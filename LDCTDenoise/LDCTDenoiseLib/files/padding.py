"""Voxels that stand for no measurement, so that no method smears them into the picture.

Scanners fill the corners outside the circular field of view with a value that means nothing. The rules:

declared   DICOM may name the value (or a range). Below −1024 HU, where no tissue and no air lies, every such voxel
           is padding. A declared value of −1024 HU or more is also a value that real air or tissue takes, most often
           because air was clipped to it: there only solid areas are padding, joined voxels of that value around a
           block of 5 × 5, not the single clipped voxels of noisy air.
plateau    where nothing is declared, or no voxel has what is declared, and in other formats: voxels equal to the
           volume's minimum, if that lies below −1024 HU and at least one voxel in a thousand, and two, have it.
           Other voxels below −1024 HU are noise and are denoised.
"""

from __future__ import annotations

import numpy as np

LOWEST_REAL = -1024.0  # HU
_PLATEAU = 1e-3  # part of the volume's voxels
_BLOCK = 5  # voxels


def declared_padding(stored: np.ndarray, limits: tuple[int, int], highest_hu: float) -> np.ndarray:
    """bool [rows, columns]: the padding of a slice whose header names `limits`, inclusive, in stored values.

    stored      integers [rows, columns]
    highest_hu  the HU of the upper limit
    """
    named = (stored >= limits[0]) & (stored <= limits[1])
    if highest_hu < LOWEST_REAL or not named.any():
        return named
    from scipy import ndimage

    solid = ndimage.minimum_filter(named.view(np.uint8), size=_BLOCK, mode="nearest") > 0
    if not solid.any():
        return solid
    areas, count = ndimage.label(named)
    keep = np.zeros(count + 1, dtype=bool)
    keep[np.unique(areas[solid])] = True
    return keep[areas]


def plateau_padding(hu: np.ndarray) -> np.ndarray | None:
    """bool of the shape of `hu`: the plateau at its minimum, or None if it has none below −1024 HU."""
    lowest = plateau_value(hu)
    return None if lowest is None else hu == lowest


def plateau_value(hu: np.ndarray) -> float | None:
    """The HU of that plateau, for whoever holds a whole volume and hands on a part of it; or None."""
    lowest = hu.min()
    if not lowest < LOWEST_REAL:
        return None
    have_it = sum(np.count_nonzero(plane == lowest) for plane in hu)
    return float(lowest) if have_it >= max(2, _PLATEAU * hu.size) else None
