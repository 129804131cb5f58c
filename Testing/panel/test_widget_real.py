"""The whole way through, nothing made up: the module's own file, its panel, its worker, its views; by clicks."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import slicer

MODULE = Path(__file__).resolve().parents[2] / "LDCTDenoise" / "LDCTDenoise.py"


@pytest.fixture
def widget(host, scene, ct):
    """The open module, a tilted CT chosen, a classical method that needs nothing."""
    host.loadModule(MODULE)
    volume = ct.shown(ct.oblique())
    opened = host.openModule("LDCTDenoise")
    opened.ui.methodCombo.setCurrentIndex(opened.ui.methodCombo.findData("gaussian"))
    host.settle()
    opened.volume = volume
    yield opened
    host.unloadModule("LDCTDenoise")


def ended(widget):
    return widget.panel.session.job is None


def volumes():
    return [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]


def test_choose_denoise_look_mix_measure_and_leave(host, widget):
    ui, before = widget.ui, slicer.app.layoutManager().layout
    assert ui.inputSelector.currentNode() is widget.volume
    host.click(ui.denoiseButton)
    fractions = []
    widget.panel.session.progressed.connect(lambda fraction, text: fractions.append(fraction))
    assert host.waitUntil(lambda: ended(widget), 60)
    host.settle()
    assert ui.errorLabel.text == ""
    assert any(fraction for fraction in fractions)
    result = ui.resultSelector.currentNode()
    assert result.GetNodeReference("LDCTDenoise.source") is widget.volume
    assert widget.logic.comparison.mode == "three" and ui.threeButton.checked
    assert "For research use." in ui.statusLabel.text

    full = slicer.util.arrayFromVolume(result).astype(int)
    ui.strengthSlider.value = 0
    host.settle()
    assert np.array_equal(slicer.util.arrayFromVolume(result), slicer.util.arrayFromVolume(widget.volume))
    ui.strengthSlider.value = 100
    host.settle()
    assert np.array_equal(slicer.util.arrayFromVolume(result), full)

    ui.measureSection.collapsed = False
    host.settle()
    host.click(ui.measureButton)
    assert host.waitUntil(lambda: ended(widget), 60)
    assert ui.measureTable.mrmlTableNode().GetNumberOfRows() > 2

    host.leaveModule()
    host.settle()
    assert slicer.app.layoutManager().layout == before


def test_cancel_by_click_ends_within_two_seconds_and_leaves_nothing(host, widget):
    there = volumes()
    host.click(widget.ui.denoiseButton)
    assert host.waitUntil(lambda: widget.ui.statusLabel.text != "", 30)
    began = time.monotonic()
    host.click(widget.ui.denoiseButton)
    assert host.waitUntil(lambda: ended(widget), 10)
    assert time.monotonic() - began < 2
    host.settle()
    assert volumes() == there
    assert widget.ui.denoiseButton.text == "Denoise"


def test_closing_the_scene_during_a_real_run_is_safe(host, widget):
    host.click(widget.ui.denoiseButton)
    slicer.mrmlScene.Clear()
    assert host.waitUntil(lambda: ended(widget), 10)
    host.settle()
    assert volumes() == [] and not widget.ui.denoiseButton.enabled


def test_the_test_that_slicer_itself_runs_passes(host, scene):
    host.loadModule(MODULE)
    slicer.selfTests["LDCTDenoise"](msec=1)


def test_cancel_after_the_preview_is_up_leaves_nothing_of_it(host, widget, ct):
    """Also in the scene: the preview has a difference of its own."""
    there, layout = volumes(), slicer.app.layoutManager().layout
    host.click(widget.ui.denoiseButton)
    previews = []
    widget.panel.session.job.previewed.connect(lambda node: previews.append(node) or widget.panel.session.cancel())
    assert host.waitUntil(lambda: ended(widget), 60)
    host.settle()
    assert previews, "it was cancelled while the preview was up"
    assert volumes() == there
    assert slicer.app.layoutManager().layout == layout


def test_a_preview_goes_when_the_views_are_given_back(host, widget):
    there = volumes()
    host.click(widget.ui.previewButton)
    assert host.waitUntil(lambda: ended(widget) and widget.logic.comparison.mode == "three", 60)
    assert len(volumes()) == len(there) + 2
    host.click(widget.ui.backButton)
    host.settle()
    assert volumes() == there
    host.click(widget.ui.previewButton)
    assert host.waitUntil(lambda: ended(widget) and widget.logic.comparison.mode == "three", 60)
    host.leaveModule()
    host.settle()
    assert volumes() == there


def test_a_file_that_could_not_be_written_does_not_spoil_the_next_one(host, widget, tmp_path):
    ui, dialogs = widget.ui, widget.panel.session.dialogs
    host.click(ui.denoiseButton)
    assert host.waitUntil(lambda: ended(widget), 60)
    ui.exportSection.collapsed = False
    host.settle()
    (tmp_path / "a file").write_text("no folder")
    for folder, isWritten in ((tmp_path / "a file", False), (tmp_path, True)):
        dialogs.saveFile = lambda *question, path=folder / "after.nrrd": str(path)
        host.click(ui.saveVolumeButton)
        assert bool(ui.errorLabel.text) is not isWritten
    assert (tmp_path / "after.nrrd").exists()
