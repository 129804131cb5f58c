"""The difference in colour on the original, in the foreground of one view."""

import numpy as np
import slicer

from .alias import Alias

_COLOURS = 255  # an odd number: zero has a colour of its own
_HIDDEN = 0.25  # of the half window: smaller changes leave the original as it is
_GREY = 0.5  # where the colours begin: like soft tissue, so that the edge of the hidden range is not seen
_FIRST = 0.25  # of the full colour, for the smallest change that is shown
_BLUE, _RED = (0.05, 0.25, 1.0), (1.0, 0.1, 0.05)


class Overlay:
    """`node` shows a difference in the overlay's colours until `close()`; the difference keeps its own display."""

    def __init__(self, difference):
        self._table = slicer.mrmlScene.AddNode(_colours())
        self._alias = Alias(difference, difference.GetName())
        self.node = self._alias.node
        self.node.GetDisplayNode().SetAndObserveColorNodeID(self._table.GetID())

    def close(self):
        """Removes node and colours."""
        self._alias.close()
        if self._table.GetScene() is not None:
            slicer.mrmlScene.RemoveNode(self._table)


def _colours():
    """Nothing around zero, growing blue below and red above. Slicer draws a voxel or leaves it out, nothing between."""
    table = slicer.vtkMRMLColorTableNode()
    table.SetName("LDCTDenoise overlay")
    table.SetTypeToUser()
    table.SetNumberOfColors(_COLOURS)
    table.SetHideFromEditors(True)
    table.SetSaveWithScene(False)
    for index, change in enumerate(np.linspace(-1.0, 1.0, _COLOURS)):
        hidden = abs(change) < _HIDDEN
        strength = 0.0 if hidden else min((abs(change) - _HIDDEN) / (1 - _HIDDEN) + _FIRST, 1.0)
        colour = [_GREY + (end - _GREY) * strength for end in (_BLUE if change < 0 else _RED)]
        table.SetColor(index, f"{change:+.2f}", *colour, 0.0 if hidden else 1.0)
    return table
