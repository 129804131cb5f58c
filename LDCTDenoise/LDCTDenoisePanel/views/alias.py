"""A hidden second node on the same voxels: another name, another display, no memory, never saved."""

import slicer
import vtk


class Alias:
    """`node` shows the voxels of `volume` under another name until `close()`, and follows their changes."""

    def __init__(self, volume, name):
        self.volume = volume
        self.node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        self.node.SetHideFromEditors(True)
        self.node.SetSaveWithScene(False)
        self.node.CreateDefaultDisplayNodes()  # before there are voxels: with them Slicer looks for a window, 0.3 s
        display = self.node.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.CopyContent(volume.GetDisplayNode())
        display.AutoWindowLevelOff()
        self._onModified(None, None)
        self._tag = volume.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onModified)

    def close(self):
        """Removes the node; the volume is as it was."""
        if self._tag is None:
            return
        self.volume.RemoveObserver(self._tag)
        self._tag = None
        for node in (self.node, self.node.GetDisplayNode()):  # a volume still shown must not lose its display first
            if node is not None and node.GetScene() is not None:
                slicer.mrmlScene.RemoveNode(node)

    def _onModified(self, caller, event):
        modifying = self.node.StartModify()
        if self.node.GetImageData() is not self.volume.GetImageData():
            self.node.SetAndObserveImageData(self.volume.GetImageData())
        matrix = vtk.vtkMatrix4x4()
        self.volume.GetIJKToRASMatrix(matrix)
        self.node.SetIJKToRASMatrix(matrix)
        self.node.SetAndObserveTransformNodeID(self.volume.GetTransformNodeID())
        self.node.Modified()
        self.node.EndModify(modifying)
