"""A CT series as a volume node: Slicer's real reader, and what its DICOM module then does to the node."""

from __future__ import annotations

import numpy as np
import slicer
import slicer.util
import vtk

CORNER_EPSILON = 1e-3  # mm; by more than that Slicer lets no corner of a slice lie elsewhere than the header says


def load(files):
    """The files are sorted along the normal, read, and noted in the node; a grid transform mends what is not even."""
    database = slicer.dicomDatabase
    files = sorted(files, key=lambda file: _height(file))
    names = vtk.vtkStringArray()
    for file in files:
        names.InsertNextValue(file)
    description = database.fileValue(files[0], "0020,0011") + ": CT"
    volume = slicer.modules.volumes.logic().AddArchetypeScalarVolume(files[0], description, 0, names)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    if not slicer.vtkMRMLVolumeNode.IsIJKCoordinateSystemRightHanded(matrix):
        slicer.vtkMRMLVolumeNode.ReverseSliceOrder(volume.GetImageData(), matrix)
        volume.SetIJKToRASMatrix(matrix)
        files = files[::-1]
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(database.instanceForFile(file) for file in files))
    if len(files) == volume.GetImageData().GetDimensions()[2]:
        _mend(volume, files)
    return volume


def _numbers(file, tag):
    text = slicer.dicomDatabase.fileValue(file, tag)
    return np.array([float(value) for value in text.split("\\")]) if text else None


def _height(file):
    orientation, position = _numbers(file, "0020,0037"), _numbers(file, "0020,0032")
    return 0.0 if position is None else float(position @ np.cross(orientation[:3], orientation[3:]))


def _mend(volume, files):
    """A grid of two by two vectors a slice, from where the corners are to where the headers want them."""
    columns, rows, slices = volume.GetImageData().GetDimensions()
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    moves = np.zeros((slices, 2, 2, 3))
    for k, file in enumerate(files):
        orientation, spacing = _numbers(file, "0020,0037"), _numbers(file, "0028,0030")
        for row in (0, 1):
            for column in (0, 1):
                wanted = _numbers(file, "0020,0032") + column * columns * spacing[1] * orientation[:3]
                wanted = (wanted + row * rows * spacing[0] * orientation[3:]) * (-1, -1, 1)
                moves[k, row, column] = wanted - matrix.MultiplyPoint((column * columns, row * rows, k, 1))[:3]
    if np.abs(moves).max() <= CORNER_EPSILON:
        return
    image, directions = vtk.vtkImageData(), vtk.vtkMatrix4x4()
    image.SetOrigin(*volume.GetOrigin())
    image.SetDimensions(2, 2, slices)
    across, along, step = volume.GetSpacing()
    image.SetSpacing(across * columns, along * rows, step)
    image.AllocateScalars(vtk.VTK_DOUBLE, 3)
    volume.GetIJKToRASDirectionMatrix(directions)
    transform = slicer.vtkOrientedGridTransform()
    transform.SetGridDirectionMatrix(directions)
    transform.SetDisplacementGridData(image)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode", f"{volume.GetName()} acquisition transform")
    node.SetAndObserveTransformToParent(transform)
    slicer.util.arrayFromGridTransform(node)[:] = moves
    volume.SetAndObserveTransformNodeID(node.GetID())
