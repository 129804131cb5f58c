"""The way in and out of our views, and what happens to them when scene, volumes or layout change under them."""

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _

from ..user_error import UserError
from . import acquisition_plane, layouts, plots
from .restore import Found
from .stage import Stage


class Session:
    """At most one `Stage`, and what the user had before the first one.

    ended  called when something outside ended the comparison
    wake   called when a scene was loaded that was saved with our views up; False if it cannot show them
    """

    def __init__(self, ended, wake):
        self.stage = None
        self.layoutId = None
        self._ended, self._wake = ended, wake
        self._found = None
        self._watched = []
        self._busy = self._imported = False
        self._later = qt.QTimer()  # nothing is given back in the middle of the scene's or the layout's own event
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.connect("timeout()", self._onLater)
        self._tags = []
        self._observe()

    def show(self, layoutId, panes, volumes, original=None):
        """Replaces what is up by these panes and returns the new stage. `volumes` end it when they are removed."""
        if slicer.app.layoutManager() is None:
            raise UserError(_("Volumes can be compared in Slicer's main window only; start Slicer with its window."))
        self._later.stop()
        if not self._tags:  # after a shutdown: the console may still have the logic from before a reload
            self._observe()
        index = _indexToShow(panes[0].volume, volumes)
        isSame = self.stage is not None and layouts.rowsOf(layoutId) == layouts.rowsOf(self.layoutId)
        keepView = isSame and _sameGrid(panes, self.stage.panes)
        self._close()
        if self._found is not None and not layouts.ourLayoutIsUp():
            self._found.giveBackWindowLevel()  # the user chose another layout meanwhile: that is what he has now
            self._found = None
        self._found = self._found or Found()
        self._found.remember([pane.volume for pane in panes] + list(volumes))
        self._busy = True
        try:
            self.stage = Stage(layoutId, panes, index, original, keepView)
        finally:
            self._busy = False
        self.layoutId = layoutId
        self._watched = [*volumes, original]
        return self.stage

    def leave(self):
        """Gives back what the user had. Safe at any time."""
        self._later.stop()
        self._close()
        found, self._found = self._found, None
        if found is None or slicer.app.layoutManager() is None:
            return
        self._busy = True
        try:
            found.giveBackLayout()
            found.giveBackWindowLevel()
            layouts.removeViews(layouts.ourTags())
            plots.removePlotView()
        finally:
            self._busy = False

    def shutdown(self):
        """Leaves and stops watching until something is shown again."""
        self.leave()
        for each, tag in self._tags:
            each.RemoveObserver(tag)
        self._tags = []

    def _close(self):
        stage, self.stage = self.stage, None
        if stage is not None:
            stage.close()
        self._watched = []

    def _observe(self):
        scene = slicer.mrmlScene
        layout = layouts.layoutNode()
        for each, event, handler, priority in (
            (scene, scene.StartCloseEvent, self._onSceneCloses, 10.0),
            (scene, scene.StartImportEvent, self._onSceneLoads, 10.0),
            (scene, scene.EndImportEvent, self._onSceneLoaded, 0.0),
            (scene, scene.NodeAboutToBeRemovedEvent, self._onNodeLeaves, 10.0),  # before the views hear of it
            (layout, vtk.vtkCommand.ModifiedEvent, self._onLayout, 0.0),
        ):
            if each is not None:  # there is no layout without a window
                self._tags.append((each, each.AddObserver(event, handler, priority)))

    def _letGo(self):
        """Unties everything now and gives back the rest when the event is over."""
        self._close()
        self._later.start()
        self._ended()

    def _onSceneCloses(self, caller, event):
        if self._found is not None:
            self._found.forgetNodes()
            self._letGo()

    def _onSceneLoads(self, caller, event):
        """The scene may bring views of ours with volumes of its own: nothing is tied to them meanwhile."""
        if self.stage is not None:
            self._close()
            self._ended()

    def _onSceneLoaded(self, caller, event):
        if self.stage is None and (self._found is not None or layouts.ourLayoutIsUp()):
            self._imported = True
            self._later.start()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeLeaves(self, caller, event, node):
        if self.stage is not None and (self.stage.shows(node) or any(node is each for each in self._watched)):
            self._letGo()

    def _onLayout(self, caller, event):
        if self.stage is not None and not self._busy and caller.GetViewArrangement() not in layouts.ourLayouts():
            self._letGo()

    def _onLater(self):
        imported, self._imported = self._imported, False
        if imported and self.stage is None and layouts.ourLayoutIsUp():
            if self._wake():
                return
            self._found = self._found or Found()
        self.leave()


def _indexToShow(volume, volumes):
    """The slice looked at; that of a preview of one slice when there is one."""
    for other in volumes:
        if acquisition_plane.sliceCount(other) == 1 < acquisition_plane.sliceCount(volume):
            return round(acquisition_plane.sliceAt(volume, acquisition_plane.sliceCentre(other, 0)))
    return acquisition_plane.visibleSlice(volume)


def _sameGrid(panes, others):
    """Whether two comparisons begin with volumes of the same voxels' places."""
    return all(np.array_equal(a, b) for a, b in zip(_grid(panes[0].volume), _grid(others[0].volume), strict=True))


def _grid(volume):
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return (
        slicer.util.arrayFromVTKMatrix(matrix),
        volume.GetImageData().GetDimensions(),
        np.array([volume.GetTransformNodeID() or ""]),
    )
