"""The line that tells what dose and anatomy a volume looks like: its words, its buttons, its job."""

# ruff: noqa: F811  (fixtures are imported by their name)

from __future__ import annotations

import numpy as np
import pytest
import slicer
from jobs_setup import Ends, ended, logic, nodeIDs, temporary, worker  # noqa: F401
from LDCTDenoisePanel.catalogue import Catalogue, Method, readCatalogue
from LDCTDenoisePanel.perceive_job import MOST_SLICES, spreadOver
from LDCTDenoisePanel.perception_text import perceived, suggested, whereFrom
from LDCTDenoisePanel.user_error import UserError
from test_widget_run import Bench
from widget_fakes import METHODS, makeResult, makeVolume

FOUNDDIFF = Method("founddiff", "FoundDiff", "Perceives.", "founddiff", perceives=True)


def answer(model="rddm-balanced", strength=0.8, **more):
    ranges = [
        {"slices": [0, 30], "anatomy": "abdomen", "probability": 0.98, "sure": True, "dose": {}},
        {"slices": [30, 80], "anatomy": "chest", "probability": 0.97, "sure": True, "dose": {}},
    ]
    return {
        "dose": {"median": 0.26, "low": 0.19, "high": 0.34}, "ranges": ranges, "slices": [0, 80], "looked_at": 16,
        "tells_apart": ["chest", "abdomen", "head"],
        "suggestion": {"model": model, "strength": strength, "reason": "it is made for about this dose"}, **more,
    }  # fmt: skip


class PerceivingBench(Bench):
    def __init__(self, host, methods=(FOUNDDIFF, *METHODS)):
        super().__init__(host, methods=methods)
        self.logic.perceive = lambda *arguments, **options: self.logic._job("perceive", *arguments, **options)

    def perceive(self, **more):
        self.click("perceiveButton")
        self.job.finish(answer(**more))
        self.host.settle()


@pytest.fixture
def bench(host, scene):
    made = PerceivingBench(host)
    yield made
    made.panel.cleanup()


# words


def test_the_line_says_dose_spread_and_anatomy_by_slices():
    assert perceived(answer()) == "Looks like: about 1/4 of the usual dose (1/5–1/3), abdomen 1–30, chest 31–80."
    assert suggested(answer()["suggestion"], "RDDM Balanced") == "Suggests RDDM Balanced at 80 %."


def test_a_volume_of_one_anatomy_at_the_usual_dose_is_said_shortly():
    one = [{"slices": [0, 80], "anatomy": "head", "probability": 1, "sure": True, "dose": {}}]
    flat = {"median": 1.0, "low": 0.95, "high": 1.1}
    assert perceived(answer(dose=flat, ranges=one)) == "Looks like: about the usual dose, head."


def test_what_is_only_likely_is_said_to_be_and_an_unknown_name_is_kept():
    one = [{"slices": [0, 80], "anatomy": "shoulder", "probability": 0.5, "sure": False, "dose": {}}]
    assert perceived(answer(ranges=one)).endswith("probably shoulder.")


def test_the_tooltip_says_that_it_is_an_estimate_and_from_what():
    text = whereFrom(answer())
    assert "16 of 80 slices" in text and "not a measurement" in text and "chest, abdomen, head" in text


# the panel


def test_without_a_model_that_perceives_nothing_of_it_is_shown(host, scene):
    bench = PerceivingBench(host, methods=METHODS)
    for name in ("perceptionLabel", "perceiveButton", "useSuggestionButton"):
        assert not getattr(bench.ui, name).visible, name
    bench.panel.cleanup()


def test_nothing_is_computed_before_the_user_asks(bench):
    assert bench.ui.perceiveButton.visible and not bench.ui.perceptionLabel.visible
    assert bench.logic.named("perceive") == []


def test_asking_shows_the_line_and_offers_the_suggestion_without_taking_it(bench):
    bench.click("perceiveButton")
    _name, arguments, options = bench.logic.named("perceive")[0]
    assert arguments == (bench.volume, "founddiff") and options == {"device": "auto", "waitForCompletion": False}
    assert "Looking" in bench.ui.perceptionLabel.text and bench.ui.perceiveButton.text == "Stop looking"
    model, strength = bench.session.parameters.model, bench.session.parameters.strength
    bench.job.finish(answer())
    bench.host.settle()
    assert bench.ui.perceptionLabel.text.startswith("Looks like: about 1/4 of the usual dose")
    assert bench.ui.perceptionLabel.text.endswith("Suggests RDDM Balanced at 80 %.")
    assert bench.ui.useSuggestionButton.visible and not bench.ui.perceiveButton.visible
    assert (bench.session.parameters.model, bench.session.parameters.strength) == (model, strength)


def test_the_suggestion_is_set_where_the_user_sees_it_and_said(bench):
    bench.ui.methodCombo.setCurrentIndex(bench.ui.methodCombo.findData("nlm"))
    bench.perceive()
    bench.ui.methodSection.collapsed = True
    bench.click("useSuggestionButton")
    assert bench.session.parameters.model == "rddm-balanced" and bench.ui.methodCombo.currentText == "RDDM Balanced"
    assert bench.session.parameters.strength == pytest.approx(0.8) and bench.ui.strengthSlider.value == 80
    assert not bench.ui.methodSection.collapsed
    assert "RDDM Balanced, 80 %" in bench.ui.statusLabel.text
    assert not bench.ui.useSuggestionButton.enabled, "it is set already"
    bench.ui.strengthSlider.value = 60
    bench.host.settle()
    assert bench.ui.useSuggestionButton.enabled


def test_a_method_that_is_not_ready_is_not_suggested(bench):
    bench.perceive(model="rddm-fine-official")
    assert bench.ui.perceptionLabel.text.endswith("chest 31–80.") and not bench.ui.useSuggestionButton.visible


def test_the_line_goes_when_another_volume_is_chosen_or_the_voxels_change(bench):
    bench.perceive()
    bench.session.parameters.inputVolume = makeVolume("Other", seed=1)
    bench.host.settle()
    assert not bench.ui.perceptionLabel.visible and bench.ui.perceiveButton.visible
    assert not bench.ui.useSuggestionButton.visible
    bench.perceive()
    slicer.util.updateVolumeFromArray(bench.session.input, slicer.util.arrayFromVolume(bench.session.input) + 5)
    bench.session.changed.emit()
    assert not bench.ui.perceptionLabel.visible


def test_an_answer_about_a_volume_that_is_no_longer_chosen_is_not_shown(bench):
    bench.click("perceiveButton")
    job = bench.job
    bench.session.parameters.inputVolume = makeVolume("Other", seed=1)
    bench.host.settle()
    assert not job.running, "it was cancelled"
    job.finish(answer())
    bench.host.settle()
    assert not bench.ui.perceptionLabel.visible


def test_a_look_can_be_stopped_and_keeps_nobody_from_denoising(bench):
    bench.click("perceiveButton")
    look = bench.job
    assert bench.ui.denoiseButton.enabled and bench.ui.denoiseButton.text == "Denoise"
    bench.click("denoiseButton")
    assert bench.logic.named("denoise") and look.running
    bench.click("perceiveButton")
    assert not look.running and bench.job.running, "only the look was stopped"
    assert "given up" in bench.ui.perceptionLabel.text
    assert not bench.ui.perceiveButton.enabled, "the worker has other things to do"
    bench.job.finish(makeResult(bench.volume))
    bench.host.settle()
    assert bench.ui.perceiveButton.enabled


def test_a_failure_is_a_sentence_in_its_own_line(bench):
    bench.click("perceiveButton")
    bench.job.fail("The weights of founddiff are not here: import them.")
    assert bench.ui.perceptionLabel.text == "The weights of founddiff are not here: import them."
    assert not bench.ui.errorLabel.visible and bench.ui.perceiveButton.text == "Estimate dose and anatomy"
    bench.logic.refusal = "That is no CT."
    bench.click("perceiveButton")
    assert bench.ui.perceptionLabel.text == "That is no CT."


def test_without_a_volume_there_is_nothing_to_ask(bench):
    bench.session.parameters.inputVolume = None
    bench.host.settle()
    assert not bench.ui.perceiveButton.visible


def test_when_the_panel_ends_the_look_is_over(host, scene):
    bench = PerceivingBench(host)
    bench.click("perceiveButton")
    look = bench.job
    bench.panel.cleanup()
    assert not look.running


def test_the_line_does_not_make_the_panel_wider(bench):
    bench.perceive()
    assert bench.panel._uiWidget.minimumSizeHint.width() <= 288


def test_only_a_card_with_names_for_what_it_sees_perceives():
    perceiving = [method.id for method in readCatalogue() if method.perceives]
    assert not [id for id in perceiving if not id.startswith("founddiff")] and "founddiff-official" not in perceiving
    assert Catalogue([*METHODS, FOUNDDIFF]).perceiving() is FOUNDDIFF
    assert Catalogue(METHODS).perceiving() is None


# the job


def test_a_few_slices_spread_over_the_volume_are_handed_over(host, ct, logic, temporary):
    before = nodeIDs()
    volume = ct.volume(shape=(40, 6, 8))
    there = nodeIDs() - before
    found = logic.perceive(volume, "add10")
    numbers = spreadOver(40)
    assert found["shape"] == [MOST_SLICES, 6, 8] and found["asked"]["numbers"] == numbers
    assert found["asked"]["total_slices"] == 40 and found["asked"]["device"] == "auto"
    assert found["values"] == slicer.util.arrayFromVolume(volume)[numbers, 0, 0].tolist()
    assert "event" not in found and "id" not in found
    assert nodeIDs() - before == there and not list(temporary.glob(".ldct-*.part")), "nothing is left behind"


def test_slices_are_spread_evenly_and_few_are_all_taken():
    assert spreadOver(5) == [0, 1, 2, 3, 4]
    steps = np.diff(spreadOver(300))
    assert len(steps) == MOST_SLICES - 1 and steps.min() >= 18 and steps.max() <= 19


def test_a_look_that_fails_or_is_cancelled_ends_as_every_job(host, ct, logic, temporary):
    volume = ct.volume()
    with pytest.raises(UserError, match="weights are not here"):
        logic.perceive(volume, "error")
    job = logic.perceive(volume, "forever", waitForCompletion=False)
    ends = Ends(job)
    assert host.waitUntil(lambda: ends.progress)
    job.cancel()
    ended(host, job, 3)
    assert ends.name == "cancelled" and not list(temporary.glob(".ldct-*.part"))


def test_what_is_no_ct_is_refused(logic, scene):
    with pytest.raises(UserError, match="No volume is chosen"):
        logic.perceive(None)
