"""Files, scenes, the subject hierarchy, dialogs and modules in the tests' Slicer behave as in the real one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import qt
import slicer
import slicer.util
import vtk
from test_host_application import LAYOUT, three, three_up  # noqa: F401


def hierarchy():
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def composites():
    manager = slicer.app.layoutManager()
    return {name: manager.sliceWidget(name).mrmlSliceCompositeNode() for name in manager.sliceViewNames()}


# volumes


def test_a_loaded_volume_takes_every_view_that_does_not_forbid_it(ct, three, tmp_path):  # noqa: F811
    slicer.util.saveNode(ct.volume(), str(tmp_path / "scan.nrrd"))
    composites()["HostA"].SetDoPropagateVolumeSelection(False)
    loaded = slicer.util.loadVolume(str(tmp_path / "scan.nrrd"))
    shown = {name: composite.GetBackgroundVolumeID() for name, composite in composites().items()}
    assert shown.pop("HostA") is None
    assert set(shown.values()) == {loaded.GetID()}
    assert loaded.GetName() == "scan"


def test_setting_the_viewers_layers_takes_every_view_even_then(ct, three):  # noqa: F811
    composites()["HostA"].SetDoPropagateVolumeSelection(False)
    volume = ct.volume()
    slicer.util.setSliceViewerLayers(background=volume)
    assert {c.GetBackgroundVolumeID() for c in composites().values()} == {volume.GetID()}


def test_a_volume_loaded_without_showing_takes_no_view(ct, tmp_path):
    slicer.util.saveNode(ct.volume(), str(tmp_path / "scan.nrrd"))
    slicer.util.loadVolume(str(tmp_path / "scan.nrrd"), {"show": False, "name": "Other"})
    assert {c.GetBackgroundVolumeID() for c in composites().values()} == {None}
    assert slicer.util.getNode("Other")


@pytest.mark.parametrize("ending", ["nrrd", "mha", "nii.gz"])
def test_voxels_and_places_survive_a_file(ct, tmp_path, ending):
    volume = ct.oblique()
    slicer.util.saveNode(volume, str(tmp_path / f"scan.{ending}"))
    loaded = slicer.util.loadVolume(str(tmp_path / f"scan.{ending}"))
    assert np.array_equal(slicer.util.arrayFromVolume(loaded), slicer.util.arrayFromVolume(volume))
    before, after = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(before)
    loaded.GetIJKToRASMatrix(after)
    assert np.allclose(slicer.util.arrayFromVTKMatrix(after), slicer.util.arrayFromVTKMatrix(before), atol=1e-4)


def test_a_file_that_is_not_there_is_an_error(scene, tmp_path):
    with pytest.raises(RuntimeError, match="Failed to load"):
        slicer.util.loadVolume(str(tmp_path / "nothing.nrrd"))


# scenes


def test_a_bundle_keeps_voxels_attributes_references_and_places_in_the_hierarchy(ct, tmp_path):
    before, after = ct.volume("Before"), ct.volume("After", seed=1)
    after.SetAttribute("LDCTDenoise.model", "nlm")
    after.SetNodeReferenceID("LDCTDenoise.source", before.GetID())
    folder = hierarchy().CreateFolderItem(hierarchy().GetSceneItemID(), "Study")
    hierarchy().SetItemParent(hierarchy().GetItemByDataNode(after), folder)
    voxels = slicer.util.arrayFromVolume(after).copy()
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    assert not slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    after = slicer.util.getNode("After")
    assert np.array_equal(slicer.util.arrayFromVolume(after), voxels)
    assert after.GetAttribute("LDCTDenoise.model") == "nlm"
    assert after.GetNodeReference("LDCTDenoise.source") is slicer.util.getNode("Before")
    parent = hierarchy().GetItemParent(hierarchy().GetItemByDataNode(after))
    assert hierarchy().GetItemName(parent) == "Study"


def test_a_scene_file_alone_holds_no_voxels(ct, tmp_path):
    ct.volume("Before")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrml"))
    assert [file.name for file in tmp_path.iterdir()] == ["scene.mrml"]


def test_helpers_that_are_not_saved_stay_out_of_the_bundle(ct, tmp_path):
    ct.volume("Kept")
    ct.volume("Helper").SetSaveWithScene(False)
    slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    assert [n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")] == ["Kept"]


def test_closing_the_scene_keeps_the_layout_and_drops_the_volumes(ct, three):  # noqa: F811
    slicer.util.setSliceViewerLayers(background=ct.volume())
    slicer.mrmlScene.Clear(0)
    slicer.app.processEvents()
    assert slicer.app.layoutManager().layout == LAYOUT
    assert {c.GetBackgroundVolumeID() for c in composites().values()} == {None}


def test_a_scene_saved_with_a_layout_brings_it_back(ct, three, host, tmp_path):  # noqa: F811
    ct.volume()
    slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    slicer.mrmlScene.Clear(0)
    host.settle()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    host.settle()
    assert manager.layout == LAYOUT
    assert manager.sliceWidget("HostA").visible


# subject hierarchy and sequences


def test_new_and_cloned_nodes_get_their_item_at_the_root(ct):
    volume = ct.volume()
    folder = hierarchy().CreateFolderItem(hierarchy().GetSceneItemID(), "Study")
    hierarchy().SetItemParent(hierarchy().GetItemByDataNode(volume), folder)
    clone = slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, volume, "Clone")
    item = hierarchy().GetItemByDataNode(clone)
    assert item
    assert hierarchy().GetItemParent(item) == hierarchy().GetSceneItemID()


def test_a_removed_node_loses_its_item(ct):
    volume = ct.volume()
    item = hierarchy().GetItemByDataNode(volume)
    slicer.mrmlScene.RemoveNode(volume)
    assert hierarchy().GetItemName(item) == ""


def test_the_frames_of_a_sequence_follow_its_browser(ct):
    sequence, browser, proxy = ct.sequence(frames=3)
    first = slicer.util.arrayFromVolume(proxy).copy()
    browser.SetSelectedItemNumber(2)
    slicer.app.processEvents()
    assert sequence.GetNumberOfDataNodes() == 3
    assert not np.array_equal(slicer.util.arrayFromVolume(browser.GetProxyNode(sequence)), first)


# the application


def test_dialogs_are_answered_and_kept(host, scene):
    assert slicer.util.confirmYesNoDisplay("Install?") is True
    host.dialogs.answer("okcancel", False)
    assert slicer.util.confirmOkCancelDisplay("Really?") is False
    slicer.util.errorDisplay("It failed.", detailedText="long story")
    assert host.dialogs.texts() == ["Install?", "Really?", "It failed."]
    assert host.dialogs.shown[-1].kind == "error"
    assert host.dialogs.shown[-1].details == "long story"


def test_installations_and_restarts_are_only_recorded(host, scene):
    slicer.util.pip_install("scikit-image>=0.22")
    slicer.util.restart()
    manager = slicer.app.extensionsManagerModel()
    assert not manager.isExtensionInstalled("PyTorch")
    manager.installExtensionFromServer("PyTorch", False)
    assert host.installed == ["scikit-image>=0.22"]
    assert host.app.restarts == 1
    assert manager.requested == ["PyTorch"]
    assert manager.isExtensionInstalled("PyTorch")


def test_settings_are_the_tests_own(host, scene):
    qt.QSettings().setValue("LDCTDenoise/test", "1")
    qt.QSettings().sync()
    assert not str(qt.QSettings().fileName()).startswith(str(Path.home() / ".config"))
    assert slicer.util.settingsValue("LDCTDenoise/test", False, slicer.util.toBool) is True


def test_samples_come_from_the_test_and_never_from_the_net(ct):
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="LDCT", sampleName="HostTest", customDownloader=lambda source: ct.volume("Sample")
    )
    assert SampleData.SampleDataLogic.sourceForSampleName("HostTest").category == "LDCT"
    assert SampleData.downloadSample("HostTest").GetName() == "Sample"
    with pytest.raises(RuntimeError, match="network"):
        SampleData.downloadSample("CTChest")


MODULE = """
import sys
import slicer
from slicer.ScriptedLoadableModule import *
calls = []
def tell(text):
    if sys.argv[0] == "-c":
        print(text, flush=True)
class HostSample(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        parent.title = "Host sample"
        slicer.app.connect("aboutToQuit()", lambda: tell("about to quit"))
class HostSampleWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        super().setup()
        calls.append("setup")
    def enter(self): calls.append("enter")
    def exit(self): calls.append("exit")
    def cleanup(self):
        calls.append("cleanup")
        tell("cleaned up")
class HostSampleLogic(ScriptedLoadableModuleLogic): pass
"""


def test_a_module_is_set_up_once_and_entered_at_every_visit(host, scene, tmp_path):
    (tmp_path / "HostSample.py").write_text(MODULE)
    (tmp_path / "Resources").mkdir()
    python = host.loadModule(tmp_path / "HostSample.py")
    assert slicer.modules.hostsample.title == "Host sample"
    widget = host.openModule("HostSample")
    assert widget.parent.isEntered
    host.leaveModule()
    assert not widget.parent.isEntered
    slicer.util.selectModule("HostSample")
    assert slicer.modules.HostSampleWidget is widget
    assert widget.resourcePath("UI/x.ui") == str(tmp_path / "Resources" / "UI/x.ui")
    host.unloadModule("HostSample")
    assert python.calls == ["setup", "enter", "exit", "enter", "exit", "cleanup"]
    logic = python.HostSampleLogic()
    assert logic.getParameterNode() is logic.getParameterNode()
    assert logic.getParameterNode().GetAttribute("ModuleName") == "HostSample"


def test_at_the_end_of_python_modules_clean_up_before_slicer_says_so(tmp_path):
    (tmp_path / "HostSample.py").write_text(MODULE)
    code = (
        "from Testing.host import start; import sys; host = start(); host.loadModule(sys.argv[1]);"
        "host.openModule('HostSample'); print('open', flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "HostSample.py")],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:3] == ["open", "cleaned up", "about to quit"]
    assert done.stderr == ""
