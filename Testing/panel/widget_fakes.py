"""A logic, a comparison and dialogs that only remember what was asked of them: the panel is tested on its own."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from LDCTDenoisePanel.catalogue import Catalogue, Method
from LDCTDenoisePanel.setup_state import SetupState
from LDCTDenoisePanel.signal import Signal
from LDCTDenoisePanel.user_error import UserError

UI_FILE = "LDCTDenoise/Resources/UI/LDCTDenoise.ui"
RECORD = {
    "model": "rddm-balanced",
    "slices": [0, 300],
    "device": "cpu",
    "precision": "bfloat16",
    "seconds": 31.0,
    "seed": 0,
    "notices": [],
}
METHODS = (
    Method("rddm-balanced", "RDDM Balanced", "One step.", "rddm", 3_100_000, quality={"gain_db_full": 4.955}),
    Method("rddm-fine-official", "RDDM Fine", "Finest.", "rddm", ready=False, hasWeights=False, why="No weights."),
    Method(
        "nlm", "Non-local means", "Averages.", time={"seconds_per_slice": 0.1, "machine": "Linux, 2 processor cores"}
    ),
    Method("bilateral", "Bilateral", "Edges stay."),
)


class FakeJob:
    """Runs until the test says how it ends."""

    def __init__(self, record=None):
        self.progressed, self.noticed, self.previewed = Signal(), Signal(), Signal()
        self.finished, self.failed, self.cancelled = Signal(), Signal(), Signal()
        self.found, self.rowAdded = Signal(), Signal()
        self.running, self.result, self.error, self.record = True, None, None, record

    def cancel(self):
        self.running = False
        self.cancelled.emit()

    def finish(self, result):
        self.running, self.result = False, result
        self.finished.emit(result)

    def fail(self, sentence):
        self.running, self.error = False, sentence
        self.failed.emit(sentence)

    def wait(self):
        if self.error:
            raise UserError(self.error)
        return self.result


class FakeComparison:
    def __init__(self):
        self.modeChanged, self.mode, self.blinded, self.calls = Signal(), None, False, []
        self.plot = None

    def _show(self, mode, *what):
        self.calls.append((mode, *what))
        self.mode = mode
        self.modeChanged.emit()

    def registerLayouts(self):
        self.calls.append(("registerLayouts",))

    def visibleSlice(self, volume):
        return 2

    def showThree(self, before, after, difference, afterName=None):
        self._show("three", before, after, difference, afterName)

    def showWipe(self, before, after):
        self._show("wipe", before, after)

    def showOverlay(self, before, difference, opacity=0.4):
        self._show("overlay", before, difference)

    def showVariants(self, volumes, names, blinded=False, seed=None):
        self.blinded = blinded
        self.names = list(names)
        self._show("variants", list(volumes), list(names), blinded)

    def reveal(self):
        self.blinded = False
        return self.names

    def flip(self, original):
        self.calls.append(("flip", original))

    def setDifferenceWindow(self, halfWindow):
        self.calls.append(("window", halfWindow))

    def setPlot(self, chart):
        self.plot = chart

    def leave(self):
        if self.mode is not None:
            self._show(None)

    def picture(self):
        return np.zeros((20, 30, 3), np.uint8)


class FakeLogic:
    """Every call is kept in `calls` as (name, arguments, options); jobs are FakeJobs in `jobs`."""

    def __init__(self):
        self.comparison, self.calls, self.jobs, self.refusal = FakeComparison(), [], [], None

    def getParameterNode(self):
        from LDCTDenoisePanel.parameters import LDCTDenoiseParameterNode

        node = slicer.mrmlScene.GetSingletonNode("LDCTDenoise", "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.vtkMRMLScriptedModuleNode()
            node.SetSingletonTag("LDCTDenoise")
            node.SetAttribute("ModuleName", "LDCTDenoise")
            node = slicer.mrmlScene.AddNode(node)
        return LDCTDenoiseParameterNode(node)

    def _job(self, name, *arguments, **options):
        self.calls.append((name, arguments, options))
        if self.refusal:
            raise UserError(self.refusal)
        job = FakeJob(dict(RECORD, model=options.get("model", "rddm-balanced")))
        self.jobs.append(job)
        return job

    def denoise(self, *arguments, **options):
        return self._job("denoise", *arguments, **options)

    def previewSlice(self, *arguments, **options):
        return self._job("previewSlice", *arguments, **options)

    def compare(self, *arguments, **options):
        return self._job("compare", *arguments, **options)

    def measure(self, *arguments, **options):
        return self._job("measure", *arguments, **options)

    def report(self, *arguments, **options):
        return self._job("report", *arguments, **options)

    def exportDICOM(self, *arguments, **options):
        return self._job("exportDICOM", *arguments, **options)

    def denoiseFolder(self, *arguments, **options):
        return self._job("denoiseFolder", *arguments, **options)

    def findSeries(self, *arguments, **options):
        return self._job("findSeries", *arguments, **options)

    def exportFigures(self, table, file):
        self.calls.append(("exportFigures", (table, file), {}))

    def importWeights(self, *arguments, **options):
        return self._job("importWeights", *arguments, **options)

    def difference(self, before, after):
        from LDCTDenoisePanel.views.difference import makeDifference

        self.calls.append(("difference", (before, after), {}))
        return makeDifference(before, after)

    def setStrength(self, output, strength):
        self.calls.append(("setStrength", (output, strength), {}))
        return True

    def state(self, waitForCompletion=False, callback=None):
        self.calls.append(("state", (), {}))
        self.answer = callback
        return FakeJob()

    def warm(self, *arguments, **options):
        self.calls.append(("warm", arguments, options))
        if self.refusal:
            raise UserError(self.refusal)

    def shutdown(self):
        self.calls.append(("shutdown", (), {}))

    def named(self, name):
        return [call for call in self.calls if call[0] == name]


class FakeDialogs:
    def __init__(self):
        self.path, self.copied, self.errors, self.answer, self.asked = "", None, [], True, []
        self.folders, self.shown = [], []  # folders: what openFolder answers, one after the other

    def confirm(self, text):
        self.asked.append(text)
        return self.answer

    def error(self, text):
        self.errors.append(text)

    def openFile(self, title, folder, kinds):
        return self.path

    def openFolder(self, title, folder):
        self.asked.append(title)
        return self.folders.pop(0) if self.folders else ""

    def show(self, path):
        self.shown.append(path)
        return True

    def saveFile(self, title, suggestion, kinds, ending):
        self.asked.append(suggestion)
        return self.path

    def copy(self, text):
        self.copied = text


class FakeStore:
    """A QSettings in memory."""

    def __init__(self):
        self.values = {}

    def value(self, key):
        return self.values.get(key)

    def setValue(self, key, value):
        self.values[key] = value

    def remove(self, key):
        self.values.pop(key, None)


_made = []  # panels of this test


def forgetPanels():
    """After a test: its panels look at the scene no more, or every later node would be told to all of them."""
    from PySide6.QtWidgets import QWidget
    from shiboken6 import isValid

    for uiWidget in [made for made in _made if isValid(made)]:
        for child in uiWidget.findChildren(QWidget):
            if hasattr(child, "setMRMLScene"):
                child.blockSignals(True)
                child.setMRMLScene(None)
    _made.clear()


def makePanel(methods=METHODS, setup=None):
    """(ui, panel, logic): the real .ui with everything behind it made up."""
    from pathlib import Path

    from LDCTDenoisePanel.settings import MachineSettings
    from LDCTDenoisePanel.widget.panel import Panel
    from LDCTDenoisePanel.widget.session import Session

    root = Path(__file__).resolve().parents[2]
    uiWidget = slicer.util.loadUI(str(root / UI_FILE))
    ui = slicer.util.childWidgetVariables(uiWidget)
    uiWidget.setMRMLScene(slicer.mrmlScene)
    _made.append(uiWidget)
    logic, dialogs, settings = FakeLogic(), FakeDialogs(), MachineSettings(FakeStore())
    state = setup or SetupState(
        torch="2.9.1+cpu", scikitImage="0.26", matplotlib="3.11", devices=(("cpu", "Processor, 2 cores"),)
    )
    session = Session(logic, settings, dialogs, lambda: state, lambda: Catalogue(methods))
    panel = Panel(uiWidget, ui, logic, settings=settings, dialogs=dialogs, session=session)
    return ui, panel, logic


def makeVolume(name="CT", shape=(5, 32, 40), seed=0):
    """A CT of noise in air with a warm block in the middle: int16, tilted a little."""
    voxels = np.random.default_rng(seed).normal(-1000, 20, shape)
    voxels[:, 8:24, 8:24] += 1040
    volume = slicer.util.addVolumeFromArray(np.rint(voxels).astype(np.int16), name=name)
    turned = vtk.vtkMatrix4x4()
    for i, row in enumerate([(-0.64, 0.48, 0), (-0.48, -0.64, 0), (0, 0, 2.0)]):
        for j, value in enumerate(row):
            turned.SetElement(i, j, value)
    volume.SetIJKToRASMatrix(turned)
    volume.CreateDefaultDisplayNodes()
    return volume


def makeResult(source, model="rddm-balanced", name=None, strength="1", seed="0"):
    """What P's results look like: a node with its record, which refers to its source."""
    result = slicer.util.addVolumeFromArray((slicer.util.arrayFromVolume(source) * 0.9).astype(np.int16))
    matrix = vtk.vtkMatrix4x4()
    source.GetIJKToRASMatrix(matrix)
    result.SetIJKToRASMatrix(matrix)
    result.SetName(name or f"{source.GetName()} {model}")
    for key, value in (("model", model), ("strength", strength), ("seed", seed), ("record", '{"model": "x"}')):
        result.SetAttribute(f"LDCTDenoise.{key}", value)
    result.SetNodeReferenceID("LDCTDenoise.source", source.GetID())
    result.CreateDefaultDisplayNodes()
    return result
