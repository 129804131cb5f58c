"""Our views as one picture, for export."""

import numpy as np
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import vtk_to_numpy

from .labels import DATA_PROBE_POSITIONS, LOWER_EDGE

_GAP = 4  # pixels between views
_GROUND = 40  # grey of the gaps


def picture(rows):
    """The views of `rows` (lists of slice widgets) side by side: uint8 [height, width, 3].

    They keep our names; the Data Probe's texts, which may hold a patient's name, are left out.
    """
    return _stack([_stack([_grab(widget) for widget in row], axis=1) for row in rows], axis=0)


def _grab(widget):
    view = widget.sliceView()
    annotation = view.cornerAnnotation()
    found = {position: annotation.GetText(position) for position in (*DATA_PROBE_POSITIONS, LOWER_EDGE)}
    for position in DATA_PROBE_POSITIONS:
        annotation.SetText(position, "")
    annotation.SetText(LOWER_EDGE, _("For research use"))
    try:
        view.renderWindow().Render()  # changed texts are not drawn by the grabber's own first render
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(view.renderWindow())
        grabber.ReadFrontBufferOff()
        grabber.Update()
        image = grabber.GetOutput()
        width, height, _depth = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
        return pixels[::-1, :, :3].copy()  # VTK counts rows from below
    finally:
        for position, text in found.items():
            annotation.SetText(position, text or "")
        view.scheduleRender()


def _stack(pictures, axis):
    """Pictures in a row (axis 1) or a column (axis 0), with gaps; smaller ones are filled up."""
    across = 1 - axis
    size = max(picture.shape[across] for picture in pictures)
    parts = []
    for picture in pictures:
        missing = [(0, 0), (0, 0), (0, 0)]
        missing[across] = (0, size - picture.shape[across])
        filled = np.pad(picture, missing, constant_values=_GROUND)
        shape = list(filled.shape)
        shape[axis] = _GAP
        parts += [np.full(shape, _GROUND, np.uint8)] if parts else []
        parts.append(filled)
    return np.concatenate(parts, axis=axis)
