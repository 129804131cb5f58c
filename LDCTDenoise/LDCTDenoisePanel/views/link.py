"""Scroll, zoom, pan and turn in one view, and the others follow.

Not Slicer's own link: that one loses the registration when a user zooms about the cursor, and it needs equal
view groups and orientations.
"""

import vtk


class ViewLink:
    """Keeps plane, centre and millimetres per pixel of several slice views equal until `close()`."""

    def __init__(self, sliceNodes):
        self._nodes = list(sliceNodes)
        self._busy = False
        self._tags = [(node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onModified)) for node in self._nodes]

    def close(self):
        """Lets the views go their own ways."""
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        self._tags = []

    def spread(self, source):
        """Makes the other views as `source` is."""
        if self._busy:
            return
        self._busy = True
        try:
            # views may differ by some pixels in size: equal millimetres per pixel, not equal fields of view
            perPixel = source.GetFieldOfView()[0] / max(source.GetDimensions()[0], 1)
            for node in self._nodes:
                if node is not source:
                    _copy(source, node, perPixel)
        finally:
            self._busy = False

    def _onModified(self, caller, event):
        self.spread(caller)


def _copy(source, node, perPixel):
    width, height, _ = node.GetDimensions()
    modifying = node.StartModify()
    node.GetSliceToRAS().DeepCopy(source.GetSliceToRAS())
    node.SetXYZOrigin(*source.GetXYZOrigin())
    node.SetFieldOfView(perPixel * width, perPixel * height, source.GetFieldOfView()[2])
    node.UpdateMatrices()
    node.EndModify(modifying)
