"""A view that the user has maximized by a double click, before or during a comparison."""

from __future__ import annotations

import pytest
import slicer
from LDCTDenoisePanel.views import layouts
from view_cases import case

THREE = ["LDCTBefore", "LDCTAfter", "LDCTDifference"]


@pytest.fixture
def comparison(comparison):
    yield comparison
    comparison.shutdown()
    layouts.layoutNode().RemoveAllMaximizedViewNodes()


def maximize(tag, host):
    layouts.layoutNode().AddMaximizedViewNode(slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLSliceNode"))
    host.settle()


def shown():
    return list(slicer.app.layoutManager().shownSliceViewNames())


def test_a_maximized_view_of_the_user_is_maximized_again_afterwards(ct, comparison, host):
    maximize("Red", host)
    volumes = case(ct)
    comparison.showThree(volumes.before, volumes.after, volumes.difference)
    host.settle()
    assert shown() == THREE
    comparison.leave()
    host.settle()
    assert shown() == ["Red"]


def test_all_three_are_shown_when_one_of_them_was_maximized(ct, comparison, host):
    volumes = case(ct)
    comparison.showThree(volumes.before, volumes.after, volumes.difference)
    maximize("LDCTAfter", host)
    assert shown() == ["LDCTAfter"]
    comparison.showThree(volumes.before, volumes.after, volumes.difference)
    host.settle()
    assert shown() == THREE
    comparison.leave()
    host.settle()
    assert shown() == ["Red", "Green", "Yellow"]
