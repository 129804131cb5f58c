"""The subject hierarchy's plug-ins are C++ with Qt; this does what they do with nodes that come and go."""

from __future__ import annotations

import slicer
import vtk

OWNED = ("vtkMRMLVolumeNode", "vtkMRMLSequenceNode", "vtkMRMLTableNode", "vtkMRMLPlotChartNode", "vtkMRMLTransformNode",
         "vtkMRMLModelNode", "vtkMRMLMarkupsNode", "vtkMRMLSegmentationNode", "vtkMRMLPlotSeriesNode",
         "vtkMRMLSequenceBrowserNode", "vtkMRMLTextNode")  # fmt: skip


def _hierarchy(scene):
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def _add(scene, node):
    hidden = node.GetHideFromEditors()
    if not hidden and any(node.IsA(name) for name in OWNED):
        hierarchy = _hierarchy(scene)
        if not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


def follow(scene) -> None:
    """Every data node gets an item at the root, however it came (also a clone); a removed node loses it."""

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def added(caller, event, node):
        if node.IsA("vtkMRMLSubjectHierarchyNode"):
            slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(scene)
        elif not scene.IsImporting():
            _add(scene, node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def removed(caller, event, node):
        if not scene.IsClosing() and not node.IsA("vtkMRMLSubjectHierarchyNode"):
            hierarchy = _hierarchy(scene)
            item = hierarchy.GetItemByDataNode(node)
            if item:
                hierarchy.RemoveItem(item, False, False)

    def imported(caller, event):
        for index in range(scene.GetNumberOfNodes()):
            _add(scene, scene.GetNthNode(index))

    def closed(caller, event):
        _hierarchy(scene).RemoveAllItems()

    scene.AddObserver(scene.NodeAddedEvent, added)
    scene.AddObserver(scene.NodeAboutToBeRemovedEvent, removed)
    scene.AddObserver(scene.EndImportEvent, imported, 10.0)
    scene.AddObserver(scene.EndCloseEvent, closed)
    _hierarchy(scene)
