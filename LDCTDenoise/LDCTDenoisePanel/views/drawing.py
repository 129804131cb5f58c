"""New regions and lines in the middle of what the user looks at, ready to be dragged: there is no mode to be in."""

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from ..measure.place import indexToWorld
from . import acquisition_plane

SIDE_MM = 30.0  # of a new region: a few squares in which a noise power spectrum can be measured
LEAST_PIXELS = 12
DEPTH_SLICES = 5
_COLOURS = {"A": (0.90, 0.62, 0.0), "B": (0.34, 0.71, 0.91), "line": (0.80, 0.47, 0.65)}  # Okabe and Ito's
_HANDLES, _TEXT = 1.5, 2.0  # per cent of the view; Slicer's own sizes would hide what is measured
_PLACES = {"A": -0.75, "B": 0.75}  # of the middles, in sides: beside each other


def newRegion(volume, letter):
    """A markups ROI along the voxels of the volume, on the slice looked at. letter  "A" or "B"."""
    axes, centre, voxel = _frame(volume)
    side = _side(volume, voxel)
    matrix = np.eye(4)
    matrix[:3, :3] = axes
    matrix[:3, 3] = _within(volume, centre, 1.3 * side) + _PLACES[letter] * side * axes[:, 0]
    roi = _added("vtkMRMLMarkupsROINode", _("Region {letter}").format(letter=letter), _COLOURS[letter])
    with slicer.util.NodeModify(roi):
        roi.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(matrix))
        roi.SetSize(side, side, voxel[2] * DEPTH_SLICES)
    roi.GetDisplayNode().SetHandlesInteractive(True)
    roi.GetDisplayNode().SetRotationHandleVisibility(False)
    return roi


def newLine(volume):
    """A markups line across the slice looked at."""
    axes, centre, voxel = _frame(volume)
    side = _side(volume, voxel)
    line = _added("vtkMRMLMarkupsLineNode", _("Profile"), _COLOURS["line"])
    with slicer.util.NodeModify(line):
        for sign in (-1, 1):  # below the regions
            place = _within(volume, centre + side * (sign * axes[:, 0] + 0.8 * axes[:, 1]), 0)
            line.AddControlPointWorld(vtk.vtkVector3d(*place))
    return line


def _within(volume, place, margin):
    """A place of the world [3], moved so that it is `margin` mm inside the slices of the volume."""
    matrix = indexToWorld(volume)
    index = (np.linalg.inv(matrix) @ [*place, 1.0])[:3]
    last = np.array(volume.GetImageData().GetDimensions()) - 1
    edge = np.minimum(margin / np.linalg.norm(matrix[:3, :3], axis=0), last / 2)
    edge[2 - acquisition_plane.acquisitionAxis(volume)] = 0
    return (matrix @ [*np.clip(index, edge, last - edge), 1.0])[:3]


def _side(volume, voxel):
    """mm; not more than a quarter of a small volume."""
    counts = volume.GetImageData().GetDimensions()
    axis = 2 - acquisition_plane.acquisitionAxis(volume)
    pixels = [count for number, count in enumerate(counts) if number != axis]
    return max(min(SIDE_MM, min(pixels) * min(voxel[:2]) / 4), LEAST_PIXELS * max(voxel[:2]))


def _frame(volume):
    """(axes [3, 3] in columns: along columns, rows and slices; centre [3]; voxel mm [3]), all in the world."""
    index = acquisition_plane.visibleSlice(volume)
    last = 2 - acquisition_plane.acquisitionAxis(volume)
    order = [axis for axis in range(3) if axis != last] + [last]
    steps = indexToWorld(volume)[:3, :3][:, order]
    voxel = np.linalg.norm(steps, axis=0)
    axes = steps / voxel
    if np.linalg.det(axes) < 0:  # a region cannot be mirrored
        axes[:, 2] *= -1
    return axes, np.array(acquisition_plane.pointLookedAt(volume, index)), voxel


def _added(className, name, colour):
    scene = slicer.mrmlScene
    scene.SaveStateForUndo()
    node = scene.AddNewNodeByClass(className, scene.GenerateUniqueName(name))
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetColor(*colour)
    display.SetSelectedColor(*colour)
    display.SetFillOpacity(0.1)
    display.SetTextScale(_TEXT)
    display.SetGlyphScale(_HANDLES)
    display.SetInteractionHandleScale(_HANDLES)
    return node
