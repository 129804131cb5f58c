"""When the panel has its worker load a method ahead, and when it must not."""

import pytest
from widget_fakes import makePanel, makeVolume

TOLD = {"versions": {"torch": "2.9.1"}, "devices": [{"id": "cpu", "title": "Processor"}], "models": []}


class Bench:
    def __init__(self, host):
        self.host = host
        self.ui, self.panel, self.logic = makePanel()
        self.panel.warming._timer.setInterval(0)

    def opened(self, told=True):
        """Enter the module as in a user's Slicer, choose a volume, and let the worker tell what it has."""
        self.panel.enter()
        self.volume = makeVolume()
        self.ui.inputSelector.setCurrentNode(self.volume)
        if told:
            self.panel.session.refineSetup(TOLD)
        return self

    @property
    def warmed(self):
        self.host.settle(4)
        return [(*arguments, options) for _name, arguments, options in self.logic.named("warm")]

    def choose(self, method):
        self.ui.methodCombo.setCurrentIndex(self.ui.methodCombo.findData(method))


@pytest.fixture
def bench(host, scene):
    made = Bench(host)
    yield made
    made.panel.cleanup()


def test_the_chosen_method_is_loaded_when_volume_and_worker_are_there(bench):
    bench.opened()
    assert set(map(str, bench.warmed)) == {
        str((bench.volume, "rddm-balanced", {"device": "auto", "precision": "auto"}))
    }


def test_another_method_or_device_is_loaded_when_it_is_chosen(bench):
    bench.opened()
    assert bench.warmed
    bench.panel.session.settings.device = "cpu"
    bench.choose("nlm")
    assert bench.warmed[-1][1:] == ("nlm", {"device": "cpu", "precision": "auto"})


def test_a_hand_that_runs_through_the_list_loads_only_the_last(bench):
    bench.opened()
    bench.panel.warming._timer.setInterval(30)
    before = len(bench.warmed)
    for method in ("nlm", "bilateral", "nlm", "bilateral"):
        bench.choose(method)
    assert bench.host.waitUntil(lambda: len(bench.warmed) > before, 5)
    assert [made[1] for made in bench.warmed[before:]] == ["bilateral"]


def test_nothing_before_the_worker_has_told_that_it_works(bench):
    assert bench.opened(told=False).warmed == []


def test_nothing_without_a_volume(bench):
    bench.panel.enter()
    bench.panel.session.refineSetup(TOLD)
    assert bench.warmed == []


def test_nothing_for_a_method_that_is_not_ready(bench):
    bench.opened()
    before = len(bench.warmed)
    bench.choose("rddm-fine-official")
    assert len(bench.warmed) == before


def test_nothing_while_a_job_runs_and_again_when_it_has_ended(bench):
    bench.opened()
    bench.ui.denoiseButton.click()
    assert bench.panel.session.job is not None
    before = len(bench.warmed)
    bench.panel.session.changed.emit()
    assert len(bench.warmed) == before
    bench.panel.session.job.fail("No memory.")
    assert len(bench.warmed) > before


def test_nothing_while_another_module_is_open_or_after_the_end(bench):
    bench.opened()
    before = len(bench.warmed)
    bench.panel.session.changed.emit()
    bench.panel.exit()
    assert len(bench.warmed) == before
    bench.panel.enter()
    bench.panel.session.refineSetup(TOLD)
    bench.panel.cleanup()
    assert len(bench.warmed) == before


def test_what_the_logic_refuses_is_not_told(bench):
    bench.logic.refusal = "The voxels have no proper size."
    bench.opened()
    assert bench.warmed and bench.ui.errorLabel.text == ""
