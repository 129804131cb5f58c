"""slicer.app.coreIOManager(): what slicer.util.loadVolume, saveNode, loadScene and saveScene call."""

from __future__ import annotations

from pathlib import Path

import slicer

ENDINGS = {".mrml": "SceneFile", ".mrb": "SceneFile", ".seq.nrrd": "SequenceFile", ".seq.mrb": "SequenceFile"}


class IOManager:
    """Volumes, sequences and scenes. A loader returns the nodes that it made, or none when it could not."""

    def __init__(self, scene, applicationLogic):
        self._scene, self._logic = scene, applicationLogic
        self._loaders = {
            "VolumeFile": self._loadVolume,
            "SceneFile": self._loadScene,
            "SequenceFile": self._loadSequence,
        }

    def fileType(self, file):
        name = str(file).lower()
        return next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), "VolumeFile")

    def fileWriterFileType(self, node):
        return "SequenceFile" if node.IsA("vtkMRMLSequenceNode") else "VolumeFile"

    def loadNodes(self, fileType, properties, loaded=None, messages=None):
        if fileType not in self._loaders or not Path(properties["fileName"]).exists():
            return False
        nodes = self._loaders[fileType](properties["fileName"], properties, messages)
        for node in nodes or []:
            if loaded is not None:
                loaded.AddItem(node)
        return nodes is not None

    def saveNodes(self, fileType, properties, messages=None):
        if fileType == "SceneFile":
            return self._saveScene(str(properties["fileName"]), messages)
        node = self._scene.GetNodeByID(properties["nodeID"])
        storage = node.GetStorageNode()
        if storage is None:
            node.AddDefaultStorageNode()
            storage = node.GetStorageNode()
        storage.SetFileName(str(properties["fileName"]))
        if "useCompression" in properties:
            storage.SetUseCompression(properties["useCompression"])
        return bool(storage.WriteData(node))

    def _loadVolume(self, file, properties, messages):
        flags = ("labelmap", "center", "singleFile", "autoWindowLevel", "discardOrientation")
        options = sum(bool(properties.get(name)) << bit for bit, name in enumerate(flags))
        name = properties.get("name") or Path(file).name.split(".")[0]
        logic = slicer.modules.volumes.logic()
        node = logic.AddArchetypeVolume(file, name, options)
        if node is None:
            return None
        if properties.get("colorNodeID"):
            node.GetDisplayNode().SetAndObserveColorNodeID(properties["colorNodeID"])
        if properties.get("show", True):
            selection = self._logic.GetSelectionNode()
            label = node.IsA("vtkMRMLLabelMapVolumeNode")
            (selection.SetActiveLabelVolumeID if label else selection.SetActiveVolumeID)(node.GetID())
            self._logic.PropagateVolumeSelection()  # into every slice view that does not forbid it, and fits it
        return [node]

    def _loadSequence(self, file, properties, messages):
        name = properties.get("name") or Path(file).name.split(".")[0]
        storage = self._scene.AddNewNodeByClass("vtkMRMLVolumeSequenceStorageNode")
        node = self._scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
        storage.SetFileName(file)
        if not storage.ReadData(node):
            self._scene.RemoveNode(node)
            self._scene.RemoveNode(storage)
            return None
        node.SetAndObserveStorageNodeID(storage.GetID())
        return [node]

    def _loadScene(self, file, properties, messages):
        clear = bool(properties.get("clear", False))
        if str(file).lower().endswith(".mrb"):
            return [] if self._scene.ReadFromMRB(str(file), clear, messages) else None
        self._scene.SetURL(str(file))
        done = self._scene.Connect(messages) if clear else self._scene.Import(messages)
        return [] if done else None

    def _saveScene(self, file, messages):
        """.mrml alone writes no volume, as in Slicer; a name without ending is a folder with everything."""
        ending = Path(file).suffix.lower()
        if ending == ".mrb":
            return bool(self._scene.WriteToMRB(file, None, messages))
        self._scene.SetURL(file)
        if ending == ".mrml":
            self._scene.SetRootDirectory(str(Path(file).parent))
            return bool(self._scene.Commit(file, messages))
        Path(file).mkdir(parents=True, exist_ok=True)
        return bool(self._logic.SaveSceneToSlicerDataBundleDirectory(file, None, messages))
