"""What a running job works on, watched: the scene may be closed and nodes removed or changed at any time."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from slicer.i18n import tr as _

from .volumes import Voxels

SCENE_CLOSED, NODE_LOST = "scene closed", "node lost"


class Watch:
    """Calls onLost(kind, sentence) once if the scene is closed or something that is watched is removed or changed."""

    def __init__(self, onLost: Callable[[str, str], None]):
        self._onLost = onLost
        self._nodes: dict[str, tuple] = {}  # node ID → (node, name)
        self._observed: list[tuple] = []
        scene = slicer.mrmlScene
        self._observe(scene, scene.StartCloseEvent, self._sceneClosing)
        self._observe(scene, scene.NodeRemovedEvent, self._nodeRemoved)

    def node(self, node) -> None:
        """`node` must stay in the scene; None is nothing to watch."""
        if node is not None:
            self._nodes[node.GetID()] = (node, node.GetName())

    def voxels(self, voxels: Voxels) -> None:
        """The volume must stay in the scene and keep its voxels."""
        self.node(voxels.volume)

        def changed(caller, event):
            if not voxels.areUnchanged:
                text = _("The voxels of {name} were changed meanwhile, so the work was stopped: start it again.")
                self._lost(NODE_LOST, text.format(name=voxels.name))

        for event in (vtk.vtkCommand.ModifiedEvent, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent):
            self._observe(voxels.volume, event, changed)

    def stop(self) -> None:
        """No observer is left."""
        for watched, tag in self._observed:
            watched.RemoveObserver(tag)
        self._observed, self._nodes = [], {}

    def _observe(self, watched, event, slot) -> None:
        self._observed.append((watched, watched.AddObserver(event, slot)))

    def _sceneClosing(self, caller, event) -> None:
        self._lost(SCENE_CLOSED, _("The scene was closed, so the work was stopped."))

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _nodeRemoved(self, caller, event, node) -> None:
        if node is not None and any(node is watched for watched, _name in self._nodes.values()):
            name = next(name for watched, name in self._nodes.values() if watched is node)
            text = _("{name} was removed from the scene meanwhile, so the work was stopped.")
            self._lost(NODE_LOST, text.format(name=name))

    def _lost(self, kind: str, sentence: str) -> None:
        self.stop()
        self._onLost(kind, sentence)
