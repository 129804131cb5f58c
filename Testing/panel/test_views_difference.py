"""The difference volume: right in every voxel, in its place, following its volumes, and readable."""

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoisePanel.user_error import UserError
from LDCTDenoisePanel.views.difference import halfWindowFromNoise, makeDifference, updateDifference


def array(volume):
    return slicer.util.arrayFromVolume(volume)


def denoised(ct, before, hu=None, name="Denoised"):
    """A volume on the voxels of `before`, half its values unless others are given."""
    node = slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, before, name)
    slicer.util.updateVolumeFromArray(node, array(before) // 2 if hu is None else hu)
    return node


def oneSlice(before, index):
    """A preview: slice `index` of `before` as a volume of its own, at its place, 10 HU higher."""
    origin = [0, 0, 0]
    ijkToRAS = slicer.util.arrayFromVTKMatrix(matrixOf(before)).copy()
    origin = ijkToRAS @ [0, 0, index, 1]
    ijkToRAS[:, 3] = origin
    node = slicer.util.addVolumeFromArray(array(before)[index : index + 1] + 10, ijkToRAS=ijkToRAS, name="Preview")
    node.CreateDefaultDisplayNodes()
    node.SetAndObserveTransformNodeID(before.GetTransformNodeID())
    return node


def matrixOf(volume):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


def test_the_difference_is_denoised_minus_original_in_hu(ct):
    before = ct.moved(angles=(10, 0, 5))
    after = denoised(ct, before)
    difference = makeDifference(before, after)
    assert array(difference).dtype == np.int16
    assert np.array_equal(array(difference), array(after).astype(int) - array(before))
    assert slicer.util.arrayFromVTKMatrix(matrixOf(difference)) == pytest.approx(
        slicer.util.arrayFromVTKMatrix(matrixOf(before)), abs=1e-9
    )
    assert difference.GetTransformNodeID() == before.GetTransformNodeID()


def test_it_refers_to_its_volumes_and_lies_beside_the_input(ct, scene):
    before = ct.volume()
    after = denoised(ct, before)
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "Study")
    tree.SetItemParent(tree.GetItemByDataNode(before), study)
    difference = makeDifference(before, after)
    assert difference.GetNodeReference("LDCTDenoise.source") is before
    assert difference.GetNodeReference("LDCTDenoise.denoised") is after
    assert difference.GetAttribute("LDCTDenoise.difference") == "1"
    assert tree.GetItemParent(tree.GetItemByDataNode(difference)) == study


@pytest.mark.parametrize(
    ("before", "after", "type_"),
    [
        (np.array([-1024, 30000], np.int16), np.array([3071, -2000], np.int16), np.int16),
        (np.array([-30000, 0], np.int16), np.array([30000, 0], np.int16), np.float32),  # 60000 does not fit
        (np.array([0, 65535], np.uint16), np.array([40, 65500], np.uint16), np.float32),  # might not fit
        (np.array([0, 4000], np.uint16), np.array([-1000, 3000], np.int16), np.int16),
        (np.array([0, 255], np.uint8), np.array([255, 0], np.uint8), np.int16),
        (np.array([-1000, 2000], np.int32), np.array([70, 80], np.int16), np.int16),
        (np.array([0.25, 1.0], np.float64), np.array([0.5, -3.0], np.float32), np.float32),
        (np.array([10, 20], np.int16), np.array([0.5, 1.5], np.float32), np.float32),
    ],
)
def test_no_number_type_overflows(scene, before, after, type_):
    nodes = []
    for values in (before, after):
        nodes.append(slicer.util.addVolumeFromArray(values.reshape(1, 1, 2)))
        nodes[-1].CreateDefaultDisplayNodes()
    difference = makeDifference(*nodes, halfWindow=100)
    assert array(difference).dtype == type_
    assert np.allclose(array(difference).ravel(), after.astype(float) - before.astype(float))


def test_the_window_is_symmetric_and_the_colours_diverge(ct):
    before = ct.volume()
    difference = makeDifference(before, denoised(ct, before), halfWindow=80)
    display = difference.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel()) == (160, 0, 0)
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeFileDivergingBlueRed.txt"


@pytest.mark.parametrize(("noise", "low", "high"), [(20, 30, 50), (60, 100, 140), (1, 20, 20), (400, 500, 500)])
def test_the_window_comes_from_the_noise(ct, noise, low, high):
    before = ct.volume(shape=(6, 192, 192), noise=noise, spacing=(1.5, 1.5, 3))
    half = halfWindowFromNoise(before)
    assert low <= half <= high
    assert half % 10 == 0, "the legend tells half of it"


@pytest.mark.parametrize("value", [0, -1000])
def test_a_volume_without_tissue_or_noise_still_gets_a_window(scene, value):
    hu = np.full((3, 40, 40), value, np.int16)
    assert 20 <= halfWindowFromNoise(slicer.util.addVolumeFromArray(hu)) <= 500
    hu = hu + np.random.default_rng(0).normal(0, 30, hu.shape)
    hu[0, 0, 0] = np.nan
    assert 20 <= halfWindowFromNoise(slicer.util.addVolumeFromArray(hu)) <= 500


def test_it_follows_the_denoised_volume_once_for_many_changes(ct, host, monkeypatch):
    before = ct.volume()
    after = denoised(ct, before)
    difference = makeDifference(before, after)
    seen = []
    tag = difference.AddObserver("ModifiedEvent", lambda *_: seen.append(1))
    for value in (1, 2, 3):
        array(after)[:] = value
        slicer.util.arrayFromVolumeModified(after)
    host.settle()
    assert np.array_equal(array(difference), 3 - array(before).astype(int))
    assert len(seen) == 1
    difference.RemoveObserver(tag)


def test_renaming_or_windowing_computes_nothing(ct, host):
    before = ct.volume()
    after = denoised(ct, before)
    difference = makeDifference(before, after)
    time = difference.GetImageData().GetPointData().GetScalars().GetMTime()
    after.SetName("Other name")
    after.GetDisplayNode().SetWindowLevel(300, 10)
    host.settle()
    assert difference.GetImageData().GetPointData().GetScalars().GetMTime() == time


def test_updating_in_place_keeps_node_and_memory_and_changes_the_type_only_when_it_must(ct):
    before = ct.volume()
    after = denoised(ct, before)
    difference = makeDifference(before, after)
    memory = array(difference)
    array(after)[:] = array(before) + 7
    slicer.util.arrayFromVolumeModified(after)
    assert updateDifference(difference)
    assert np.shares_memory(memory, array(difference))
    assert np.all(array(difference) == 7)
    slicer.util.updateVolumeFromArray(after, array(before) + np.float32(0.5))
    assert updateDifference(difference)
    assert array(difference).dtype == np.float32
    assert np.all(array(difference) == 0.5)


def test_a_difference_whose_volume_is_gone_stays_as_it_is(ct, host, scene):
    before = ct.volume()
    after = denoised(ct, before)
    difference = makeDifference(before, after)
    found = array(difference).copy()
    scene.RemoveNode(after)
    host.settle()
    assert updateDifference(difference) is False
    assert np.array_equal(array(difference), found)


def test_a_removed_difference_is_forgotten(ct, host, scene):
    before = ct.volume()
    after = denoised(ct, before)
    scene.RemoveNode(makeDifference(before, after))
    array(after)[:] = 5
    slicer.util.arrayFromVolumeModified(after)
    host.settle()  # errors in observers and timers fail the test


@pytest.mark.parametrize("geometry", [{}, {"angles": (15, 0, 0)}, {"flip": ("k",)}])
def test_the_difference_of_a_preview_is_one_slice_at_its_place(ct, geometry):
    before = ct.volume(**geometry)
    difference = makeDifference(before, oneSlice(before, 5))
    assert array(difference).shape == (1, 96, 96)
    assert np.all(array(difference) == 10)
    expected = slicer.util.arrayFromVTKMatrix(matrixOf(before)) @ [0, 0, 5, 1]
    assert difference.GetOrigin() == pytest.approx(expected[:3], abs=1e-6)


def test_volumes_on_other_voxels_are_refused_with_a_sentence(ct):
    before = ct.volume()
    for other in (
        ct.volume(shape=(8, 96, 95)),
        ct.volume(shape=(9, 96, 96)),
        ct.oblique(),
        ct.volume(origin=(0, 0, 1)),
    ):
        if other.GetImageData().GetDimensions() == (95, 96, 8):
            continue  # a block of the voxels of `before`: that is what a preview is
        with pytest.raises(UserError, match="do not lie on the same voxels"):
            makeDifference(before, other)
    with pytest.raises(UserError, match="nothing to subtract"):
        makeDifference(before, None)
