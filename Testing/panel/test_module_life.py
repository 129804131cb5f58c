"""The module while Slicer starts, runs without a window, reloads it, and ends."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import slicer
from LDCTDenoisePanel.settings import MachineSettings
from LDCTDenoisePanel.views import layouts
from test_widget_run import Bench

MODULE = Path(__file__).resolve().parents[2] / "LDCTDenoise" / "LDCTDenoise.py"


@pytest.fixture
def module(host, scene):
    """The module's file, loaded and not opened."""
    yield host.loadModule(MODULE)
    host.unloadModule("LDCTDenoise")
    sys.modules["SampleData"].SampleDataLogic.sources.clear()  # which the start-up has registered


@pytest.fixture
def reloadable(module):
    """A reload imports the packages anew; the other tests go on with those that they know."""
    known = {name: each for name, each in sys.modules.items() if name.startswith("LDCTDenoise")}
    yield module
    for name in [name for name in sys.modules if name.startswith("LDCTDenoise")]:
        del sys.modules[name]
    sys.modules.update(known)


def test_a_scene_with_our_views_can_be_loaded_before_the_module_is_opened(module):
    node = layouts.layoutNode()
    for number in layouts.ourLayouts():
        node.SetLayoutDescription(number, "")  # as in a Slicer that has just started
    module.onStartupCompleted()
    assert all(node.IsLayoutDescription(number) for number in layouts.ourLayouts())


def test_an_interrupted_installation_waits_for_a_slicer_with_a_window(module, host, monkeypatch):
    MachineSettings().resumeInstall = "torch"
    called = []
    monkeypatch.setattr(module, "resumeInstallation", lambda: called.append(True))
    with monkeypatch.context() as without:
        without.setattr(slicer.util, "mainWindow", lambda *args: None)
        module.onStartupCompleted()
        host.settle()
        assert called == []
    module.onStartupCompleted()
    host.settle()
    assert called == [True]
    MachineSettings().resumeInstall = ""


def test_the_self_test_needs_no_window(module, monkeypatch):
    test = module.LDCTDenoiseTest()
    monkeypatch.setattr(test, "delayDisplay", lambda text: None)
    with monkeypatch.context() as without:
        without.setattr(slicer.app, "_layouts", None)
        test.test_PanelShowsTheComparison()


def test_the_self_test_denoises_a_folder(host, scene, module, monkeypatch):
    test = module.LDCTDenoiseTest()
    monkeypatch.setattr(test, "delayDisplay", lambda text: None)
    test.test_FolderIsDenoised()


def test_after_a_reload_the_open_panel_works_at_once(host, reloadable, ct):
    former = host.openModule("LDCTDenoise")
    volume = ct.shown(ct.oblique())
    former.onReload()
    host.settle()
    widget = slicer.modules.LDCTDenoiseWidget
    assert widget is not former and widget.panel.session.isEntered
    assert widget.ui.inputSelector.currentNode() is volume
    assert widget.panel.session.parameters.inputVolume is volume
    assert not former.panel.session.isEntered and former.panel.session.parameters is None


def test_a_module_whose_setup_failed_can_be_reloaded(host, reloadable):
    widget = host.openModule("LDCTDenoise")
    widget.panel.cleanup()
    widget.logic = widget.panel = None
    widget.onReload()
    host.settle()
    assert slicer.modules.LDCTDenoiseWidget.panel.session.isEntered


def test_a_job_that_ends_after_the_widgets_are_gone_tells_them_nothing(host, scene, caplog):
    bench = Bench(host)
    bench.click("denoiseButton")
    job, panel = bench.job, bench.panel
    job.cancel = lambda: None  # a process takes its time to end
    panel.cleanup()
    panel._uiWidget.delete()
    job.noticed.emit("The worker ends.")
    job.progressed.emit(0.5, "Denoising")
    job.cancelled.emit()
    panel.session.complain("A sentence for nobody.")
    panel.logic.comparison.modeChanged.emit()  # of an application that goes on, with another panel
    assert [record.message for record in caplog.records if record.exc_info] == []
