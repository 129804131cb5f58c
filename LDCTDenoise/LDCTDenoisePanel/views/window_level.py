"""One window and level for before, after and variants; the difference keeps its own."""

import vtk


class WindowLevelLink:
    """Keeps window and level of several volumes as the first has them, whichever is changed, until `close()`."""

    def __init__(self, volumes):
        self._displays = [volume.GetDisplayNode() for volume in volumes if volume.GetDisplayNode() is not None]
        self._busy = False
        self._tags = []
        if self._displays:
            self._spread(self._displays[0])
        for display in self._displays:
            self._tags.append((display, display.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onModified)))

    def close(self):
        """Lets the volumes go their own ways."""
        for display, tag in self._tags:
            display.RemoveObserver(tag)
        self._tags, self._displays = [], []

    def _onModified(self, caller, event):
        if not self._busy:
            self._spread(caller)

    def _spread(self, source):
        self._busy = True
        try:
            for display in self._displays:
                setWindowLevel(display, source.GetWindow(), source.GetLevel())
        finally:
            self._busy = False


def setWindowLevel(display, window, level):
    """Sets both at once, as one change, and only if it is one; Slicer must not choose them anew."""
    if (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (window, level, 0):
        return
    modifying = display.StartModify()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(window, level)
    display.EndModify(modifying)
