"""Results as nodes: complete before the scene sees them, beside their input, with the record of how they were made."""

from __future__ import annotations

import json
import re

import slicer
import vtk
from slicer.i18n import tr as _

from .remix import RECORD, SOURCE, STRENGTH
from .user_error import UserError
from .volumes import sliceToRAS

# attribute of the node ← entry of the worker's record
_FROM_RECORD = {"model": "model", "seed": "seed", "device": "device", "checksum": "checksum", "version": "version"}
NAME = "LDCTDenoise.name"  # the name that we gave; a node that the user has renamed keeps its name
PREVIEW = "LDCTDenoise.preview"


def resultName(source, title: str) -> str:
    """ "<input> <model title>" """
    return f"{source.GetName()} {title}"


def newVolume(source, image, name: str, record: dict):
    """A new volume node with `image` at the place of `source`, shown as it is shown, beside it in the hierarchy."""
    node = newNode("vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(name))
    node.SetAndObserveImageData(image)
    copyPlace(source, node)
    describe(node, record)
    slicer.mrmlScene.AddNode(node)
    node.SetNodeReferenceID(SOURCE, source.GetID())
    copyDisplay(source, node)
    placeBeside(source, node)
    return node


def checkOutput(output, source) -> None:
    """Raises UserError if `output`, given by the user, cannot take the result for `source`. None is a new node."""
    if output is None:
        return
    if output.GetScene() is None:
        raise UserError(_("The output volume is no longer in the scene: choose another, or a new one."))
    if output is source or output.GetClassName() != "vtkMRMLScalarVolumeNode":
        text = _("{name} cannot take the result: choose another output volume, or a new one.")
        raise UserError(text.format(name=output.GetName()))


def renewVolume(output, source, image, name: str, record: dict):
    """`output` gets the result in one step. Its name stays if the user gave it, its display if it is shown already."""
    isOurs = output.GetNodeReferenceID(SOURCE) == source.GetID() and output.GetImageData() is not None
    with slicer.util.NodeModify(output):
        if output.GetAttribute(NAME) == output.GetName() and not isNumbered(output.GetName(), name):
            name = slicer.mrmlScene.GenerateUniqueName(name)
            output.SetName(name)
            output.SetAttribute(NAME, name)
        copyPlace(source, output)
        for attribute in [a for a in output.GetAttributeNames() if a.startswith("LDCTDenoise.") and a != NAME]:
            output.RemoveAttribute(attribute)
        describe(output, record, keepsName=True)
        output.SetAndObserveImageData(image)
        output.SetNodeReferenceID(SOURCE, source.GetID())
    if not isOurs or output.GetDisplayNode() is None:
        copyDisplay(source, output)
        placeBeside(source, output)
    return output


def isNumbered(unique: str, name: str) -> bool:
    """Whether `unique` is `name`, or what the scene made of it because there was one of that name already."""
    return re.fullmatch(re.escape(name) + r"(_\d+)?", unique) is not None


def newPreview(source, image, axis: int, index: int, record: dict, output=None):
    """A volume of one slice at its true place: shown in views, but neither in selectors nor in a saved scene.

    output  an earlier preview to be renewed instead
    """
    node = output or newNode("vtkMRMLScalarVolumeNode", _("{name} preview").format(name=source.GetName()))
    with slicer.util.NodeModify(node):
        copyPlace(source, node)
        node.SetIJKToRASMatrix(sliceToRAS(source, axis, index))
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        node.SetAndObserveImageData(image)
        describe(node, record)
        node.SetAttribute(PREVIEW, str(index))
        if output is None:
            slicer.mrmlScene.AddNode(node)
        node.SetNodeReferenceID(SOURCE, source.GetID())
    if output is None:
        copyDisplay(source, node)
        node.GetDisplayNode().SetSaveWithScene(False)
        placeBeside(source, node)
    return node


def removeNode(node) -> None:
    """Take a node of ours out of the scene, with its display; one that is gone already does no harm."""
    scene = node.GetScene() if node is not None else None
    if scene is None:
        return
    if node.IsA("vtkMRMLDisplayableNode"):
        for display in [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())]:
            if display is not None:
                scene.RemoveNode(display)
    scene.RemoveNode(node)


def newNode(className: str, name: str):
    """A node that is not in the scene yet."""
    node = slicer.mrmlScene.CreateNodeByClass(className)
    node.UnRegister(None)  # VTK gave it with a reference of its own
    node.SetName(name)
    node.SetAttribute(NAME, name)
    return node


def describe(node, record: dict, keepsName: bool = False) -> None:
    """The record as attributes: the whole as JSON, and what people look for on its own."""
    node.SetAttribute(RECORD, json.dumps(record, ensure_ascii=False))
    for attribute, entry in _FROM_RECORD.items():
        if record.get(entry) is not None:
            node.SetAttribute(f"LDCTDenoise.{attribute}", str(record[entry]))
    if record.get("strength") is not None:
        node.SetAttribute(STRENGTH, f"{record['strength']:g}")


def copyPlace(source, node) -> None:
    """Geometry, parent transform and unit of `source`."""
    matrix = vtk.vtkMatrix4x4()
    source.GetIJKToRASMatrix(matrix)
    node.SetIJKToRASMatrix(matrix)
    node.SetAndObserveTransformNodeID(source.GetTransformNodeID())
    node.SetVoxelValueQuantity(source.GetVoxelValueQuantity())
    node.SetVoxelValueUnits(source.GetVoxelValueUnits())


def copyDisplay(source, node) -> None:
    """Window, level and colours of `source`, fixed: an automatic window would differ between before and after."""
    shown = source.GetDisplayNode()
    if shown is None:
        node.CreateDefaultDisplayNodes()
        return
    display = node.GetDisplayNode()
    if display is None or display.GetClassName() != shown.GetClassName():
        display = slicer.mrmlScene.AddNewNodeByClass(shown.GetClassName())
    with slicer.util.NodeModify(display):
        display.CopyContent(shown)
        display.AutoWindowLevelOff()
        display.SetWindowLevel(shown.GetWindow(), shown.GetLevel())
        display.SetAndObserveColorNodeID(shown.GetColorNodeID())
    node.SetAndObserveDisplayNodeID(display.GetID())


def placeBeside(source, node) -> None:
    """The same folder, study and patient in the subject hierarchy; a new node starts at its root."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    if hierarchy is None:
        return
    beside, item = hierarchy.GetItemByDataNode(source), hierarchy.GetItemByDataNode(node)
    if beside and item:
        hierarchy.SetItemParent(item, hierarchy.GetItemParent(beside))


def modelTitle(id: str) -> str:
    """The title on the model's card; the id itself if there is no such card."""
    card = _card(id)
    return card.title if card else id


def isRandom(id: str) -> bool:
    """Whether a model draws, so that seed and number of draws matter; True for one that nobody knows."""
    card = _card(id)
    return card is None or card.family != "classical"


def _card(id: str):
    from LDCTDenoiseLib.weights.store import list_models

    return next((card for card in list_models() if card.id == id), None)
