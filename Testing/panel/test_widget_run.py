"""Denoise, Cancel, Preview, progress, and what is said at the end; by clicks, with a logic that only pretends."""

from __future__ import annotations

import json

import pytest
import slicer
from widget_fakes import METHODS, RECORD, makePanel, makeResult, makeVolume


class Bench:
    """A panel that is open, with a volume chosen."""

    def __init__(self, host, **options):
        self.host = host
        self.ui, self.panel, self.logic = makePanel(**options)
        self.session = self.panel.session
        self.volume = makeVolume()
        host.app.mainWindow().modulePanel().showModule(self.panel._uiWidget)
        host.app.testing = False  # so that the panel asks its worker, as it does for a user
        self.panel.enter()
        host.settle()

    def click(self, name):
        self.host.click(getattr(self.ui, name))
        self.host.settle()

    @property
    def job(self):
        return self.logic.jobs[-1]


@pytest.fixture
def bench(host, scene):
    made = Bench(host)
    yield made
    made.panel.cleanup()


def test_the_volume_that_is_there_is_chosen_already(bench):
    assert bench.ui.inputSelector.currentNode() is bench.volume
    assert "40 × 32 × 5 voxels" in bench.ui.inputInfoLabel.text
    assert bench.ui.denoiseButton.enabled


def test_without_a_volume_the_buttons_are_off_and_say_why(bench):
    bench.session.parameters.inputVolume = None
    bench.host.settle()
    for name in (
        "denoiseButton",
        "previewButton",
        "threeButton",
        "measureButton",
        "saveVolumeButton",
        "variantsButton",
    ):
        button = getattr(bench.ui, name)
        assert not button.enabled, name
    assert bench.ui.denoiseButton.toolTip == "Select an input volume first."
    assert "Denoise a volume first" in bench.ui.threeButton.toolTip


def test_denoise_starts_what_was_chosen_with_the_slice_that_the_user_sees(bench):
    bench.session.settings.device = "cpu"
    bench.session.parameters.seed = 7
    bench.click("denoiseButton")
    _name, arguments, options = bench.logic.named("denoise")[0]
    assert arguments == (bench.volume,)
    assert options["model"] == "rddm-balanced" and options["seed"] == 7 and options["device"] == "cpu"
    assert options["strength"] == 1.0 and options["draws"] == 1 and options["precision"] == "auto"
    assert options["waitForCompletion"] is False and options["previewSlice"] == 2 and options["outputVolume"] is None


def test_denoise_becomes_cancel_and_inputs_rest_while_it_runs(bench):
    bench.click("denoiseButton")
    assert bench.ui.denoiseButton.text == "Cancel" and bench.ui.denoiseButton.enabled
    for name in ("previewButton", "inputSelector", "methodCombo", "deviceCombo", "seedSpinBox", "importButton"):
        assert not getattr(bench.ui, name).enabled, name
    assert bench.ui.progressBar.visible


def test_progress_moves_and_says_how_long(bench):
    bench.click("denoiseButton")
    bench.job.progressed.emit(0.4, "Denoising slice 2 of 5, about 12 s left")
    assert bench.ui.progressBar.value == 40
    assert bench.ui.statusLabel.text == "Denoising slice 2 of 5, about 12 s left"
    bench.job.progressed.emit(None, "Loading")
    assert bench.ui.progressBar.maximum == 0  # busy, without a number


def test_cancel_gives_the_panel_back(bench):
    bench.click("denoiseButton")
    bench.click("denoiseButton")
    assert not bench.job.running
    assert bench.ui.denoiseButton.text == "Denoise" and bench.ui.denoiseButton.enabled
    assert bench.ui.inputSelector.enabled and not bench.ui.progressBar.visible
    assert bench.ui.statusLabel.text == "Cancelled; nothing was changed."
    assert bench.session.output is None


def test_a_preview_is_shown_at_once_beside_the_original(bench):
    bench.click("denoiseButton")
    preview = makeResult(bench.volume, name="preview")
    bench.job.previewed.emit(preview)
    mode, before, after, difference, name = bench.logic.comparison.calls[-1]
    assert (mode, before, after, name) == ("three", bench.volume, preview, "Preview")
    assert difference.GetNodeReference("LDCTDenoise.denoised") is preview


def test_a_finished_run_is_shown_and_told(bench):
    bench.click("denoiseButton")
    bench.job.noticed.emit("The memory was short: one slice at a time.")
    result = makeResult(bench.volume)
    bench.job.finish(result)
    bench.host.settle()
    parameters = bench.session.parameters
    assert parameters.outputVolume is result
    assert parameters.differenceVolume.GetNodeReference("LDCTDenoise.denoised") is result
    shown = [call for call in bench.logic.comparison.calls if call[0] == "three"][-1]
    assert shown[1:4] == (bench.volume, result, parameters.differenceVolume)
    assert bench.ui.statusLabel.text.splitlines() == [
        "RDDM Balanced on the processor (bfloat16), 300 slices in 31 s, seed 0. For research use.",
        "The memory was short: one slice at a time.",
    ]
    assert bench.ui.denoiseButton.text == "Denoise"
    assert bench.ui.resultSelector.currentNode() is result


def test_the_preview_goes_when_the_result_comes(bench):
    bench.click("denoiseButton")
    preview = makeResult(bench.volume, name="preview")
    bench.job.previewed.emit(preview)
    difference = bench.logic.comparison.calls[-1][3]
    bench.job.finish(makeResult(bench.volume))
    assert difference.GetScene() is None and preview.GetScene() is None


def test_the_time_that_it_took_is_the_estimate_of_the_next_run(bench):
    bench.click("denoiseButton")
    bench.job.finish(makeResult(bench.volume))
    bench.host.settle()
    assert bench.session.settings.secondsPerSlice("rddm-balanced", "cpu") == pytest.approx(31 / 300)
    assert "Less than 1 s for this volume (5 slices) on the processor." in bench.ui.factsLabel.text


def test_a_second_run_of_the_same_method_renews_its_result_and_another_method_makes_a_new_one(bench):
    result = makeResult(bench.volume)
    bench.session.parameters.outputVolume = result
    bench.click("denoiseButton")
    assert bench.logic.named("denoise")[-1][2]["outputVolume"] is result
    bench.job.cancel()
    bench.session.parameters.model = "nlm"
    bench.host.settle()
    bench.click("denoiseButton")
    assert bench.logic.named("denoise")[-1][2]["outputVolume"] is None


def test_a_failure_is_a_visible_line_and_the_panel_goes_on(bench):
    bench.click("denoiseButton")
    bench.job.fail("The worker ended unexpectedly; press Denoise again.")
    assert bench.ui.errorLabel.visible
    assert bench.ui.errorLabel.text == "The worker ended unexpectedly; press Denoise again."
    assert "color" in bench.ui.errorLabel.styleSheet
    assert bench.session.dialogs.errors == []
    bench.click("denoiseButton")
    assert not bench.ui.errorLabel.visible, "a new run begins with a clean panel"


def test_a_refusal_before_the_start_is_a_line_as_well(bench):
    bench.logic.refusal = "This volume has no voxels."
    bench.click("denoiseButton")
    assert bench.ui.errorLabel.text == "This volume has no voxels."
    assert bench.ui.denoiseButton.text == "Denoise"


def test_a_failure_in_another_module_opens_a_window(bench):
    bench.click("denoiseButton")
    bench.panel.exit()
    bench.job.fail("The disk is full.")
    assert bench.session.dialogs.errors == ["The disk is full."]


def test_leaving_the_module_neither_stops_the_run_nor_takes_the_views_when_it_ends(bench):
    bench.click("denoiseButton")
    bench.panel.exit()
    assert bench.job.running
    result = makeResult(bench.volume)
    bench.job.finish(result)
    assert bench.logic.comparison.mode is None
    bench.panel.enter()
    bench.host.settle()
    assert bench.session.parameters.outputVolume is result
    assert bench.logic.comparison.mode is None, "coming back does not force the comparison on the user"
    assert bench.ui.threeButton.enabled


def test_preview_does_only_the_visible_slice(bench):
    bench.click("previewButton")
    _name, arguments, options = bench.logic.named("previewSlice")[0]
    assert arguments == (bench.volume, 2) and options["waitForCompletion"] is False
    preview = makeResult(bench.volume, name="preview")
    bench.job.record = dict(RECORD, slices=[2, 3], seconds=0.2)
    bench.job.finish(preview)
    assert bench.logic.comparison.calls[-1][2] is preview
    assert "1 slice in less than 1 s" in bench.ui.statusLabel.text
    assert bench.session.output is None, "a preview is no result"
    bench.click("previewButton")
    assert bench.logic.named("previewSlice")[-1][2]["outputVolume"] is preview, "the next one renews it"


def test_strength_mixes_the_result_at_once_and_many_steps_are_one_call(bench):
    result = makeResult(bench.volume)
    bench.session.parameters.outputVolume = result
    bench.host.settle()
    for percent in range(90, 40, -1):
        bench.ui.strengthSlider.value = percent
    bench.host.settle()
    calls = [call[1] for call in bench.logic.named("setStrength")]
    assert calls[-1] == (result, 0.41)
    assert len(calls) <= 2
    assert bench.session.parameters.strength == pytest.approx(0.41)


def test_strength_of_the_scene_is_shown_by_the_slider_without_mixing(bench):
    bench.session.parameters.strength = 0.25
    bench.host.settle()
    assert bench.ui.strengthSlider.value == 25
    assert bench.logic.named("setStrength") == []


def test_another_result_brings_its_own_strength(bench):
    bench.session.parameters.outputVolume = makeResult(bench.volume, "nlm", strength="0.6")
    bench.host.settle()
    assert bench.ui.strengthSlider.value == 60
    assert bench.logic.named("setStrength") == []


def test_a_result_that_cannot_be_mixed_again_says_so(bench):
    bench.session.parameters.outputVolume = makeResult(bench.volume)
    bench.host.settle()
    bench.logic.setStrength = lambda output, strength: False
    bench.ui.strengthSlider.value = 50
    bench.host.settle()
    assert "takes effect with the next run" in bench.ui.statusLabel.text


def test_after_other_work_the_line_says_again_how_the_result_was_made(bench):
    result = makeResult(bench.volume)
    result.SetAttribute("LDCTDenoise.record", json.dumps(RECORD))
    bench.session.parameters.outputVolume = result
    bench.host.settle()
    assert bench.ui.statusLabel.text.startswith("RDDM Balanced on the processor (bfloat16), 300 slices in 31 s")
    bench.ui.measureSection.collapsed = False
    bench.host.settle()
    bench.click("measureButton")
    bench.job.progressed.emit(0.5, "Measuring")
    assert bench.ui.statusLabel.text == "Measuring"
    bench.job.finish(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode"))
    assert bench.ui.statusLabel.text.startswith("RDDM Balanced on the processor (bfloat16), 300 slices in 31 s")


def test_a_method_that_is_not_ready_cannot_be_started_and_says_what_to_do(bench):
    bench.session.parameters.model = "rddm-fine-official"
    bench.host.settle()
    assert not bench.ui.denoiseButton.enabled
    assert "Import weights" in bench.ui.denoiseButton.toolTip


def test_a_volume_that_is_no_ct_is_pointed_out(bench):
    other = makeVolume("MR")
    slicer.util.arrayFromVolume(other)[:] = 100
    slicer.util.arrayFromVolumeModified(other)
    bench.ui.inputSelector.setCurrentNode(other)
    bench.host.settle()
    assert "do not look like HU" in bench.ui.inputInfoLabel.text


def test_classical_methods_are_told_without_seed_and_precision(host, scene):
    bench = Bench(host, methods=[m for m in METHODS if m.family == "classical"])
    bench.click("denoiseButton")
    bench.job.record = dict(RECORD, model="nlm", precision="float32")
    bench.job.finish(makeResult(bench.volume, "nlm"))
    assert bench.ui.statusLabel.text == "Non-local means on the processor, 300 slices in 31 s. For research use."
    bench.panel.cleanup()


def test_draws_are_asked_of_random_methods_only(host, scene):
    """The box is off for the others, so nobody could set it back."""
    bench = Bench(host)
    bench.session.parameters.draws = 3
    for model, draws in (("rddm-balanced", 3), ("nlm", 1)):
        bench.session.parameters.model = model
        host.settle()
        bench.click("denoiseButton")
        assert bench.logic.named("denoise")[-1][2]["draws"] == draws
        bench.job.cancel()
        host.settle()
    bench.panel.cleanup()


def test_what_the_logic_would_refuse_is_said_before_the_click(bench):
    import vtk

    image = vtk.vtkImageData()
    image.SetDimensions(8, 8, 3)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    bench.volume.SetAndObserveImageData(image)
    bench.session.changed.emit()
    assert not bench.ui.denoiseButton.enabled
    assert "has 3 values at each point" in bench.ui.denoiseButton.toolTip


def test_an_empty_volume_is_not_proposed(host, scene):
    scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    bench = Bench(host)
    assert bench.ui.inputSelector.currentNode() is bench.volume
    bench.panel.cleanup()
