"""What the user had before our views came up, to give it back."""

import qt
import slicer
import vtk

from . import layouts


class Found:
    """The layout, the planes of the user's views, and the window and level of the volumes that we link."""

    def __init__(self):
        manager = slicer.app.layoutManager()
        self._layout = _usersLayout(manager.layout)
        self._maximized = layouts.maximizedViews()
        self._views = [
            _FoundView(manager.sliceWidget(name).sliceLogic())
            for name in manager.sliceViewNames()
            if name not in layouts.ourTags()
        ]
        self._windows = {}

    def remember(self, volumes):
        """Keeps window and level of volumes whose display we are about to change; the first time counts."""
        for volume in volumes:
            display = volume.GetDisplayNode()
            if display is not None and display.GetID() not in self._windows:
                found = display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()
                self._windows[display.GetID()] = (display, found)

    def giveBackLayout(self):
        """The user's layout and views, unless he chose another layout himself: then that one stays.

        True when the layout was changed.
        """
        manager = slicer.app.layoutManager()
        if manager.layout not in layouts.ourLayouts():
            return False
        manager.setLayout(self._layout)  # which shows all of its views
        for view in self._maximized:
            if view.GetScene() is not None:
                layouts.layoutNode().AddMaximizedViewNode(view)
        # the size of the views first, then what they show
        slicer.app.processEvents(qt.QEventLoop.ExcludeUserInputEvents)
        for view in self._views:
            view.giveBack()
        return True

    def forgetNodes(self):
        """The scene is closed: planes, window and level mean nothing any more; the layout does."""
        self._views, self._maximized, self._windows = [], [], {}

    def giveBackWindowLevel(self):
        """Window and level as found, of the volumes that still exist."""
        for display, (window, level, automatic) in self._windows.values():
            if display.GetScene() is None:
                continue
            modifying = display.StartModify()
            display.SetWindowLevel(window, level)
            display.SetAutoWindowLevel(automatic)
            display.EndModify(modifying)
        self._windows = {}


class _FoundView:
    """Plane, centre and scale of one of the user's slice views, and which volume it showed."""

    def __init__(self, logic):
        self._node, self._composite = logic.GetSliceNode(), logic.GetSliceCompositeNode()
        self._volume = self._composite.GetBackgroundVolumeID()
        self._plane = vtk.vtkMatrix4x4()
        self._plane.DeepCopy(self._node.GetSliceToRAS())
        self._centre, self._field = self._node.GetXYZOrigin(), self._node.GetFieldOfView()
        self._dimensions = self._node.GetDimensions()

    def giveBack(self):
        # We never write to the user's views. One that shows another volume now was changed by the user: his choice.
        if self._node.GetScene() is None or self._composite.GetBackgroundVolumeID() != self._volume:
            return
        width, height, _ = self._node.GetDimensions()
        modifying = self._node.StartModify()
        self._node.GetSliceToRAS().DeepCopy(self._plane)
        self._node.SetXYZOrigin(*self._centre)
        if (width, height) == tuple(self._dimensions[:2]):
            self._node.SetFieldOfView(*self._field)
        elif self._dimensions[1] > 0:  # the window was resized meanwhile: the same millimetres per pixel
            perPixel = self._field[1] / self._dimensions[1]
            self._node.SetFieldOfView(perPixel * width, perPixel * height, self._field[2])
        self._node.UpdateMatrices()
        self._node.EndModify(modifying)


def _usersLayout(layout):
    """A layout to go back to; a scene may have been saved with one of ours."""
    return slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView if layout in layouts.ourLayouts() else layout
