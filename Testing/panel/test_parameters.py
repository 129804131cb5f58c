"""What is kept in the scene, what on the machine, and what a spoilt scene cannot do."""

from __future__ import annotations

import math

import pytest
import qt
import slicer
from LDCTDenoisePanel.parameters import LARGEST_SEED, LDCTDenoiseParameterNode, saneNumbers
from LDCTDenoisePanel.settings import MachineSettings, defaultModelFolder
from widget_fakes import FakeLogic, FakeStore, makeVolume


@pytest.fixture
def parameters(host, scene):
    node = FakeLogic().getParameterNode()
    yield node
    # pytest holds on to it while the scene is closed, which no panel does
    slicer.mrmlScene.RemoveNode(node.parameterNode)
    host.clearErrors()


def test_a_new_scene_starts_with_full_effect_seed_zero_one_draw(parameters):
    assert (parameters.model, parameters.strength, parameters.seed, parameters.draws) == ("", 1.0, 0, 1)
    assert parameters.wholeSequence and not parameters.blinded
    assert list(parameters.variants) == [] and parameters.differenceHalfWindow == 0
    assert parameters.inputVolume is None and parameters.outputVolume is None


def test_choices_are_read_again_from_the_same_node(parameters):
    volume = makeVolume()
    parameters.inputVolume, parameters.model, parameters.strength = volume, "nlm", 0.4
    parameters.variants = ["", "nlm"]
    again = LDCTDenoiseParameterNode(parameters.parameterNode)
    assert again.inputVolume is volume
    assert (again.model, again.strength, list(again.variants)) == ("nlm", 0.4, ["", "nlm"])


def test_the_stored_names_are_those_of_older_scenes(parameters):
    assert set(parameters.allParameters) == {
        "inputVolume", "referenceVolume", "outputVolume", "differenceVolume", "model", "strength", "seed", "draws",
        "wholeSequence", "blinded", "variants", "differenceHalfWindow", "regionA", "regionB", "segmentA", "segmentB",
        "profileLine",
    }  # fmt: skip


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_a_strength_outside_zero_to_one_is_refused(parameters, strength):
    with pytest.raises(ValueError):
        parameters.strength = strength


class Spoilt:
    strength, seed, draws = math.nan, -5, 0


def test_numbers_of_a_spoilt_scene_are_brought_into_their_range():
    assert saneNumbers(Spoilt) == (1.0, 0, 1)
    Spoilt.strength, Spoilt.seed, Spoilt.draws = 7.5, 10**12, 1000
    assert saneNumbers(Spoilt) == (1.0, LARGEST_SEED, 32)


def test_machine_choices_have_defaults_and_are_kept():
    store = FakeStore()
    settings = MachineSettings(store)
    assert (settings.device, settings.precision, settings.resumeInstall) == ("auto", "auto", "")
    settings.device, settings.precision, settings.resumeInstall = "cuda:0", "float32", "torch"
    again = MachineSettings(store)
    assert (again.device, again.precision, again.resumeInstall) == ("cuda:0", "float32", "torch")
    assert all(key.startswith("LDCTDenoise/") for key in store.values)
    again.resumeInstall = ""
    assert "LDCTDenoise/resumeInstall" not in store.values


def test_measured_times_belong_to_a_method_and_a_device():
    settings = MachineSettings(FakeStore())
    assert settings.secondsPerSlice("nlm", "cpu") is None
    settings.setSecondsPerSlice("nlm", "cpu", 0.25)
    assert settings.secondsPerSlice("nlm", "cpu") == 0.25
    assert settings.secondsPerSlice("nlm", "cuda:0") is None


@pytest.mark.parametrize("spoilt", ["nonsense", "-1", "nan", "inf", "0"])
def test_a_time_that_cannot_be_is_forgotten(spoilt):
    store = FakeStore()
    store.setValue("LDCTDenoise/secondsPerSlice/nlm/cpu", spoilt)
    assert MachineSettings(store).secondsPerSlice("nlm", "cpu") is None


def test_settings_are_those_of_slicer_where_nothing_else_is_given(host):
    MachineSettings().device = "cpu"
    assert slicer.app.settings().value("LDCTDenoise/device") == "cpu"
    MachineSettings().device = ""
    assert MachineSettings().device == "auto"


def test_the_chosen_model_folder_reaches_the_library_and_the_default_is_not_stored(monkeypatch, tmp_path):
    monkeypatch.setenv("LDCT_DENOISE_HOME", "before")
    store = FakeStore()
    settings = MachineSettings(store)
    settings.modelFolder = str(tmp_path)
    settings.applyModelFolder()
    from LDCTDenoiseLib.weights.store import user_folder

    assert user_folder() == tmp_path
    settings.modelFolder = defaultModelFolder()
    assert store.values == {} and settings.modelFolder == defaultModelFolder()


def test_the_default_model_folder_is_that_of_the_command_line(monkeypatch, request):
    monkeypatch.delenv("LDCT_DENOISE_HOME", raising=False)
    platformdirs = pytest.importorskip("platformdirs")
    wasTesting = qt.QStandardPaths.isTestModeEnabled()
    request.addfinalizer(lambda: qt.QStandardPaths.setTestModeEnabled(wasTesting))
    qt.QStandardPaths.setTestModeEnabled(False)  # the tests' Slicer keeps out of the user's folders
    assert defaultModelFolder() == platformdirs.user_data_dir("ldct-denoise", appauthor=False)
