"""Measure, Export and Advanced by clicks, the sample data, and the front door."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import slicer
import vtk
from LDCTDenoisePanel.sample_data import QuarterDoseChest, register
from LDCTDenoisePanel.user_error import UserError
from LDCTDenoisePanel.widget.dialogs import Dialogs
from LDCTDenoisePanel.widget.export import fileName
from test_widget_run import Bench
from widget_fakes import FakeLogic, makeResult, makeVolume

MODULE = Path(__file__).resolve().parents[2] / "LDCTDenoise" / "LDCTDenoise.py"


@pytest.fixture
def bench(host, scene):
    made = Bench(host)
    made.result = makeResult(made.volume)
    made.session.parameters.outputVolume = made.result
    for section in ("measureSection", "exportSection", "advancedSection"):
        getattr(made.ui, section).collapsed = False
    host.settle()
    yield made
    made.panel.cleanup()


# measure


def test_measure_shows_the_table_of_the_result_against_its_source(bench):
    reference = makeVolume("normal dose")
    bench.session.parameters.referenceVolume = reference
    assert not bench.ui.measureTable.visible
    bench.click("measureButton")
    _name, arguments, options = bench.logic.named("measure")[0]
    assert arguments == (bench.volume, bench.result, reference) and options["table"] is None
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "figures")
    table.SetNodeReferenceID("LDCTDenoise.denoised", bench.result.GetID())
    bench.job.finish(table)
    assert bench.ui.measureTable.mrmlTableNode() is table and bench.ui.measureTable.visible
    assert bench.ui.measureLabel.text.endswith("normal dose: normal dose")
    bench.click("measureButton")
    assert bench.logic.named("measure")[-1][2]["table"] is table, "the table is renewed, not doubled"


def test_folding_the_section_does_not_show_an_empty_table(bench):
    bench.ui.measureSection.collapsed = True
    bench.ui.measureSection.collapsed = False
    assert not bench.ui.measureTable.visible


# export


def test_the_volume_is_saved_where_the_user_says_and_the_folder_is_remembered(bench, tmp_path):
    bench.session.dialogs.path = str(tmp_path / "after.nrrd")
    bench.click("saveVolumeButton")
    assert (tmp_path / "after.nrrd").is_file()
    assert bench.session.settings.exportFolder == str(tmp_path)
    assert bench.ui.statusLabel.text == "Saved: after.nrrd"


def test_changing_ones_mind_saves_nothing(bench, tmp_path):
    bench.session.settings.exportFolder = str(tmp_path)
    bench.click("saveVolumeButton")
    assert list(tmp_path.iterdir()) == []


def test_the_picture_is_a_png_that_is_not_upside_down(bench, tmp_path):
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:5] = 255
    bench.logic.comparison.picture = lambda: picture
    assert not bench.ui.savePictureButton.enabled
    bench.click("threeButton")
    bench.session.dialogs.path = str(tmp_path / "picture.png")
    bench.click("savePictureButton")
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(tmp_path / "picture.png"))
    reader.Update()
    image = reader.GetOutput()
    assert image.GetDimensions()[:2] == (30, 20)
    assert image.GetScalarComponentAsDouble(0, 19, 0, 0) == 255 and image.GetScalarComponentAsDouble(0, 0, 0, 0) == 0


def test_the_record_is_json(bench, tmp_path):
    bench.session.dialogs.path = str(tmp_path / "record.json")
    bench.click("saveRecordButton")
    assert json.loads((tmp_path / "record.json").read_text(encoding="utf-8")) == {"model": "x"}


def test_a_folder_that_does_not_exist_is_an_error_line(bench, tmp_path):
    bench.session.dialogs.path = str(tmp_path / "nowhere" / "record.json")
    bench.click("saveRecordButton")
    assert "record.json could not be written" in bench.ui.errorLabel.text


def test_the_copied_lines_are_python_that_names_what_was_chosen(bench):
    bench.session.parameters.strength, bench.session.parameters.seed = 0.8, 4
    bench.click("copyCodeButton")
    code = bench.session.dialogs.copied
    compile(code, "copied", "exec")
    assert "model='rddm-balanced', seed=4, strength=0.8" in code and "getNode('CT')" in code


def test_the_copied_lines_find_the_volume_whatever_it_is_called(bench, host):
    import slicer

    for name, twin in (("CT [thorax]*", False), ("CT twice", True)):
        bench.volume.SetName(name)
        if twin:
            bench.volume.GetScene().AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        bench.click("copyCodeButton")
        line = next(line for line in bench.session.dialogs.copied.splitlines() if line.startswith("before = "))
        assert eval(line.removeprefix("before = "), {"slicer": slicer}) is bench.volume


def test_names_of_nodes_become_names_of_files():
    assert fileName('CT: 1/2 "soft"?') == "CT_ 1_2 _soft_"
    assert fileName("...") == "volume"


def test_a_name_without_ending_gets_one_and_nothing_is_overwritten_silently(tmp_path, monkeypatch):
    import qt

    path = tmp_path / "after"
    (tmp_path / "after.nrrd").write_text("there already")
    monkeypatch.setattr(qt.QFileDialog, "getSaveFileName", staticmethod(lambda *a: (str(path), "")))
    dialogs, asked = Dialogs(), []
    dialogs.confirm = lambda text: bool(asked.append(text))
    assert dialogs.saveFile("", "", "", ".nrrd") == ""
    assert "after.nrrd exists already" in asked[0]
    dialogs.confirm = lambda text: True
    assert dialogs.saveFile("", "", "", ".nrrd") == str(path) + ".nrrd"


# advanced


def test_the_device_list_is_what_the_worker_found(bench):
    bench.logic.answer({"versions": {"torch": "2.9"}, "devices": [{"id": "cuda:0", "title": "NVIDIA X"}], "models": []})
    combo = bench.ui.deviceCombo
    assert [combo.itemText(i) for i in range(combo.count)] == ["Automatic", "NVIDIA X"]
    combo.setCurrentIndex(1)
    assert bench.session.settings.device == "cuda:0"


def test_a_device_that_is_gone_stays_chosen_until_the_user_changes_it(host, scene):
    bench = Bench(host)
    bench.session.settings.device = "cuda:3"
    bench.session.changed.emit()
    assert bench.ui.deviceCombo.currentText == "cuda:3 (not found)"
    bench.panel.cleanup()


def test_precision_is_a_choice_of_the_machine(bench):
    bench.ui.precisionCombo.setCurrentIndex(1)
    assert bench.session.settings.precision == "float32"


def test_another_models_folder_reaches_library_and_worker(bench, tmp_path, monkeypatch):
    import os

    monkeypatch.setenv("LDCT_DENOISE_HOME", "before")
    bench.ui.modelFolderButton.directory = str(tmp_path)
    bench.host.settle()
    assert os.environ["LDCT_DENOISE_HOME"] == str(tmp_path) == bench.session.settings.modelFolder
    assert bench.logic.named("shutdown")
    bench.click("defaultFolderButton")
    assert os.environ["LDCT_DENOISE_HOME"] != str(tmp_path)


def test_the_worker_can_be_stopped(bench):
    bench.click("stopWorkerButton")
    assert bench.logic.named("shutdown") and "stopped" in bench.ui.statusLabel.text


def test_seed_and_draws_rest_where_the_method_is_not_random(bench):
    assert bench.ui.seedSpinBox.enabled
    bench.session.parameters.model = "bilateral"
    bench.host.settle()
    assert not bench.ui.seedSpinBox.enabled and "not random" in bench.ui.seedSpinBox.toolTip


def test_what_was_said_is_in_the_log(bench):
    bench.session.say("Something happened.")
    assert "Something happened." in bench.ui.logText.toPlainText()


# sample data


class SimulatingLogic(FakeLogic):
    def simulateLowDose(self, *arguments, **options):
        return self._job("simulateLowDose", *arguments, **options)


def test_the_sample_is_the_chest_with_simulated_low_dose(host, scene):
    chest, logic = makeVolume("CTChest"), SimulatingLogic()
    low = makeVolume("CTChest at 25 % dose")
    sample = QuarterDoseChest(lambda: logic, lambda: chest)
    logic._job = lambda name, *arguments, **options: SimpleNamespace(
        progressed=SimpleNamespace(connect=lambda f: f(0.5, "Half")),
        wait=lambda: logic.calls.append((arguments, options)) or low,
    )
    assert sample(None) is low
    assert logic.calls[0] == ((chest,), {"dose": 0.25, "seed": 0, "waitForCompletion": False})


def test_a_sample_that_cannot_be_made_says_why(host, scene):
    def fail():
        raise UserError("The worker could not be started.")

    job = SimpleNamespace(progressed=SimpleNamespace(connect=lambda f: None), wait=fail)
    logic = SimpleNamespace(simulateLowDose=lambda *a, **o: job)
    assert QuarterDoseChest(lambda: logic, lambda: makeVolume())(None) is None
    assert host.dialogs.texts("error") == ["The worker could not be started."]
    host.dialogs.clear()


def test_a_sample_that_cannot_be_downloaded_is_let_go(host, scene):
    assert QuarterDoseChest(lambda: None, lambda: None)(None) is None


def test_the_sample_is_registered_with_its_picture(host):
    from SampleData import SampleDataLogic

    register("picture.png", FakeLogic)
    source = SampleDataLogic.sourceForSampleName("CTChest at 25 % dose (simulated)")
    assert source.thumbnailFileName == "picture.png"
    assert isinstance(source.customDownloader, QuarterDoseChest)
    assert "0x" not in repr(source.customDownloader), "Slicer compares samples by their text"


# the front door


def test_the_module_introduces_itself(host, scene):
    host.loadModule(MODULE)
    module = slicer.modules.ldctdenoise
    assert module.title == "LDCT Denoise" and list(module.categories) == ["Filtering.Denoising"]
    assert "For research use" in module.helpText and "SlicerLDCTDenoise" in module.helpText
    for reference in ("2605.17188", "2508.17299", "Wang, Lyu, Wang", "Chen, Gao, Li"):
        assert reference in module.acknowledgementText
    assert (MODULE.parent / "Resources" / "Icons" / "LDCTDenoiseSample.png").is_file()
