"""Results as nodes: at the place of their input, shown like it, beside it, with the record of how they were made."""

import json

import numpy as np
import pytest
import slicer
import vtk
from LDCTDenoisePanel import handover, results, volumes
from LDCTDenoisePanel.user_error import UserError

voxels = slicer.util.arrayFromVolume
RECORD = {"model": "nlm", "seed": 4, "device": "cpu", "checksum": "abc", "version": "0.1.0", "strength": 0.8}


def imageOf(volume, change=0):
    image = handover.newImage(voxels(volume).shape, volume.GetImageData().GetScalarType())
    handover.arrayOf(image)[:] = voxels(volume) + change
    return image


def hierarchy():
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def corners(volume):
    """World places of the corner voxels, the parent transform applied."""
    toRAS, toWorld = vtk.vtkMatrix4x4(), vtk.vtkGeneralTransform()
    volume.GetIJKToRASMatrix(toRAS)
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(volume.GetParentTransformNode(), None, toWorld)
    last = [n - 1 for n in volume.GetImageData().GetDimensions()]
    places = [(i, j, k) for i in (0, last[0]) for j in (0, last[1]) for k in (0, last[2])]
    return np.array([toWorld.TransformPoint(toRAS.MultiplyPoint((*place, 1))[:3]) for place in places])


@pytest.mark.parametrize("kind", ["volume", "oblique", "flipped", "moved"])
def test_every_voxel_stays_at_its_place(ct, kind):
    source = getattr(ct, kind)()
    output = results.newVolume(source, imageOf(source, 1), "Result", RECORD)
    assert np.abs(corners(output) - corners(source)).max() < 1e-6
    assert output.GetParentTransformNode() is source.GetParentTransformNode()
    assert (voxels(output) == voxels(source) + 1).all()


@pytest.mark.parametrize("kind", ["oblique", "flipped", "moved"])
def test_a_preview_lies_at_the_place_of_its_slice(ct, kind):
    source = getattr(ct, kind)()
    image = handover.newImage((1, 96, 96), vtk.VTK_SHORT)
    preview = results.newPreview(source, image, 0, 5, RECORD)
    matrix, ras = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    source.GetIJKToRASMatrix(matrix)
    preview.GetIJKToRASMatrix(ras)
    assert np.allclose(ras.MultiplyPoint((7, 9, 0, 1)), matrix.MultiplyPoint((7, 9, 5, 1)), atol=1e-9)
    assert preview.GetParentTransformNode() is source.GetParentTransformNode()


def test_a_preview_is_in_no_selector_and_in_no_saved_scene(ct):
    source = ct.volume()
    preview = results.newPreview(source, handover.newImage((1, 96, 96), vtk.VTK_SHORT), 0, 0, RECORD)
    assert preview.GetHideFromEditors()
    assert not preview.GetSaveWithScene() and not preview.GetDisplayNode().GetSaveWithScene()
    assert preview.GetNodeReference("LDCTDenoise.source") is source
    display = preview.GetDisplayNode()
    results.removeNode(preview)
    results.removeNode(preview)
    assert preview.GetScene() is None and display.GetScene() is None


def test_a_result_is_shown_like_its_input(ct, scene):
    source = ct.volume()
    shown = source.GetDisplayNode()
    shown.SetAndObserveColorNodeID("vtkMRMLColorTableNodeRainbow")
    shown.SetWindowLevel(1500, -600)
    shown.SetInterpolate(False)
    output = results.newVolume(source, imageOf(source), "Result", RECORD)
    display = output.GetDisplayNode()
    assert display is not shown
    assert (display.GetWindow(), display.GetLevel(), display.GetInterpolate()) == (1500, -600, 0)
    assert display.GetColorNodeID() == "vtkMRMLColorTableNodeRainbow"


def test_an_automatic_window_becomes_fixed(ct):
    source = ct.volume()
    source.GetDisplayNode().AutoWindowLevelOn()
    window = source.GetDisplayNode().GetWindow()
    output = results.newVolume(source, imageOf(source, 500), "Result", RECORD)
    assert output.GetDisplayNode().GetWindow() == window and not output.GetDisplayNode().GetAutoWindowLevel()


def test_an_input_that_is_not_shown_gives_a_result_that_can_be(ct, scene):
    source = ct.volume()
    scene.RemoveNode(source.GetDisplayNode())
    assert results.newVolume(source, imageOf(source), "Result", RECORD).GetDisplayNode() is not None


def test_a_result_lies_in_the_study_of_its_input(ct):
    source, tree = ct.volume(), hierarchy()
    patient = tree.CreateSubjectItem(tree.GetSceneItemID(), "Patient")
    study = tree.CreateStudyItem(patient, "Study")
    tree.SetItemParent(tree.GetItemByDataNode(source), study)
    output = results.newVolume(source, imageOf(source), "Result", RECORD)
    assert tree.GetItemParent(tree.GetItemByDataNode(output)) == study


def test_names_of_new_nodes_are_unique(ct):
    source = ct.volume()
    names = [results.newVolume(source, imageOf(source), "CT nlm", RECORD).GetName() for _ in range(3)]
    assert names[0] == "CT nlm" and len(set(names)) == 3


def test_the_record_is_in_the_attributes(ct):
    output = results.newVolume(source := ct.volume(), imageOf(source), "Result", RECORD)
    expected = {"model": "nlm", "seed": "4", "device": "cpu", "checksum": "abc", "version": "0.1.0", "strength": "0.8"}
    for name, value in expected.items():
        assert output.GetAttribute(f"LDCTDenoise.{name}") == value
    assert json.loads(output.GetAttribute("LDCTDenoise.record")) == RECORD
    assert output.GetNodeReference("LDCTDenoise.source") is source


def test_the_unit_is_kept_and_the_identity_of_the_original_is_not(ct):
    source = ct.volume()
    source.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    output = results.newVolume(source, imageOf(source), "Result", RECORD)
    assert output.GetAttribute("DICOM.instanceUIDs") is None


def test_a_given_output_is_renewed_in_one_step(ct):
    source, other = ct.oblique(), ct.volume("Mine", shape=(2, 3, 4))
    other.SetAttribute("LDCTDenoise.checksum", "old")
    events = []
    tag = other.AddObserver(
        vtk.vtkCommand.ModifiedEvent, lambda *args: events.append(other.GetImageData().GetDimensions())
    )
    renewed = results.renewVolume(other, source, imageOf(source, 2), "CT nlm", {"model": "nlm", "strength": 1.0})
    other.RemoveObserver(tag)
    assert renewed is other and other.GetName() == "Mine"
    assert (voxels(other) == voxels(source) + 2).all() and np.abs(corners(other) - corners(source)).max() < 1e-6
    assert other.GetAttribute("LDCTDenoise.checksum") is None and other.GetAttribute("LDCTDenoise.model") == "nlm"
    assert other.GetNodeReference("LDCTDenoise.source") is source
    assert set(events) == {(96, 96, 8)}  # nobody ever saw the new record with the old voxels


def test_renewing_keeps_the_users_window_and_renames_only_our_own_name(ct):
    source = ct.volume()
    output = results.newVolume(source, imageOf(source), "CT NLM", RECORD)
    output.GetDisplayNode().SetWindowLevel(77, 7)
    results.renewVolume(output, source, imageOf(source), "CT TV", RECORD)
    assert output.GetName() == "CT TV" and output.GetDisplayNode().GetWindow() == 77
    output.SetName("My favourite")
    results.renewVolume(output, source, imageOf(source), "CT NLM", RECORD)
    assert output.GetName() == "My favourite"


def test_renewing_a_result_that_had_to_be_numbered_keeps_its_number(ct):
    first, second = ct.volume("CT"), ct.volume("CT")
    outputs = [results.newVolume(source, imageOf(source), "CT NLM", RECORD) for source in (first, second)]
    results.renewVolume(outputs[1], second, imageOf(second), "CT NLM", RECORD)
    assert [output.GetName() for output in outputs] == ["CT NLM", "CT NLM_1"]


def test_an_empty_node_made_by_a_selector_is_a_good_output(ct, scene):
    source = ct.moved()
    output = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Volume")
    results.checkOutput(output, source)
    results.renewVolume(output, source, imageOf(source), "CT nlm", RECORD)
    assert output.GetName() == "Volume" and output.GetDisplayNode().GetWindow() == 400
    assert output.GetParentTransformNode() is source.GetParentTransformNode()


def test_outputs_that_cannot_be_are_refused(ct, scene):
    source = ct.volume()
    gone = ct.volume("Gone")
    scene.RemoveNode(gone)
    for output in (source, scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels"), gone):
        with pytest.raises(UserError):
            results.checkOutput(output, source)
    results.checkOutput(None, source)


def test_references_and_record_survive_saving_and_loading(ct, scene, tmp_path):
    source = ct.volume()
    results.newVolume(source, imageOf(source), "Result", RECORD)
    results.newPreview(source, handover.newImage((1, 96, 96), vtk.VTK_SHORT), 0, 0, RECORD)
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    scene.Clear(0)
    scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    result = slicer.util.getNode("Result")
    assert result.GetNodeReference("LDCTDenoise.source") is slicer.util.getNode("CT")
    assert json.loads(result.GetAttribute("LDCTDenoise.record")) == RECORD
    names = {node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")}
    assert names == {"CT", "Result"}


def test_titles_come_from_the_cards():
    assert results.modelTitle("gaussian") == "Gaussian smoothing"
    assert results.modelTitle("unknown-model") == "unknown-model"
    assert results.isRandom("rddm-balanced") and not results.isRandom("nlm") and results.isRandom("unknown-model")
    assert volumes.Geometry((1,), (2,), (3,)).message() == {"spacing": [1], "origin": [2], "direction": [3]}
