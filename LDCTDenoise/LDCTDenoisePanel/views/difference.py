"""The signed difference, denoised − original in HU, as a volume of its own."""

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import get_vtk_array_type

from ..user_error import UserError
from .difference_display import halfWindowFromNoise, setHalfWindow, showLegend
from .difference_follow import followDifference

__all__ = ["halfWindowFromNoise", "makeDifference", "showLegend", "updateDifference"]

SOURCE_ROLE, DENOISED_ROLE = "LDCTDenoise.source", "LDCTDenoise.denoised"
DIFFERENCE_ATTRIBUTE = "LDCTDenoise.difference"
_COLOURS = "vtkMRMLColorTableNodeFileDivergingBlueRed.txt"
_INT16 = np.iinfo(np.int16)


def makeDifference(before, after, halfWindow=None):
    """A new scalar volume node `after` − `before` in HU, which follows both when their voxels change.

    before      vtkMRMLScalarVolumeNode
    after       the same voxels denoised, or a block of them (the preview of one slice)
    halfWindow  HU shown as the full colour; None: from the noise of `before`
    The voxels are int16 where both are integers and the difference fits, else float32. Raises UserError.
    """
    start = _blockOf(before, after)
    node = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLScalarVolumeNode",
        slicer.mrmlScene.GenerateUniqueName(_("{name} difference").format(name=after.GetName())),
    )
    node.SetNodeReferenceID(SOURCE_ROLE, before.GetID())
    node.SetNodeReferenceID(DENOISED_ROLE, after.GetID())
    node.SetAttribute(DIFFERENCE_ATTRIBUTE, "1")
    node.SetSaveWithScene(after.GetSaveWithScene())  # of a preview neither the picture nor its difference is kept
    node.SetHideFromEditors(after.GetHideFromEditors())
    node.CreateDefaultDisplayNodes()  # before there are voxels: with them Slicer looks for a window, 0.3 s
    node.GetDisplayNode().SetAndObserveColorNodeID(_COLOURS)
    node.GetDisplayNode().SetSaveWithScene(after.GetSaveWithScene())
    setHalfWindow(node, halfWindow or halfWindowFromNoise(before))
    _compute(node, before, after, start)
    _placeBeside(before, node)
    followDifference(node, updateDifference)
    return node


def updateDifference(difference):
    """Computes the difference anew from the volumes it refers to, in place. False when one of them is gone."""
    sources = sourcesOf(difference)
    if sources is None:
        return False
    _compute(difference, *sources, _blockOf(*sources))
    return True


def isDifference(node):
    """Whether a node was made by `makeDifference`."""
    return node is not None and node.GetAttribute(DIFFERENCE_ATTRIBUTE) == "1"


def sourcesOf(difference):
    """(before, after) of a difference; None when one of them, or its voxels, is gone."""
    found = [difference.GetNodeReference(role) for role in (SOURCE_ROLE, DENOISED_ROLE)]
    return None if any(volume is None or volume.GetImageData() is None for volume in found) else tuple(found)


def _blockOf(before, after):
    """Where the voxels of `after` lie in `before`: the array index [slice, row, column] of its first voxel."""
    for volume in (before, after):
        if volume is None or volume.GetImageData() is None or volume.GetImageData().GetPointData().GetScalars() is None:
            raise UserError(_("There is nothing to subtract: choose an original and a denoised volume with voxels."))
        if volume.GetImageData().GetNumberOfScalarComponents() != 1:
            raise UserError(
                _("{name} is a colour image; choose a volume with one value a voxel.").format(name=volume.GetName())
            )
    toRAS, toIJK = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    after.GetIJKToRASMatrix(toRAS)
    before.GetRASToIJKMatrix(toIJK)
    step = slicer.util.arrayFromVTKMatrix(toIJK) @ slicer.util.arrayFromVTKMatrix(toRAS)
    first = np.rint(step[:3, 3]).astype(int)
    room = np.array(before.GetImageData().GetDimensions()) - np.array(after.GetImageData().GetDimensions())
    sameGrid = np.allclose(step[:3, :3], np.eye(3), atol=1e-3) and np.allclose(step[:3, 3], first, atol=0.05)
    if not sameGrid or np.any(first < 0) or np.any(first > room):
        raise UserError(
            _("{after} and {before} do not lie on the same voxels; choose a volume denoised from {before}.").format(
                after=after.GetName(), before=before.GetName()
            )
        )
    return tuple(int(index) for index in first[::-1])


def _resultType(before, after):
    """int16 when it surely holds the difference, else float32."""
    arrays = [slicer.util.arrayFromVolume(volume) for volume in (before, after)]
    if not all(np.issubdtype(array.dtype, np.integer) for array in arrays):
        return np.dtype(np.float32)
    (low, high), (lowAfter, highAfter) = ((int(array.min()), int(array.max())) for array in arrays)  # 2 ms a volume
    fits = lowAfter - high >= _INT16.min and highAfter - low <= _INT16.max
    return np.dtype(np.int16 if fits else np.float32)


def _compute(node, before, after, start):
    """Voxels, geometry and transform of the difference; `start` is where the voxels of `after` lie in `before`."""
    a = slicer.util.arrayFromVolume(after)
    b = slicer.util.arrayFromVolume(before)[tuple(slice(i, i + n) for i, n in zip(start, a.shape, strict=True))]
    modifying = node.StartModify()
    matrix = vtk.vtkMatrix4x4()
    after.GetIJKToRASMatrix(matrix)
    node.SetIJKToRASMatrix(matrix)
    node.SetAndObserveTransformNodeID(before.GetTransformNodeID())
    out = _room(node, a.shape, _resultType(before, after))
    if out.dtype == np.int16:
        # modulo 2^16, whatever the integer types are: exact, because the result was found to fit
        np.subtract(a, b, out=out, dtype=np.int16, casting="unsafe")
    else:
        for index in range(len(a)):  # in double precision, a slice at a time to stay in the processor's cache
            np.subtract(a[index], b[index], out=out[index], dtype=np.float64, casting="unsafe")
    slicer.util.arrayFromVolumeModified(node)
    node.EndModify(modifying)


def _room(node, shape, type_):
    """The array of a node's voxels, made anew only if shape or type are others."""
    if node.GetImageData() is not None:
        array = slicer.util.arrayFromVolume(node)
        if array.shape == tuple(shape) and array.dtype == type_:
            return array
    image = vtk.vtkImageData()
    image.SetDimensions(shape[::-1])
    image.AllocateScalars(get_vtk_array_type(type_), 1)
    node.SetAndObserveImageData(image)
    return slicer.util.arrayFromVolume(node)


def _placeBeside(before, node):
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    if tree is None:
        return
    tree.SetItemParent(tree.GetItemByDataNode(node), tree.GetItemParent(tree.GetItemByDataNode(before)))
