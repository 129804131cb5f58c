"""The list of methods, what is said of them, and the way to those that are not ready."""

from __future__ import annotations

import pytest
from LDCTDenoisePanel.catalogue import (
    BROKEN,
    NEEDS_PACKAGE,
    NEEDS_WEIGHTS,
    READY,
    Catalogue,
    Method,
    readCatalogue,
    whyNotReady,
)
from LDCTDenoisePanel.installation import DECLINED, INSTALLED
from LDCTDenoisePanel.setup_state import SetupState
from LDCTDenoisePanel.user_error import UserError
from LDCTDenoisePanel.wording import deviceName, duration, estimate, facts, finished, secondsPerSlice
from test_widget_run import Bench
from widget_fakes import METHODS, RECORD

NETWORK = Method("rddm-balanced", "RDDM Balanced", "One step.", "rddm", ready=False, missing=("torch",))
NLM = Method("nlm", "Non-local means", ready=False, missing=("skimage",))
BILATERAL = Method("bilateral", "Bilateral")


@pytest.fixture
def bench(host, scene):
    made = Bench(host)
    yield made
    made.panel.cleanup()


def without(host, *methods, torch=None, extension=True):
    return Bench(host, methods=methods, setup=SetupState(torch, None, torchExtension=extension))


def names(ui):
    return [ui.methodCombo.itemText(index) for index in range(ui.methodCombo.count)]


# the catalogue


def test_ready_methods_come_first_in_the_order_of_the_library():
    assert [m.id for m in Catalogue(METHODS)] == ["rddm-balanced", "nlm", "bilateral", "rddm-fine-official"]


def test_the_default_is_the_network_then_nlm_then_bilateral_then_anything():
    def default(*ids):
        return Catalogue(Method(id, id) for id in ids).default().id

    assert default("gaussian", "bilateral", "nlm", "rddm-balanced") == "rddm-balanced"
    assert default("gaussian", "bilateral", "nlm") == "nlm"
    assert default("gaussian", "bilateral") == "bilateral"
    assert default("gaussian") == "gaussian"
    assert Catalogue([NETWORK, BILATERAL]).default() is BILATERAL
    assert Catalogue([NETWORK]).default() is NETWORK, "something to look at, even where nothing is ready"
    assert Catalogue().default() is None


def test_what_would_help_is_told_weights_before_packages():
    assert BILATERAL.state == READY and whyNotReady(BILATERAL) == ""
    assert NETWORK.state == NEEDS_PACKAGE and "PyTorch" in whyNotReady(NETWORK)
    bare = Method("x", "X", family="rddm", ready=False, hasWeights=False, missing=("torch",))
    assert bare.state == NEEDS_WEIGHTS and "Import weights" in whyNotReady(bare)
    broken = Method("x", "X", family="rddm", ready=False, why="PyTorch is installed but does not load.")
    assert broken.state == BROKEN and whyNotReady(broken) == broken.why


def test_the_library_lists_its_own_methods():
    listed = {method.id: method for method in readCatalogue()}
    assert {"rddm-balanced", "nlm", "bilateral", "tv", "gaussian", "median"} <= set(listed)
    assert listed["gaussian"].ready
    assert not listed["rddm-fine-official"].hasWeights


def test_the_worker_knows_better_and_a_strange_answer_does_no_harm():
    answer = {"models": [{"id": "nlm", "title": "Non-local means", "ready": False, "why": "…", "missing": ["skimage"]}]}
    refined = Catalogue(METHODS).refined(answer)
    assert [m.state for m in refined] == [NEEDS_PACKAGE]
    assert len(Catalogue(METHODS).refined({})) == len(METHODS)


# words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "less than 1 s"),
        (31.4, "31 s"),
        (59.6, "1 min"),
        (130, "2 min 10 s"),
        (700, "12 min"),
        (3900, "1 h 5 min"),
    ],
)
def test_durations_are_as_exact_as_one_wants_to_know(seconds, words):
    assert duration(seconds) == words


def test_an_estimate_says_where_it_comes_from():
    assert estimate(METHODS[2], 300, "cpu", (), None) == (
        "About 30 s for this volume (300 slices) as measured on 2 processor cores."
    )
    assert estimate(METHODS[2], 300, "cpu", (), 0.05) == "About 15 s for this volume (300 slices) on the processor."
    assert estimate(METHODS[3], 300, "cpu", (), None) == "", "nothing is known"
    assert estimate(METHODS[2], 0, "cpu", (), 0.05) == "", "no volume"


def test_facts_are_size_and_gain_where_they_are_known():
    assert facts(METHODS[0]) == "3.1 MB · +5.0 dB PSNR at quarter dose"
    assert facts(METHODS[3]) == ""


def test_devices_have_names():
    assert deviceName("cpu") == "the processor"
    assert deviceName("cuda:0", (("cuda:0", "NVIDIA X"),)) == "NVIDIA X"
    assert deviceName("cuda:1") == "the graphics card (cuda:1)"


def test_a_record_with_little_in_it_still_makes_a_sentence():
    assert finished(None, {}).endswith("For research use.")
    assert secondsPerSlice({}) is None
    assert secondsPerSlice(RECORD) == pytest.approx(31 / 300)


def test_one_slice_is_not_slices_and_frames_are_counted():
    assert "(1 slice) on" in estimate(METHODS[2], 1, "cpu", (), 0.05)
    assert "(1 slice) as measured" in estimate(METHODS[2], 1, "cpu", (), None)
    sequence = {**RECORD, "frames": 3}
    assert "3 frames of 300 slices in 31 s" in finished(METHODS[0], sequence)
    assert secondsPerSlice(sequence) == pytest.approx(31 / 900)


# the panel


def test_methods_that_are_not_ready_are_listed_and_say_what_they_need(bench):
    assert names(bench.ui) == ["RDDM Balanced", "Non-local means", "Bilateral", "RDDM Fine (import weights…)"]


def test_choosing_a_method_is_remembered_in_the_scene_and_described(bench):
    bench.ui.methodCombo.setCurrentIndex(1)
    bench.host.settle()
    assert bench.session.parameters.model == "nlm"
    assert bench.ui.descriptionLabel.text == "Averages."
    assert "as measured on 2 processor cores" in bench.ui.factsLabel.text


def test_looking_at_the_panel_does_not_choose_a_method_for_ever(bench):
    assert bench.session.parameters.model == "", "the default may become a better one when PyTorch is there"


def test_a_method_of_the_scene_that_is_unknown_here_falls_back_to_the_default(bench):
    bench.session.parameters.model = "from-a-colleague"
    bench.host.settle()
    assert bench.ui.methodCombo.currentText == "RDDM Balanced"


def test_without_torch_the_best_classical_method_is_chosen_and_the_set_up_says_what_is_missing(host, scene):
    bench = without(host, NETWORK, BILATERAL)
    assert bench.ui.methodCombo.currentText == "Bilateral"
    assert bench.ui.denoiseButton.enabled
    assert "PyTorch is not installed" in bench.ui.setupLabel.text
    assert bench.ui.setupButton.visible and bench.ui.setupButton.text == "Install PyTorch…"
    bench.panel.cleanup()


def test_with_everything_there_the_set_up_is_one_quiet_line(bench):
    assert not bench.ui.setupButton.visible
    assert bench.ui.setupLabel.text == "PyTorch 2.9.1, Processor, 2 cores. 3 of 4 methods are ready."


class FakeInstallation:
    def __init__(self, outcome):
        self.outcome, self.calls = outcome, []

    def _do(self, what):
        self.calls.append(what)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def installTorch(self):
        return self._do("torch")

    def installScikitImage(self):
        return self._do("skimage")

    def resumeAfterRestart(self):
        return self._do("resume")


def test_installing_torch_ends_the_old_worker_and_looks_again(host, scene):
    bench = without(host, NETWORK, BILATERAL)
    bench.panel._installation = FakeInstallation(INSTALLED)
    asked = len(bench.logic.named("state"))
    bench.click("setupButton")
    assert bench.panel._installation.calls == ["torch"]
    assert bench.logic.named("shutdown") and len(bench.logic.named("state")) == asked + 1
    assert "Installed" in bench.ui.statusLabel.text
    bench.panel.cleanup()


def test_declining_says_that_the_classical_methods_work(host, scene):
    bench = without(host, NETWORK, BILATERAL)
    bench.panel._installation = FakeInstallation(DECLINED)
    bench.click("setupButton")
    assert "classical" in bench.ui.statusLabel.text
    bench.panel.cleanup()


def test_an_installation_that_fails_is_an_error_line(host, scene):
    bench = without(host, NETWORK, BILATERAL)
    bench.panel._installation = FakeInstallation(UserError("No network."))
    bench.click("setupButton")
    assert bench.ui.errorLabel.text == "No network."
    bench.panel.cleanup()


@pytest.mark.parametrize("torch", ["2.9", None])
def test_a_method_that_needs_scikit_image_says_and_installs_that(host, scene, torch):
    bench = without(host, NLM, BILATERAL, torch=torch)
    bench.session.parameters.model = "nlm"
    bench.host.settle()
    assert bench.ui.setupButton.text == "Install scikit-image…"
    bench.panel._installation = FakeInstallation(INSTALLED)
    bench.click("setupButton")
    assert bench.panel._installation.calls == ["skimage"]
    bench.panel.cleanup()


def test_after_a_restart_the_panel_tells_how_the_installation_went(bench):
    bench.panel._installation = FakeInstallation(INSTALLED)
    bench.panel.resumeInstallation()
    assert "Installed" in bench.ui.statusLabel.text


def test_the_worker_corrects_the_panel(bench):
    bench.logic.answer(
        {
            "versions": {"torch": None},
            "devices": [{"id": "cpu", "title": "Processor, 8 cores"}],
            "models": [
                {"id": "rddm-balanced", "title": "RDDM Balanced", "ready": False, "missing": ["torch"]},
                {"id": "bilateral", "title": "Bilateral", "ready": True},
            ],
            "problems": [],
        }
    )
    assert names(bench.ui) == ["Bilateral", "RDDM Balanced (not installed)"]
    assert bench.ui.setupButton.visible


def test_weights_are_imported_for_the_chosen_method(bench):
    bench.session.dialogs.path = "rddm_fine.pth"
    bench.session.parameters.model = "rddm-fine-official"
    bench.host.settle()
    assert bench.ui.setupButton.text == "Import weights…"
    bench.click("setupButton")
    _name, arguments, options = bench.logic.named("importWeights")[0]
    assert arguments == ("rddm_fine.pth",) and options["model"] == "rddm-fine-official"
    bench.job.finish({"model": "rddm-fine-official"})
    assert bench.ui.statusLabel.text == "Imported: RDDM Fine"


def test_importing_nothing_does_nothing(bench):
    bench.ui.advancedSection.collapsed = False
    bench.click("importButton")
    assert bench.logic.named("importWeights") == []
