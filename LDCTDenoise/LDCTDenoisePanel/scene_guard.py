"""Keeps the panel right when the scene under it is closed, loaded, or loses a node."""

import slicer
import vtk
from slicer.util import VTKObservationMixin


class SceneGuard(VTKObservationMixin):
    """Lets go of the parameter node before the scene changes, and takes the new one afterwards.

    setParameters  called with None before a scene is closed or loaded, and with the new parameter node after it
    makeParameters makes or finds the parameter node
    selectors      node selectors that must not jump to another node when theirs is removed
    isEntered      whether the module is open; if not, the next `enter` takes the new parameter node
    """

    def __init__(self, setParameters, makeParameters, selectors, isEntered):
        VTKObservationMixin.__init__(self)
        self._setParameters, self._makeParameters = setParameters, makeParameters
        self._selectors, self._isEntered = selectors, isEntered
        scene = slicer.mrmlScene
        for event in (scene.StartCloseEvent, scene.StartImportEvent):
            self.addObserver(scene, event, self._onSceneLeaves)
        for event in (scene.EndCloseEvent, scene.EndImportEvent):
            self.addObserver(scene, event, self._onSceneIsThere)
        # before the selectors themselves hear of it
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeLeaves, priority=10.0)

    def release(self):
        """Stops watching; for the end of the widget."""
        self.removeObservers()

    def _onSceneLeaves(self, caller, event):
        self._setParameters(None)

    def _onSceneIsThere(self, caller, event):
        if self._isEntered():
            self._setParameters(self._makeParameters())

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeLeaves(self, caller, event, node):
        for selector in self._selectors:
            if node is not None and selector.currentNode() is node:
                selector.setCurrentNode(None)
