"""What the tests of measuring share: regions and lines at known places, and eyes for observers that are left behind."""

from __future__ import annotations

import numpy as np
import slicer
import slicer.util
import vtk


def roi(centre, size, angles=(0, 0, 0), name="R"):
    """A markups ROI; centre and size in mm, turned about its axes by degrees."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
    turn = vtk.vtkTransform()
    turn.Translate(*centre)
    for rotate, angle in zip((turn.RotateX, turn.RotateY, turn.RotateZ), angles, strict=True):
        rotate(angle)
    node.SetAndObserveObjectToNodeMatrix(turn.GetMatrix())
    node.SetSize(*size)
    return node


def line(start, end, name="L"):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", name)
    for point in (start, end):
        node.AddControlPointWorld(vtk.vtkVector3d(*point))
    return node


def segmentation(volume, mask, name="lesion"):
    """(segmentation node, ID of its one segment), drawn on the voxels of `volume`."""
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    slicer.util.updateVolumeFromArray(labels, mask.astype(np.uint8))
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    labels.SetIJKToRASMatrix(matrix)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segments")
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labels, node)
    node.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    slicer.mrmlScene.RemoveNode(labels)
    node.GetSegmentation().GetNthSegment(0).SetName(name)
    return node, node.GetSegmentation().GetNthSegmentID(0)


def linear(angles=(0, 0, 0), shift=(0, 0, 0)):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = vtk.vtkTransform()
    turn.Translate(*shift)
    for rotate, angle in zip((turn.RotateX, turn.RotateY, turn.RotateZ), angles, strict=True):
        rotate(angle)
    node.SetMatrixTransformToParent(turn.GetMatrix())
    return node


def world(volume, ijk):
    """The world's mm of one voxel, by Slicer's own functions."""
    matrix, point = vtk.vtkMatrix4x4(), [0.0, 0.0, 0.0]
    volume.GetIJKToRASMatrix(matrix)
    volume.TransformPointToWorld(matrix.MultiplyPoint([*ijk, 1.0])[:3], point)
    return np.array(point)


def whole(region, volume):
    """A region as a mask over all voxels of a volume."""
    mask = np.zeros(slicer.util.arrayFromVolume(volume).shape, dtype=bool)
    mask[np.ix_(*region.part.axes)] = region.mask(region.part)
    return mask


def observers(*subjects):
    """How many observers each has: VTK numbers a subject's from 1 and forgets those that were removed."""
    return [sum(subject.GetCommand(tag) is not None for tag in range(1, _next_tag(subject))) for subject in subjects]


def _next_tag(subject):
    """The scene of a long suite has had thousands: ask by adding one, for a fixed end would miss the newest."""
    tag = subject.AddObserver(vtk.vtkCommand.UserEvent, lambda caller, event: None)
    subject.RemoveObserver(tag)
    return tag
