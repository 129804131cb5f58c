"""What a documentation picture shows: each scenario is a small function that does by click what a reader would do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SCENARIOS: dict[str, Callable] = {}
RUN_SECONDS = 600  # a run on a slow machine
BRAIN_WINDOW = (120, 40)  # width and level in HU


def scenario(function):
    """Decorator: the function's name is the scenario's. It gets a Stage and may return the widget to be pictured."""
    SCENARIOS[function.__name__] = function
    return function


@dataclass
class Stage:
    """The open panel with its input chosen. ``reference`` is None for a volume of the user's own."""

    host: object
    widget: object
    volume: object
    reference: object
    model: str | None = None

    @property
    def ui(self):
        return self.widget.ui

    def click(self, name):
        self.host.click(getattr(self.ui, name))
        self.host.settle()

    def open(self, *sections):
        """Open these sections of the panel and close the others, so that what matters is seen without scrolling."""
        for name in ("inputs", "method", "compare", "measure", "export", "batch", "advanced"):
            section = getattr(self.ui, f"{name}Section", None)
            if section is not None:
                section.collapsed = name not in sections
        self.host.settle()

    def zoom(self, notches):
        """Ctrl+wheel in the middle of the first view; linked views follow."""
        views = self.host.app.layoutManager().shownSliceViewNames()
        self.host.view(views[0]).wheel(notches, ctrl=True)
        self.host.settle()

    def denoise(self):
        """Press Denoise and wait for the result; an error line of the panel ends the picture."""
        if self.model:
            combo = self.ui.methodCombo
            index = combo.findData(self.model)
            if index < 0:
                raise SystemExit(f"The panel has no method {self.model}.")
            combo.setCurrentIndex(index)
        self.click("denoiseButton")
        self.wait()

    def wait(self):
        if not self.host.waitUntil(lambda: self.widget.panel.session.job is None, RUN_SECONDS):
            raise SystemExit(f"Nothing after {RUN_SECONDS} s.")
        self.host.settle()
        if self.ui.errorLabel.isVisible():
            raise SystemExit(self.ui.errorLabel.text)


@scenario
def panel(stage):
    """The module as it opens, with a volume chosen."""
    stage.open("inputs", "method", "compare")


@scenario
def three(stage):
    """Original, denoised and difference side by side."""
    stage.denoise()
    stage.open("inputs", "method", "compare")
    stage.zoom(1)


@scenario
def wipe(stage):
    stage.denoise()
    stage.open("inputs", "method", "compare")
    stage.click("wipeButton")


@scenario
def overlay(stage):
    stage.denoise()
    stage.open("inputs", "method", "compare")
    stage.click("overlayButton")


@scenario
def variants(stage, ids=("", "rddm-balanced", "nlm", "tv", "bilateral", "gaussian")):
    """The original and several methods in a grid."""
    import qt

    stage.open("inputs", "compare")
    stage.ui.variantsSection.collapsed = False
    rows = [stage.ui.variantsList.item(row) for row in range(stage.ui.variantsList.count)]
    for item in rows:
        item.setCheckState(qt.Qt.Checked if item.data(qt.Qt.UserRole) in ids else qt.Qt.Unchecked)
    stage.click("variantsButton")
    stage.wait()


@scenario
def perception(stage):
    """What dose and anatomy the input looks like to a model that is here."""
    stage.open("inputs", "method")
    if not stage.ui.perceiveButton.isVisible():
        raise SystemExit("There is no model here that perceives dose and anatomy.")
    stage.click("perceiveButton")
    section = stage.widget.panel.perception
    if not stage.host.waitUntil(lambda: not section.isBusy, RUN_SECONDS):
        raise SystemExit(f"Nothing after {RUN_SECONDS} s.")
    stage.host.settle()


@scenario
def measure(stage):
    """The figures before and after, and the noise power spectrum below the views."""
    three(stage)
    stage.open("measure")
    stage.click("measureButton")
    stage.wait()
    _plot(stage, "nps")


@scenario
def regions(stage):
    """Two regions and a line that are measured while they are dragged, with the profile along the line."""
    three(stage)
    stage.open("measure")
    stage.ui.regionsSection.collapsed = False
    stage.host.settle()
    for name in ("drawAButton", "drawBButton", "drawLineButton"):
        stage.click(name)
    stage.host.waitUntil(lambda: stage.ui.plotCombo.findData("profile") >= 0, 10)
    _plot(stage, "profile")
    stage.host.waitUntil(lambda: False, 1)


@scenario
def export(stage):
    """What a result can be saved as."""
    three(stage)
    stage.open("method", "export")


@scenario
def batch(stage, methods=("gaussian", "median")):
    """A folder tree that was denoised, with what was left out and why."""
    import qt

    stage.open("batch")
    folder = Path(stage.host.app.temporaryPath)
    stage.ui.batchInputEdit.currentPath = str(small_tree(folder / "studies"))
    stage.ui.batchOutputEdit.currentPath = str(folder / "denoised")
    items = stage.ui.batchMethodsList
    for item in [items.item(row) for row in range(items.count)]:
        item.setCheckState(qt.Qt.Checked if item.data(qt.Qt.UserRole) in methods else qt.Qt.Unchecked)
    stage.host.settle()
    stage.click("batchButton")
    if not stage.host.waitUntil(lambda: not stage.widget.panel.batch.isBusy, RUN_SECONDS):
        raise SystemExit(f"Nothing after {RUN_SECONDS} s.")
    stage.ui.batchTable.selectRow(3)
    stage.host.settle()


def _plot(stage, key):
    """Choose a plot by its key, as by hand."""
    index = stage.ui.plotCombo.findData(key)
    if index < 0:
        raise SystemExit(f"There is no plot {key}.")
    stage.ui.plotCombo.setCurrentIndex(index)
    stage.ui.plotCombo.activated.emit(index)
    stage.host.settle()


def set_stage(host, volume_file=None, model=None) -> Stage:
    """Load a volume (default: the head CT of pydicom-data with a simulated low dose), open the panel, choose it."""
    import slicer.util

    reference = None
    if volume_file is None:
        with tempfile.TemporaryDirectory() as folder:
            normal, low = head_ct(Path(folder))
            reference = slicer.util.loadVolume(normal, {"show": False})
            volume = slicer.util.loadVolume(low)
        for node in (volume, reference):
            node.GetDisplayNode().AutoWindowLevelOff()
            node.GetDisplayNode().SetWindowLevel(*BRAIN_WINDOW)
    else:
        volume = slicer.util.loadVolume(str(volume_file))
    slicer.util.setSliceViewerLayers(background=volume, fit=True, rotateToVolumePlane=True)
    host.loadModule(Path(__file__).resolve().parents[2] / "LDCTDenoise" / "LDCTDenoise.py")
    widget = host.openModule("LDCTDenoise")
    host.settle()
    widget.ui.inputSelector.setCurrentNode(volume)
    widget.ui.referenceSelector.setCurrentNode(reference)
    host.waitUntil(lambda: widget.ui.denoiseButton.enabled, 60)
    return Stage(host, widget, volume, reference, model)


def small_tree(folder: Path) -> Path:
    """A folder of studies made of the demo's head CT: three series, one with a gap, a localizer and a letter."""
    import pydicom
    from LDCTDenoiseLib.commands.demo import FILE
    from pydicom.data import get_testdata_file
    from pydicom.uid import generate_uid

    def save(study, number, heights, **tags):
        place = folder / study / f"series {number}"
        place.mkdir(parents=True, exist_ok=True)
        series = generate_uid()
        for instance, height in enumerate(heights, start=1):
            image = pydicom.dcmread(get_testdata_file(FILE))
            x, y, _z = image.ImagePositionPatient
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            image.SeriesInstanceUID, image.SeriesNumber, image.InstanceNumber = series, number, instance
            image.ImagePositionPatient = [x, y, height]
            for name, value in tags.items():
                setattr(image, name, value)
            image.save_as(place / f"{instance:03d}.dcm")

    save("study A", 2, range(0, 40, 5))
    save("study A", 1, [0], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    save("study B", 2, range(0, 60, 5))
    save("study B", 3, [0, 5, 10, 20, 25, 30])
    (folder / "study B" / "letter.txt").write_text("")
    return folder


def head_ct(folder: Path) -> tuple[str, str]:
    """Files of the demo's head CT: (normal dose, simulated low dose), as `ldct-denoise demo` makes them."""
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "LDCTDenoise"))
    from LDCTDenoiseLib import write_volume
    from LDCTDenoiseLib.commands.demo import DOSE, SEED, read_head_ct
    from LDCTDenoiseLib.simulation.calibration import calibrated_scanner
    from LDCTDenoiseLib.simulation.low_dose import simulate_low_dose

    normal = read_head_ct()
    low = simulate_low_dose(normal, DOSE, seed=SEED, scanner=calibrated_scanner(normal))
    files = [folder / "HeadCT normal dose.nrrd", folder / "HeadCT low dose.nrrd"]
    for volume, file in zip((normal, low), files, strict=True):
        write_volume(volume, file)
    return tuple(map(str, files))
