"""Compare by clicks: modes, flip, the difference window, several methods at once, blinded and revealed."""

from __future__ import annotations

import pytest
import qt
from test_widget_run import Bench
from widget_fakes import makeResult


@pytest.fixture
def bench(host, scene):
    made = Bench(host)
    made.result = makeResult(made.volume)
    made.session.parameters.outputVolume = made.result
    host.settle()
    yield made
    made.panel.cleanup()


def last(bench):
    return bench.logic.comparison.calls[-1]


def shown(bench):
    return [call for call in bench.logic.comparison.calls if call[0] in ("three", "wipe", "overlay", "variants", None)]


def test_each_mode_is_one_press_and_the_pressed_one_stays_down(bench):
    for name, mode in (("threeButton", "three"), ("wipeButton", "wipe"), ("overlayButton", "overlay")):
        bench.click(name)
        assert bench.logic.comparison.mode == mode
        pressed = [b for b in ("threeButton", "wipeButton", "overlayButton") if getattr(bench.ui, b).checked]
        assert pressed == [name]


def test_a_name_that_is_longer_than_its_selector_can_be_read_in_the_tool_tip(bench):
    bench.volume.SetName("Thorax low dose B30f 1.0 mm")
    bench.session.parameters.outputVolume = makeResult(bench.volume, "nlm", name="Thorax low dose B30f Non-local means")
    bench.host.settle()
    assert bench.ui.resultSelector.toolTip.splitlines()[0] == "Thorax low dose B30f Non-local means"
    assert bench.ui.inputSelector.toolTip.splitlines()[0] == "Thorax low dose B30f 1.0 mm"
    bench.session.parameters.outputVolume = None
    bench.host.settle()
    assert bench.ui.resultSelector.toolTip == "The result that is compared, measured and exported."


def test_the_modes_show_the_result_with_what_it_was_made_from(bench):
    bench.session.parameters.inputVolume = None
    bench.click("wipeButton")
    assert shown(bench)[-1] == ("wipe", bench.volume, bench.result)


def test_the_difference_is_made_once_for_a_result(bench):
    bench.click("threeButton")
    bench.click("overlayButton")
    assert len(bench.logic.named("difference")) == 1
    assert bench.session.parameters.differenceVolume is shown(bench)[-1][2]


def test_another_result_gets_its_own_difference(bench):
    bench.click("threeButton")
    first = bench.session.parameters.differenceVolume
    bench.session.parameters.outputVolume = makeResult(bench.volume, "nlm")
    bench.click("threeButton")
    assert bench.session.parameters.differenceVolume is not first


def test_only_results_of_this_module_are_offered_as_results(bench):
    bench.ui.resultSelector.setCurrentNode(bench.volume)
    assert bench.ui.resultSelector.currentNode() is not bench.volume
    assert bench.ui.resultSelector.nodeCount() == 1


def test_flip_holds_as_long_as_the_button(bench):
    assert not bench.ui.flipButton.enabled and bench.ui.flipButton.toolTip == "Show a comparison first."
    bench.click("threeButton")
    bench.ui.flipButton.pressed.emit()
    assert last(bench) == ("flip", True)
    bench.ui.flipButton.released.emit()
    assert last(bench) == ("flip", False)


def test_the_difference_window_follows_the_noise_until_the_user_chooses(bench):
    bench.click("threeButton")
    assert bench.ui.differenceAutoCheckBox.checked
    automatic = last(bench)
    assert automatic[0] == "window" and automatic[1] > 0
    bench.ui.differenceSlider.value = 123
    assert last(bench) == ("window", 123) and not bench.ui.differenceAutoCheckBox.checked
    assert bench.session.parameters.differenceHalfWindow == 123
    bench.host.click(bench.ui.differenceAutoCheckBox)
    assert last(bench) == automatic and bench.session.parameters.differenceHalfWindow == 0


def test_back_to_my_layout_leaves_and_then_rests(bench):
    assert not bench.ui.backButton.enabled
    bench.click("threeButton")
    bench.click("backButton")
    assert bench.logic.comparison.mode is None
    assert not bench.ui.backButton.enabled and not bench.ui.threeButton.checked


def test_leaving_the_module_gives_the_layout_back(bench):
    bench.click("wipeButton")
    bench.panel.exit()
    assert bench.logic.comparison.mode is None


# several methods at once


def tick(bench, *ids):
    bench.ui.variantsSection.collapsed = False
    bench.host.settle()
    for row in range(bench.ui.variantsList.count):
        item = bench.ui.variantsList.item(row)
        item.setCheckState(qt.Qt.Checked if item.data(qt.Qt.UserRole) in ids else qt.Qt.Unchecked)
    bench.host.settle()


def test_the_list_offers_the_original_and_every_ready_method(bench):
    ids = [bench.ui.variantsList.item(row).data(qt.Qt.UserRole) for row in range(bench.ui.variantsList.count)]
    assert ids == ["", "rddm-balanced", "nlm", "bilateral"]


def test_one_tick_is_too_few_and_the_button_says_so(bench):
    tick(bench, "nlm")
    assert not bench.ui.variantsButton.enabled
    assert "now 1" in bench.ui.variantsButton.toolTip


def test_ticks_are_kept_in_the_scene(bench):
    tick(bench, "", "nlm")
    assert list(bench.session.parameters.variants) == ["", "nlm"]


def test_only_what_is_not_computed_yet_is_computed_and_then_all_is_shown(bench):
    tick(bench, "", "rddm-balanced", "nlm")
    bench.click("variantsButton")
    _name, arguments, options = bench.logic.named("compare")[0]
    assert arguments == (bench.volume, ["nlm"]) and options["waitForCompletion"] is False
    nlm = makeResult(bench.volume, "nlm")
    bench.job.finish([nlm])
    assert last(bench) == (
        "variants",
        [bench.volume, bench.result, nlm],
        ["Original", "RDDM Balanced", "Non-local means"],
        False,
    )


def test_what_is_all_there_is_shown_at_once(bench):
    makeResult(bench.volume, "nlm")
    tick(bench, "rddm-balanced", "nlm")
    bench.click("variantsButton")
    assert bench.logic.jobs == [] and last(bench)[0] == "variants"


@pytest.mark.parametrize("other", [{"seed": "5"}, {"strength": "0.5"}])
def test_a_result_of_another_seed_or_strength_does_not_stand_in(bench, other):
    bench.result.SetAttribute(*next((f"LDCTDenoise.{key}", value) for key, value in other.items()))
    tick(bench, "", "rddm-balanced")
    bench.click("variantsButton")
    assert bench.logic.named("compare")[0][1][1] == ["rddm-balanced"]


def test_a_method_that_failed_is_left_out(bench):
    tick(bench, "", "nlm", "bilateral")
    bench.click("variantsButton")
    bench.job.finish([makeResult(bench.volume, "bilateral")])
    assert last(bench)[2] == ["Original", "Bilateral"]


def test_the_first_of_them_is_the_result_where_none_was_chosen(bench):
    bench.session.parameters.outputVolume = None
    tick(bench, "", "nlm", "bilateral")
    bench.click("variantsButton")
    made = [makeResult(bench.volume, "nlm"), makeResult(bench.volume, "bilateral")]
    bench.job.finish(made)
    bench.host.settle()
    assert bench.ui.resultSelector.currentNode() is made[0] and bench.ui.threeButton.enabled


def test_a_chosen_result_stays_chosen(bench):
    tick(bench, "", "nlm")
    bench.click("variantsButton")
    bench.job.finish([makeResult(bench.volume, "nlm")])
    assert bench.session.output is bench.result


def test_blinded_variants_are_revealed_by_a_button(bench):
    makeResult(bench.volume, "nlm")
    tick(bench, "rddm-balanced", "nlm")
    assert not bench.ui.revealButton.enabled
    bench.host.click(bench.ui.blindedCheckBox)
    bench.click("variantsButton")
    assert last(bench)[3] is True and bench.ui.revealButton.enabled
    assert not bench.ui.revealLabel.visible
    bench.click("revealButton")
    assert bench.ui.revealLabel.text == "A: RDDM Balanced\nB: Non-local means"
    assert bench.ui.revealLabel.visible and not bench.ui.revealButton.enabled


def test_names_of_a_blinded_comparison_are_not_told_before(bench):
    makeResult(bench.volume, "nlm")
    tick(bench, "rddm-balanced", "nlm")
    bench.host.click(bench.ui.blindedCheckBox)
    before = bench.ui.logText.toPlainText()
    bench.click("variantsButton")
    assert bench.ui.logText.toPlainText() == before
