"""A result may come while the layout of the preview is still coming up: the last that was asked for is shown."""

import pytest
import qt
import slicer
from LDCTDenoisePanel.user_error import UserError
from view_cases import case, denoised_of


def in_the_next_turn_of_events(action):
    qt.QTimer.singleShot(0, action)


def test_what_is_asked_for_while_a_layout_comes_up_is_shown_after_it(ct, comparison, host):
    shown = case(ct)
    other = denoised_of(shown.before, "CT NLM", "nlm")
    in_the_next_turn_of_events(lambda: comparison.showWipe(shown.before, other))
    comparison.showThree(shown.before, shown.after, shown.difference)
    host.settle()
    assert comparison.mode == "wipe" and comparison.volumes == [shown.before, other]


def test_a_preview_that_goes_while_its_layout_comes_up_makes_room_without_complaint(ct, comparison, host):
    shown = case(ct)
    preview = denoised_of(shown.before, "CT preview")

    def result():
        slicer.mrmlScene.RemoveNode(preview)
        comparison.showThree(shown.before, shown.after, shown.difference)

    in_the_next_turn_of_events(result)
    comparison.showWipe(shown.before, preview)
    host.settle()
    assert comparison.mode == "three" and comparison.volumes[1] is shown.after


def test_a_volume_that_goes_while_its_layout_comes_up_is_said_when_nothing_follows(ct, comparison, host):
    shown = case(ct)
    in_the_next_turn_of_events(lambda: slicer.mrmlScene.RemoveNode(shown.before))
    with pytest.raises(UserError, match="not in the scene"):
        comparison.showThree(shown.before, shown.after, shown.difference)
    comparison.leave()
    host.settle()
    assert comparison.mode is None
