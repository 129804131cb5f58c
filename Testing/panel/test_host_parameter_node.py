"""slicer.parameterNodeWrapper in the tests' Slicer; the same holds with Slicer's own files (SLICER_BASE_PYTHON)."""

from __future__ import annotations

import enum
import pathlib
from typing import Annotated, Optional

import ctk
import pytest
import qt
import slicer
import slicer.util
import vtk
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper


class Speed(enum.Enum):
    SLOW = 1
    FAST = 2

    def label(self):
        return self.name.title()


@parameterNodeWrapper
class Parameters:
    inputVolume: slicer.vtkMRMLScalarVolumeNode
    strength: Annotated[float, WithinRange(0, 1)] = 1.0
    seed: Annotated[int, WithinRange(0, 100), Default(7)]
    kind: Annotated[str, Choice(["a", "b"])] = "b"
    speed: Speed = Speed.FAST
    names: list[str]
    maybe: Optional[float]  # noqa: UP045  as modules write it
    plain: float = 2.5
    text: str = "x"
    flag: bool = True
    folder: pathlib.Path


@pytest.fixture
def node(scene):
    return scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "Parameters")


@pytest.fixture
def parameters(node):
    return Parameters(node)


@pytest.fixture
def events(node):
    heard = []
    node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: heard.append(1))
    return heard


def bound(widget, name):
    widget.setProperty("SlicerParameterName", name)
    return widget


def gui(**widgets):
    class Widgets:
        pass

    found = Widgets()
    for name, widget in widgets.items():
        setattr(found, name, bound(widget, name))
    return found


def test_fields_begin_with_their_defaults(parameters):
    assert parameters.inputVolume is None
    assert (parameters.strength, parameters.seed, parameters.kind, parameters.plain) == (1.0, 7, "b", 2.5)
    assert parameters.speed is Speed.FAST
    assert list(parameters.names) == []
    assert parameters.maybe is None
    assert parameters.flag is True


def test_values_are_kept_in_the_node_as_slicer_writes_them(parameters, node, ct):
    volume = ct.volume()
    parameters.inputVolume = volume
    parameters.strength = 0.5
    parameters.flag = False
    parameters.speed = Speed.SLOW
    parameters.names = ["nlm", "tv"]
    assert node.GetNodeReferenceID("inputVolume") == volume.GetID()
    assert node.GetParameter("strength") == "0.5"
    assert node.GetParameter("flag") == "False"
    assert node.GetParameter("speed") == "SLOW"
    assert [node.GetParameter(f"names.{key}") for key in ("len", "0", "1")] == ["2", "nlm", "tv"]


def test_a_second_wrapper_reads_what_the_first_one_wrote(parameters, node, ct):
    parameters.inputVolume, parameters.maybe, parameters.folder = ct.volume(), 3.5, pathlib.Path("/a/b")
    other = Parameters(node)
    assert (other.inputVolume, other.maybe, other.folder) == (parameters.inputVolume, 3.5, pathlib.Path("/a/b"))


def test_a_value_out_of_range_is_refused_and_a_stored_one_is_read_without_complaint(parameters, node):
    with pytest.raises(ValueError, match="range"):
        parameters.strength = 1.5
    assert parameters.strength == 1.0
    node.SetParameter("strength", "7.5")
    assert parameters.strength == 7.5
    assert Parameters(node).strength == 7.5


def test_wrong_types_are_refused(parameters):
    for name, value in (("seed", "3"), ("flag", 1), ("text", 5), ("strength", None)):
        with pytest.raises((TypeError, ValueError)):
            setattr(parameters, name, value)


def test_an_unknown_stored_enum_name_is_reported_and_keeps_the_last_value(parameters, node, host):
    node.SetParameter("speed", "WARP")
    assert parameters.speed is Speed.FAST
    assert any(isinstance(error, ValueError) for error in host.clearErrors())
    node.SetParameter("speed", "SLOW")
    assert parameters.speed is Speed.SLOW


def test_setting_raises_one_event_the_same_value_none_and_three_together_one(parameters, events):
    parameters.strength = 0.4
    assert len(events) == 1
    parameters.strength = 0.4
    assert len(events) == 1
    with slicer.util.NodeModify(parameters):
        parameters.strength, parameters.seed, parameters.text = 0.1, 3, "y"
    assert len(events) == 2


def test_appending_to_a_list_is_stored_and_raises_the_event(parameters, node, events):
    parameters.names.append("nlm")
    assert node.GetParameter("names.len") == "1"
    assert events


def test_the_wrapper_of_a_cleared_scene_can_still_be_used(parameters):
    slicer.mrmlScene.Clear(0)
    parameters.strength = 0.3
    assert parameters.strength == 0.3


def test_widgets_follow_the_node_and_the_node_follows_the_widgets(parameters):
    widgets = gui(strength=ctk.ctkSliderWidget(), flag=qt.QCheckBox(), text=qt.QLineEdit(), speed=qt.QComboBox(),
                  kind=qt.QComboBox(), seed=qt.QSpinBox(), plain=qt.QDoubleSpinBox())  # fmt: skip
    tag = parameters.connectGui(widgets)
    assert (widgets.strength.minimum, widgets.strength.maximum, widgets.strength.value) == (0, 1, 1)
    assert [widgets.speed.itemText(i) for i in range(2)] == ["Slow", "Fast"]
    assert widgets.kind.currentText == "b"
    widgets.strength.value = 0.25
    widgets.flag.checked = False
    widgets.speed.setCurrentIndex(0)
    widgets.seed.value = 9
    assert (parameters.strength, parameters.flag, parameters.speed, parameters.seed) == (0.25, False, Speed.SLOW, 9)
    parameters.text, parameters.plain, parameters.kind = "hello", -4.5, "a"
    assert (widgets.text.text, widgets.plain.value, widgets.kind.currentText) == ("hello", -4.5, "a")
    parameters.disconnectGui(tag)
    widgets.text.text = "alone"
    parameters.strength = 0.75
    assert parameters.text == "hello"
    assert widgets.strength.value == 0.25


def test_a_widget_that_rounds_does_not_change_the_stored_value(parameters):
    box = qt.QDoubleSpinBox()
    box.decimals = 1
    tag = parameters.connectGui(gui(plain=box))
    parameters.plain = 0.123
    assert (box.value, parameters.plain) == (0.1, 0.123)
    parameters.disconnectGui(tag)


def test_a_node_selector_shows_and_sets_its_node(parameters, ct):
    volume, other = ct.volume("One"), ct.volume("Two")
    selector = slicer.qMRMLNodeComboBox()
    selector.noneEnabled = True
    selector.setMRMLScene(slicer.mrmlScene)
    parameters.inputVolume = volume
    tag = parameters.connectGui(gui(inputVolume=selector))
    assert selector.currentNode() is volume
    selector.setCurrentNode(other)
    assert parameters.inputVolume is other
    parameters.inputVolume = None
    assert selector.currentNode() is None
    parameters.disconnectGui(tag)
    selector.setMRMLScene(None)


def test_widgets_are_found_below_a_parent(parameters):
    parent = qt.QWidget()
    box = bound(qt.QCheckBox(parent), "flag")
    tag = parameters.connectGui(parent)
    box.checked = False
    assert parameters.flag is False
    parameters.disconnectGui(tag)


@pytest.mark.parametrize(
    ("name", "widget"),
    [
        ("strength", lambda: qt.QSlider()),
        ("plain", lambda: ctk.ctkSliderWidget()),
        ("maybe", lambda: qt.QDoubleSpinBox()),
        ("names", lambda: qt.QListWidget()),
        ("text", lambda: qt.QPlainTextEdit()),
        ("flag", lambda: qt.QRadioButton()),
        ("flag", lambda: ctk.ctkCollapsibleButton()),
    ],
)
def test_what_slicer_cannot_connect_is_an_error(parameters, name, widget):
    with pytest.raises(RuntimeError, match=r"[Uu]nable to create GUI connector|unbounded|[Cc]onnect"):
        parameters.connectGui(gui(**{name: widget()}))


def test_an_unknown_parameter_name_is_an_error(parameters):
    with pytest.raises(ValueError):
        parameters.connectGui(gui(strenght=qt.QCheckBox()))


def test_a_bundle_restores_every_field(parameters, ct, tmp_path):
    parameters.inputVolume = ct.volume("CT")
    parameters.strength, parameters.speed, parameters.names, parameters.maybe = 0.5, Speed.SLOW, ["a", "b"], None
    slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    loaded = Parameters(slicer.util.getNode("Parameters"))
    assert loaded.inputVolume is slicer.util.getNode("CT")
    assert (loaded.strength, loaded.speed, list(loaded.names), loaded.maybe) == (0.5, Speed.SLOW, ["a", "b"], None)
