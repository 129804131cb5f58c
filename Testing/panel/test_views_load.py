"""A scene is loaded while a comparison is up: neither ties the other's volumes to its views."""

from __future__ import annotations

import pytest
import slicer
import slicer.util
from LDCTDenoisePanel.views import stage
from view_cases import case


@pytest.fixture
def file(ct, comparison, host, scene, tmp_path):
    """A scene that was saved with three views up."""
    saved = case(ct)
    comparison.showThree(saved.before, saved.after, saved.difference)
    host.settle()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    scene.Clear(0)
    host.settle()
    return path


@pytest.mark.parametrize("mode", ["three", "wipe", "variants"])
def test_a_scene_with_a_comparison_of_its_own_can_be_loaded_over_one(mode, file, ct, comparison, host, monkeypatch):
    calls, put = [], stage._VolumeGuard._onModified

    def counted(guard, *event):  # the guard and the loading scene once put their volumes back in turn, for ever
        calls.append(event)
        if len(calls) < 200:
            put(guard, *event)

    monkeypatch.setattr(stage._VolumeGuard, "_onModified", counted)
    shown = case(ct)
    if mode == "three":
        comparison.showThree(shown.before, shown.after, shown.difference)
    elif mode == "wipe":
        comparison.showWipe(shown.before, shown.after)
    else:
        comparison.showVariants([shown.before, shown.after], ["a", "b"])
    host.settle()
    slicer.util.loadScene(file)
    host.settle()
    assert len(calls) < 200
    assert comparison.mode == "three"
    comparison.leave()
    host.settle()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert shown.before.GetScene() is not None
