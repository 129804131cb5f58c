"""Slices as they were acquired: which one the user looks at, and how to show it.

A plain axial view cuts an oblique scan slantwise and mixes its slices, which itself looks like denoising.
"""

import numpy as np
import slicer
import vtk

from . import layouts


def acquisitionAxis(volume):
    """The axis 0, 1 or 2 of the volume's array [slices, rows, columns] along which it was acquired."""
    from LDCTDenoiseLib.orientation import acquisition_axis

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASDirectionMatrix(matrix)
    # RAS to LPS turns two signs, which does not change what is nearest to head–feet; but the tie-break sees them
    direction = np.diag([-1.0, -1.0, 1.0]) @ slicer.util.arrayFromVTKMatrix(matrix)[:3, :3]
    return acquisition_axis(direction)


def sliceCount(volume):
    """How many slices lie along the acquisition axis."""
    return volume.GetImageData().GetDimensions()[2 - acquisitionAxis(volume)]


def sliceCentre(volume, index):
    """The middle of a slice of the volume, in mm, RAS of the world."""
    axis = 2 - acquisitionAxis(volume)  # IJK counts the other way round than the array
    ijk = [(size - 1) / 2 for size in volume.GetImageData().GetDimensions()]
    ijk[axis] = index
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    world = [0.0, 0.0, 0.0]
    volume.TransformPointToWorld(matrix.MultiplyPoint([*ijk, 1.0])[:3], world)
    return world


def sliceAt(volume, point):
    """The (fractional) index along the acquisition axis at a point of the world, RAS in mm; may lie outside."""
    local = [0.0, 0.0, 0.0]
    volume.TransformPointFromWorld(point, local)
    matrix = vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(matrix)
    return matrix.MultiplyPoint([*local, 1.0])[2 - acquisitionAxis(volume)]


def visibleSlice(volume):
    """Index, along the acquisition axis, of the slice that the user looks at now.

    While our comparison is up, its views say it. Else the user's own view that shows the volume and lies best in
    its plane; else Red, if it passes through the volume; else there is nothing to go by, and it is the middle.
    """
    last = sliceCount(volume) - 1
    node = _viewLookedAt(volume)
    if node is not None:
        index = round(sliceAt(volume, _centreOf(node)))
        if _shows(node, volume) or 0 <= index <= last:
            return min(max(index, 0), last)
    return (last + 1) // 2


def pointLookedAt(volume, index):
    """Where the middle of the user's view meets slice `index`, else the middle of the slice: in the world, in mm."""
    node = _viewLookedAt(volume)
    if node is not None:
        local, world = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
        volume.TransformPointFromWorld(_centreOf(node), local)
        toIJK, toRAS = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        volume.GetRASToIJKMatrix(toIJK)
        volume.GetIJKToRASMatrix(toRAS)
        ijk = list(toIJK.MultiplyPoint([*local, 1.0])[:3])
        ijk[2 - acquisitionAxis(volume)] = index
        if all(0 <= place <= size - 1 for place, size in zip(ijk, volume.GetImageData().GetDimensions(), strict=True)):
            volume.TransformPointToWorld(toRAS.MultiplyPoint([*ijk, 1.0])[:3], world)
            return world
    return sliceCentre(volume, index)


def toAcquisitionPlane(sliceWidget, volume, index):
    """Turns a view into the volume's acquisition plane, exactly on the middle of slice `index`."""
    node = sliceWidget.mrmlSliceNode()
    node.SetOrientation("Axial")  # as radiologists look: front on top, the patient's right on the left
    node.RotateToAxes(_orientationInWorld(volume), 2 - acquisitionAxis(volume))
    node.JumpSliceByOffsetting(*sliceCentre(volume, index))
    sliceWidget.sliceLogic().SnapSliceOffsetToIJK()


def fit(sliceWidget):
    """Fills the view with its volume; the slice stays (Slicer's own fit jumps to the middle one)."""
    logic = sliceWidget.sliceLogic()
    offset = logic.GetSliceOffset()
    logic.FitSliceToBackground()
    logic.SetSliceOffset(offset)


def _viewLookedAt(volume):
    shown = layouts.currentSliceNodes()
    ours = [node for node in shown if node.GetLayoutName() in layouts.ourTags() and _showsSomething(node)]
    if ours:
        return ours[0]
    tags = layouts.ourTags()
    users = [node for node in shown if node.GetLayoutName() not in tags and _shows(node, volume)]
    # Red comes first where two lie in the plane equally well, the order of the layout decides between others
    users.sort(key=lambda node: (-round(_parallel(node, volume), 3), node.GetLayoutName() != "Red"))
    if users and _parallel(users[0], volume) > 0.7:  # within 45°
        return users[0]
    return slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")


def _compositeOf(node):
    manager = slicer.app.layoutManager()
    widget = manager.sliceWidget(node.GetLayoutName()) if manager is not None else None
    return widget.sliceLogic().GetSliceCompositeNode() if widget else None


def _shows(node, volume):
    composite = _compositeOf(node)
    return composite is not None and volume.GetID() in (
        composite.GetBackgroundVolumeID(),
        composite.GetForegroundVolumeID(),
    )


def _showsSomething(node):
    composite = _compositeOf(node)
    return composite is not None and bool(composite.GetBackgroundVolumeID())


def _centreOf(node):
    """The point in the middle of a view, RAS in mm; panning moves it."""
    x, y, _ = node.GetXYZOrigin()
    return node.GetSliceToRAS().MultiplyPoint([x, y, 0.0, 1.0])[:3]


def _parallel(node, volume):
    """Cosine between the view's normal and the volume's acquisition axis, 0 … 1."""
    normal = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())[:3, 2]
    axis = slicer.util.arrayFromVTKMatrix(_orientationInWorld(volume))[:3, 2 - acquisitionAxis(volume)]
    return float(abs(normal @ axis) / (np.linalg.norm(normal) * np.linalg.norm(axis)))


def _orientationInWorld(volume):
    """IJK to RAS of the world; a bent transform has no axes, there the volume's own are taken."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    transform = volume.GetParentTransformNode()
    if transform is not None and transform.IsTransformToWorldLinear():
        toWorld = vtk.vtkMatrix4x4()
        transform.GetMatrixTransformToWorld(toWorld)
        vtk.vtkMatrix4x4.Multiply4x4(toWorld, matrix, matrix)
    return matrix
