"""The panel while the scene changes under it: nodes removed, scene closed and loaded, also during a run."""

from __future__ import annotations

import pytest
import slicer
from test_widget_run import Bench
from widget_fakes import makeResult, makeVolume


@pytest.fixture
def bench(host, scene):
    made = Bench(host)
    yield made
    made.panel.cleanup()


def test_removing_the_input_selects_nothing_else(bench):
    chosen = makeVolume("another")  # Slicer's selector would jump to the one above
    bench.ui.inputSelector.setCurrentNode(chosen)
    slicer.mrmlScene.RemoveNode(chosen)
    bench.host.settle()
    assert bench.ui.inputSelector.currentNode() is None
    assert bench.session.parameters.inputVolume is None
    assert not bench.ui.denoiseButton.enabled


def test_removing_the_result_selects_no_other_result(bench):
    _first, second = makeResult(bench.volume), makeResult(bench.volume, "nlm")
    bench.session.parameters.outputVolume = second
    bench.host.settle()
    slicer.mrmlScene.RemoveNode(second)
    bench.host.settle()
    assert bench.session.parameters.outputVolume is None
    assert not bench.ui.threeButton.enabled


def test_closing_the_scene_empties_the_panel_and_it_works_again(bench):
    slicer.mrmlScene.Clear()
    bench.host.settle()
    assert bench.ui.inputSelector.currentNode() is None
    assert not bench.ui.denoiseButton.enabled
    volume = makeVolume("next")
    bench.ui.inputSelector.setCurrentNode(volume)
    bench.host.settle()
    assert bench.session.parameters.inputVolume is volume
    assert bench.ui.denoiseButton.enabled


def test_closing_the_scene_during_a_run_is_safe(bench):
    bench.click("denoiseButton")
    slicer.mrmlScene.Clear()
    bench.host.settle()
    bench.job.cancel()  # what the job does by itself when its input goes
    bench.host.settle()
    assert bench.ui.denoiseButton.text == "Denoise"
    assert bench.session.job is None


def test_a_result_that_comes_while_the_scene_is_closed_is_let_go(bench):
    bench.click("denoiseButton")
    result = makeResult(bench.volume)
    bench.panel.setParameters(None)
    bench.job.finish(result)
    assert bench.session.job is None and bench.logic.comparison.mode is None


def test_a_saved_scene_comes_back_with_its_choices(bench, tmp_path):
    parameters = bench.session.parameters
    parameters.model, parameters.strength, parameters.seed = "nlm", 0.3, 11
    parameters.blinded, parameters.variants, parameters.differenceHalfWindow = True, ["", "nlm"], 40.0
    del parameters  # of a scene that is about to go
    path = str(tmp_path / "scene.mrml")
    slicer.util.saveNode(bench.volume, str(tmp_path / "ct.nrrd"))
    slicer.mrmlScene.SetURL(path)
    assert slicer.mrmlScene.Commit(path)
    slicer.mrmlScene.Clear()
    bench.host.settle()
    assert bench.session.parameters.model == ""
    slicer.mrmlScene.SetURL(path)
    slicer.mrmlScene.Connect()
    bench.host.settle()
    again = bench.session.parameters
    assert (again.model, again.strength, again.seed) == ("nlm", 0.3, 11)
    assert again.blinded and list(again.variants) == ["", "nlm"] and again.differenceHalfWindow == 40.0
    assert again.inputVolume is not None and again.inputVolume.GetName() == "CT"
    # and the widgets show it: the node selectors of Slicer alone would stay empty
    assert bench.ui.inputSelector.currentNode() is again.inputVolume
    assert bench.ui.methodCombo.currentText == "Non-local means"
    assert bench.ui.strengthSlider.value == 30 and bench.ui.seedSpinBox.value == 11
    assert bench.ui.blindedCheckBox.checked and not bench.ui.differenceAutoCheckBox.checked


def test_while_the_module_is_closed_the_scene_may_change_freely(bench):
    bench.panel.exit()
    slicer.mrmlScene.Clear()
    volume = makeVolume("next")
    bench.panel.enter()
    bench.host.settle()
    assert bench.ui.inputSelector.currentNode() is volume


def test_entering_twice_connects_once(bench):
    bench.panel.exit()
    bench.panel.enter()
    bench.panel.exit()
    bench.panel.enter()
    bench.host.settle()
    changes = []
    bench.session.changed.connect(lambda: changes.append(1))
    bench.session.parameters.seed = 3
    bench.host.settle()
    assert len(changes) == 1 and bench.ui.seedSpinBox.value == 3


def test_a_cleaned_up_panel_hears_nothing_any_more(bench):
    bench.panel.cleanup()
    changes = []
    bench.session.changed.connect(lambda: changes.append(1))
    slicer.mrmlScene.Clear()
    makeVolume("next")
    bench.host.settle()
    assert changes == []


def test_a_simulated_scan_brings_its_normal_dose_twin_as_reference(bench):
    low = makeVolume("low")
    low.SetAttribute("LDCTDenoise.simulated", "0.25")
    low.SetNodeReferenceID("LDCTDenoise.source", bench.volume.GetID())
    bench.ui.inputSelector.setCurrentNode(low)
    bench.host.settle()
    assert bench.ui.referenceSelector.currentNode() is bench.volume


def test_results_and_helpers_are_not_proposed_as_input(host, scene):
    hidden = makeVolume("hidden")
    hidden.SetHideFromEditors(True)
    volume = makeVolume("CT")
    result = makeResult(volume)
    slicer.mrmlScene.RemoveNode(volume)
    bench = Bench(host)
    assert bench.session.input is bench.volume and bench.session.input is not result
    bench.panel.cleanup()


def test_a_sequence_offers_all_its_frames(bench):
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode")
    for time in range(3):
        frame = makeVolume(f"frame {time}")
        sequence.SetDataNodeAtValue(frame, str(time))
        slicer.mrmlScene.RemoveNode(frame)
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.AddSynchronizedSequenceNode(sequence)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    proxy = browser.GetProxyNode(sequence)
    assert not bench.ui.wholeSequenceCheckBox.visible
    bench.ui.inputSelector.setCurrentNode(proxy)
    bench.host.settle()
    assert bench.ui.wholeSequenceCheckBox.visible
    assert bench.ui.wholeSequenceCheckBox.text == "Whole sequence (3 frames)"
    bench.click("denoiseButton")
    options = bench.logic.named("denoise")[-1][2]
    assert options["wholeSequence"] is True and options["previewSlice"] is None
    bench.job.cancel()
    bench.host.click(bench.ui.wholeSequenceCheckBox)
    bench.click("denoiseButton")
    options = bench.logic.named("denoise")[-1][2]
    assert options["wholeSequence"] is False and options["previewSlice"] == 2
