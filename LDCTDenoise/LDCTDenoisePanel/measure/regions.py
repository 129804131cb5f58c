"""What somebody drew, a markups ROI or a segment, as voxels of a volume: at any angle, below any linear transform."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import vtk_to_numpy

from ..user_error import UserError
from .place import MOST_VOXELS, Part, indexToWorld, partOf, toWorld

BINARY = "Binary labelmap"


def regionOf(node, segmentID: str, volume, most: int = MOST_VOXELS):
    """A region of `volume`: an object with part (`Part`) and mask(part). Raises UserError where it holds no voxel.

    node  vtkMRMLMarkupsROINode, or vtkMRMLSegmentationNode of which `segmentID` is meant
    most  voxels of the part, see `partOf`
    """
    isSegment = node.IsA("vtkMRMLSegmentationNode")
    region = Segment(node, segmentID, volume, most) if isSegment else Box(node, volume, most)
    if region.part is None:
        raise UserError(_("{name} lies outside the volume.").format(name=region.name))
    return region


def writeMask(path: Path, node, segmentID: str, volume) -> Iterator[float]:
    """Steps that write the whole region as .npy, uint8 of the volume's shape, 1 inside. UserError as `regionOf`."""
    region = regionOf(node, segmentID, volume, most=sys.maxsize)
    shape = volume.GetImageData().GetDimensions()[::-1]
    mask = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)  # what is not written stays 0
    numbers, *inSlice = region.part.axes
    for done, number in enumerate(numbers, 1):
        one = Part((np.array([number]), *inSlice), region.part.sliceAxis)
        mask[np.ix_(*one.axes)] = region.mask(one)
        yield done / len(numbers)
    mask.flush()


class Box:
    """A markups ROI. One thinner than the slices are apart takes the slice that its centre is nearest to."""

    def __init__(self, roi, volume, most: int):
        self.name = roi.GetName()
        if roi.GetNumberOfControlPoints() < 1:
            raise UserError(_("{name} is not placed yet.").format(name=self.name))
        size = np.zeros(3)
        roi.GetSizeWorld(size)
        objectToWorld = slicer.util.arrayFromVTKMatrix(roi.GetObjectToWorldMatrix())
        placed = indexToWorld(volume)
        self._toObject = np.linalg.inv(objectToWorld) @ placed  # from (i, j, k) to mm along the sides
        # half a voxel at least, or a flat box would fall between two slices
        half = np.maximum(size / 2, np.abs(self._toObject[:3, :3]).max(axis=1) / 2)
        self._half = half * (1 + 1e-9)
        corners = np.array([[*corner, 1] for corner in product(*zip(-half, half, strict=True))])
        indices = (np.linalg.inv(self._toObject) @ corners.T)[:3]
        lowest, highest = np.ceil(indices.min(axis=1) - 1e-6), np.floor(indices.max(axis=1) + 1e-6)
        self.part = partOf(volume, lowest[::-1], highest[::-1], most)

    def mask(self, part: Part) -> np.ndarray:
        """bool, which voxels of `part` have their centre in the box."""
        k, j, i = np.ix_(*part.axes)
        inside = np.ones(part.shape, dtype=bool)
        for (a, b, c, d), half in zip(self._toObject[:3], self._half, strict=True):
            inside &= np.abs(a * i + b * j + c * k + d) <= half
        return inside


class Segment:
    """One segment of a segmentation, by its own voxels: nearest neighbour where they are others than the volume's."""

    def __init__(self, segmentation, segmentID: str, volume, most: int):
        segment = segmentation.GetSegmentation().GetSegment(segmentID) if segmentID else None
        if segment is None:
            text = _("Choose one of the segments of {name}.")
            raise UserError(text.format(name=segmentation.GetName()))
        self.name = segment.GetName()
        image = segment.GetRepresentation(BINARY)
        if image is None:
            text = _("{name} has no binary labelmap: make one in the module Segmentations.")
            raise UserError(text.format(name=segmentation.GetName()))
        extent = np.reshape(image.GetExtent(), (3, 2))
        if np.any(extent[:, 0] > extent[:, 1]) or image.GetPointData().GetScalars() is None:
            raise UserError(_("{name} is empty.").format(name=self.name))
        labels = vtk_to_numpy(image.GetPointData().GetScalars())
        labels = labels.reshape(tuple(int(b - a + 1) for a, b in extent[::-1])) == segment.GetLabelValue()
        held = [np.flatnonzero(labels.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        if not len(held[0]):
            raise UserError(_("{name} is empty.").format(name=self.name))
        first = np.array([each[0] for each in held])
        self._labels = labels[tuple(slice(each[0], each[-1] + 1) for each in held)]
        matrix = vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(matrix)  # to the segmentation node's coordinates
        labelsToWorld = toWorld(segmentation) @ slicer.util.arrayFromVTKMatrix(matrix)
        placed = indexToWorld(volume)
        self._toLabels = np.linalg.inv(labelsToWorld) @ placed
        self._first = extent[:, 0] + first[::-1]  # i, j, k of the corner of the labels that are kept
        last = self._first + np.array(self._labels.shape[::-1]) - 1
        edges = zip(self._first - 0.5, last + 0.5, strict=True)
        corners = np.array([[*corner, 1] for corner in product(*edges)])
        indices = (np.linalg.inv(self._toLabels) @ corners.T)[:3]
        lowest, highest = np.ceil(indices.min(axis=1) - 1e-6), np.floor(indices.max(axis=1) + 1e-6)
        self.part = partOf(volume, lowest[::-1], highest[::-1], most)

    def mask(self, part: Part) -> np.ndarray:
        """bool, which voxels of `part` have their centre in the segment."""
        k, j, i = np.ix_(*part.axes)
        found, inside = [], np.ones(part.shape, dtype=bool)
        for (a, b, c, d), first, count in zip(self._toLabels[:3], self._first, self._labels.shape[::-1], strict=True):
            index = np.rint(a * i + b * j + c * k + d - first).astype(np.int64)
            inside &= (index >= 0) & (index < count)
            found.append(np.clip(index, 0, count - 1))
        return inside & self._labels[found[2], found[1], found[0]]
