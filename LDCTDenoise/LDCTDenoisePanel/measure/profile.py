"""HU along a markups line: the same places in every volume, so that edges before and after can be compared."""

from __future__ import annotations

from itertools import product

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..user_error import UserError
from .place import indexToWorld

POINTS = 401  # along every line: a table that is shown keeps its rows while the line is moved


def placesOf(line) -> tuple[np.ndarray, np.ndarray]:
    """(distance mm [n], world [n, 3]) from the first point of a markups line to its second. UserError if not placed."""
    if line.GetNumberOfDefinedControlPoints() < 2:
        raise UserError(_("{name} needs two points: click them in a view.").format(name=line.GetName()))
    ends = slicer.util.arrayFromMarkupsControlPoints(line, world=True)[:2]
    length = float(np.linalg.norm(ends[1] - ends[0]))
    if length == 0:
        raise UserError(_("{name} has no length: move one of its ends.").format(name=line.GetName()))
    share = np.linspace(0, 1, POINTS)
    return share * length, ends[0] + share[:, None] * (ends[1] - ends[0])


def along(volume, voxels: np.ndarray, world: np.ndarray) -> np.ndarray:
    """float64 [n], HU at points [n, 3] of the world, linear between voxels; NaN outside the volume.

    voxels  the volume's array [slices, rows, columns]
    """
    toIndex = np.linalg.inv(indexToWorld(volume))
    index = (world @ toIndex[:3, :3].T + toIndex[:3, 3])[:, ::-1]  # slices, rows, columns
    shape = np.array(voxels.shape)
    inside = np.all((index >= -0.5) & (index <= shape - 0.5), axis=1)  # up to the outer faces of the voxels
    index = np.clip(index, 0, shape - 1)
    lower = np.minimum(index.astype(np.int64), np.maximum(shape - 2, 0))
    share = index - lower
    upper = np.minimum(lower + 1, shape - 1)
    hu = np.zeros(len(world))
    for corner in product((0, 1), repeat=3):
        at = [upper[:, axis] if side else lower[:, axis] for axis, side in enumerate(corner)]
        weight = np.prod([share[:, a] if side else 1 - share[:, a] for a, side in enumerate(corner)], axis=0)
        hu += weight * voxels[at[0], at[1], at[2]]
    return np.where(inside, hu, np.nan)
