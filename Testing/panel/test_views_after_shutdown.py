"""A comparison from before a reload of the module, which the console may still hold."""

from __future__ import annotations

import slicer
from LDCTDenoisePanel.views.comparison import Comparison
from LDCTDenoisePanel.views.layouts import SINGLE
from LDCTDenoisePanel.views.stage import Pane, Stage
from view_cases import case


def test_it_watches_the_scene_again_when_it_shows_something(ct, scene, host):
    volumes = case(ct)
    comparison = Comparison()
    comparison.shutdown()
    comparison.showThree(volumes.before, volumes.after, volumes.difference)
    slicer.mrmlScene.RemoveNode(volumes.after)
    host.settle()
    assert comparison.mode is None
    comparison.shutdown()


def test_views_that_nobody_closes_let_a_removed_volume_go(ct, scene, host):
    volumes = case(ct)
    stage = Stage(SINGLE, [Pane(volumes.before)], 5)
    slicer.mrmlScene.RemoveNode(volumes.before)  # the views would keep it, and the scene take it out, for ever
    host.settle()
    stage.close()
