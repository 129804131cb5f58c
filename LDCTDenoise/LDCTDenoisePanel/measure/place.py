"""Where a volume's voxels lie in the world, and the part of a volume that somebody drew a region around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ..user_error import UserError
from ..volumes import geometryOf

MOST_VOXELS = 400_000  # of a region: more takes longer than a hand that moves it is willing to wait


def toWorld(node) -> np.ndarray:
    """[4, 4], from the node's own coordinates to the world. Raises UserError below a transform that bends."""
    transform = node.GetParentTransformNode()
    matrix = vtk.vtkMatrix4x4()
    if transform is not None:
        if not transform.IsTransformToWorldLinear():
            text = _("{name} is below a transform that bends space: harden the transform first.")
            raise UserError(text.format(name=node.GetName()))
        transform.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def indexToWorld(volume) -> np.ndarray:
    """[4, 4], from (i, j, k) of a voxel to the world in mm. UserError below a transform that bends."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return toWorld(volume) @ slicer.util.arrayFromVTKMatrix(matrix)


@dataclass(frozen=True)
class Part:
    """Indices along the three axes of a volume's array [slices, rows, columns] as stored: a box, slices left out."""

    axes: tuple[np.ndarray, np.ndarray, np.ndarray]
    sliceAxis: int  # along which slices were acquired

    @property
    def shape(self) -> tuple[int, int, int]:
        return tuple(len(axis) for axis in self.axes)

    def cut(self, voxels: np.ndarray) -> np.ndarray:
        """float32, a copy of these voxels of a volume's array."""
        box = tuple(
            slice(int(axis[0]), int(axis[-1]) + 1) if number != self.sliceAxis else axis
            for number, axis in enumerate(self.axes)
        )
        return voxels[box].astype(np.float32)

    def joined(self, other: Part) -> Part:
        """The smallest box around both, with the slices of both."""
        axes = []
        for number, (mine, theirs) in enumerate(zip(self.axes, other.axes, strict=True)):
            if number == self.sliceAxis:
                axes.append(np.union1d(mine, theirs))
            else:
                axes.append(np.arange(min(mine[0], theirs[0]), max(mine[-1], theirs[-1]) + 1))
        return Part(tuple(axes), self.sliceAxis)


def partOf(volume, lowest, highest, most: int) -> Part | None:
    """The box between two indices of the array (both inside), cut to the volume; None where nothing of it is inside.

    Of more than `most` voxels only some slices, evenly spread, are taken, but never fewer than three.
    """
    shape = volume.GetImageData().GetDimensions()[::-1]
    first = np.maximum(np.asarray(lowest, dtype=np.int64), 0)
    last = np.minimum(np.asarray(highest, dtype=np.int64), np.array(shape) - 1)
    if np.any(first > last):
        return None
    axes = [np.arange(a, b + 1) for a, b in zip(first, last, strict=True)]
    axis = standardOf(volume).slice_axis
    count = len(axes[axis])
    inSlice = np.prod([len(each) for each in axes]) // count
    taken = min(count, max(3, int(most // inSlice)))
    axes[axis] = axes[axis][np.unique(np.linspace(0, count - 1, taken).round().astype(int))]
    return Part(tuple(axes), axis)


def standardOf(volume):
    """The library's `Orientation` of a volume."""
    from LDCTDenoiseLib.orientation import standard_orientation

    return standard_orientation(np.reshape(geometryOf(volume).direction, (3, 3)))


def pixelOf(volume) -> tuple[float, float]:
    """mm between columns and between rows of the slices in standard orientation."""
    order, spacing = standardOf(volume).order, geometryOf(volume).spacing
    return spacing[2 - order[2]], spacing[2 - order[1]]
