"""Slicer's own parameterNodeWrapper can be bound to the tests' widgets (only with SLICER_BASE_PYTHON)."""

import enum
import os
import pathlib
from typing import Annotated

import ctk
import pytest
import qt
import slicer

if not os.environ.get("SLICER_BASE_PYTHON"):
    pytest.skip("SLICER_BASE_PYTHON does not name a Slicer checkout", allow_module_level=True)

from slicer.parameterNodeWrapper import Default, FloatRange, RangeBounds, WithinRange, parameterNodeWrapper


class Device(enum.Enum):
    CPU = 1
    GPU = 2


@parameterNodeWrapper
class Parameters:
    volume: slicer.vtkMRMLScalarVolumeNode
    strength: Annotated[float, WithinRange(0, 1)] = 1.0
    window: float = 100.0
    seed: Annotated[int, WithinRange(0, 1000)] = 7
    draws: Annotated[int, WithinRange(1, 32)] = 1
    level: Annotated[FloatRange, RangeBounds(-1000, 1000), Default(FloatRange(0, 10))]
    blinded: bool = False
    whole: bool = True
    name: str = "a"
    note: str = "b"
    folder: pathlib.Path = pathlib.Path("/a")
    weights: pathlib.Path = pathlib.Path("/b")
    device: Device = Device.CPU


@pytest.fixture
def widgets():
    parent = qt.QWidget()
    made = {
        "volume": slicer.qMRMLNodeComboBox(parent),
        "strength": ctk.ctkSliderWidget(parent),
        "window": ctk.ctkDoubleSpinBox(parent),
        "seed": qt.QSpinBox(parent),
        "draws": slicer.qMRMLSliderWidget(parent),
        "level": ctk.ctkRangeWidget(parent),
        "blinded": qt.QCheckBox(parent),
        "whole": qt.QPushButton(parent),
        "name": qt.QLineEdit(parent),
        "note": qt.QTextEdit(parent),
        "folder": ctk.ctkDirectoryButton(parent),
        "weights": ctk.ctkPathLineEdit(parent),
        "device": ctk.ctkComboBox(parent),
    }
    made["whole"].checkable = True
    for name, widget in made.items():
        widget.setProperty("SlicerParameterName", name)
    made["volume"].nodeTypes = ["vtkMRMLScalarVolumeNode"]
    made["volume"].noneEnabled = True
    made["parent"] = parent
    return made


def test_every_widget_binds_in_both_directions(scene, widgets, tmp_path):
    parameters = Parameters(scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    widgets["volume"].setMRMLScene(scene)
    tag = parameters.connectGui(widgets["parent"])
    assert widgets["strength"].value == 1.0 and widgets["seed"].value == 7 and widgets["whole"].checked

    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    parameters.volume, parameters.strength, parameters.device = volume, 0.4, Device.GPU
    parameters.level, parameters.name, parameters.note = FloatRange(-160, 240), "x", "y"
    assert widgets["volume"].currentNode() is volume and widgets["strength"].value == 0.4
    assert widgets["device"].currentText == "GPU" and widgets["level"].minimumValue == -160
    assert (widgets["name"].text, widgets["note"].plainText) == ("x", "y")

    widgets["volume"].setCurrentNode(None)
    widgets["strength"].value, widgets["window"].value, widgets["seed"].value = 0.7, 50, 9
    widgets["draws"].value, widgets["blinded"].checked, widgets["whole"].checked = 4, True, False
    widgets["level"].setValues(-10, 10)
    widgets["name"].text, widgets["note"].plainText = "long", "longer"
    widgets["folder"].directory, widgets["weights"].currentPath = str(tmp_path), "/w.pth"
    widgets["device"].currentIndex = 0
    assert parameters.volume is None and parameters.strength == 0.7 and parameters.window == 50
    assert (parameters.seed, parameters.draws, parameters.blinded, parameters.whole) == (9, 4, True, False)
    assert (parameters.level.minimum, parameters.name, parameters.note) == (-10, "long", "longer")
    assert (parameters.folder, str(parameters.weights)) == (tmp_path, "/w.pth") and parameters.device is Device.CPU

    parameters.disconnectGui(tag)
    widgets["strength"].value = 0.1
    assert parameters.strength == 0.7
    widgets["volume"].setMRMLScene(None)


@pytest.mark.parametrize("make", [ctk.ctkCollapsibleButton, qt.QPlainTextEdit, qt.QListWidget, qt.QSlider])
def test_what_cannot_be_bound_in_slicer_cannot_be_bound_here(scene, make):
    parent = qt.QWidget()
    make(parent).setProperty("SlicerParameterName", "window")
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        Parameters(scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")).connectGui(parent)
