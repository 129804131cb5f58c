"""The form itself: tooltips, width, names, texts; and the sources behind it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import slicer
from widget_fakes import makePanel, makeResult, makeVolume

MODULE = Path(__file__).resolve().parents[2] / "LDCTDenoise"
FORM = ElementTree.parse(MODULE / "Resources" / "UI" / "LDCTDenoise.ui").getroot()
WIDGETS = {widget.get("name"): widget for widget in FORM.iter("widget")}
SOURCES = [MODULE / "LDCTDenoise.py", *sorted((MODULE / "LDCTDenoisePanel").rglob("*.py"))]
OURS = [path for path in SOURCES if path.parent.name == "widget"]
INPUTS = {
    "qMRMLNodeComboBox", "QCheckBox", "QComboBox", "QPushButton", "ctkSliderWidget", "QSpinBox", "QListWidget",
    "qMRMLTableView", "ctkDirectoryButton", "ctkPathLineEdit", "QTableWidget", "QPlainTextEdit", "QProgressBar",
}  # fmt: skip


def text(name, key):
    found = WIDGETS[name].find(f"property[@name='{key}']/string")
    return (found.text or "") if found is not None else ""


def test_every_input_has_a_tooltip_that_is_a_sentence():
    inputs = [name for name, widget in WIDGETS.items() if widget.get("class") in INPUTS]
    assert len(inputs) > 30
    assert [name for name in inputs if not text(name, "toolTip").endswith(".")] == []


def test_every_section_that_users_look_for_is_there():
    titles = [text(name, "text") for name, widget in WIDGETS.items() if widget.get("class") == "ctkCollapsibleButton"]
    assert [t for t in titles if t not in ("Several methods at once", "Regions and profile")] == [
        "Inputs", "Method", "Compare", "Measure", "Export", "Batch", "Advanced",
    ]  # fmt: skip


def test_no_two_widgets_share_a_name_and_none_is_nameless():
    names = [widget.get("name") for widget in FORM.iter("widget")]
    assert len(names) == len(set(names)) and all(names)


def test_every_named_widget_is_used_by_the_code_and_the_code_names_no_other():
    code = "\n".join(path.read_text(encoding="utf-8") for path in OURS)
    used = set(re.findall(r"\b_?ui\.(\w+)", code)) | set(re.findall(r'"(\w+Button)"', code))
    decoration = {name for name in WIDGETS if name.endswith("Label") and name[: -len("Label")] in WIDGETS}
    byParameterNode = {
        name for name, w in WIDGETS.items() if w.find("property[@name='SlicerParameterName']") is not None
    }
    sections = {
        name for name, widget in WIDGETS.items() if widget.get("class") in ("ctkCollapsibleButton", "qMRMLWidget")
    }
    assert used <= set(WIDGETS)
    assert set(WIDGETS) - used - decoration - byParameterNode - sections == set()


def test_bound_widgets_name_parameters_that_exist(host):
    from LDCTDenoisePanel.parameters import LDCTDenoiseParameterNode

    bound = [e.find("string").text for e in FORM.iter("property") if e.get("name") == "SlicerParameterName"]
    assert len(bound) == len(set(bound)) == 10
    assert set(bound) <= set(LDCTDenoiseParameterNode.allParameters)


def test_texts_that_force_the_width_are_short():
    for name, widget in WIDGETS.items():
        if widget.get("class") == "QCheckBox":
            assert len(text(name, "text")) <= 35, name
        if widget.get("class") in ("QComboBox", "qMRMLNodeComboBox"):
            assert widget.find("property[@name='sizeAdjustPolicy']") is not None, name


def test_the_panel_fits_a_narrow_window_with_everything_open(host, scene):
    ui, panel, _logic = makePanel()
    volume = makeVolume("A volume whose name is very long indeed, as those of DICOM series are, 1.25 mm B30f axial")
    makeResult(volume)
    host.app.mainWindow().modulePanel().showModule(panel._uiWidget)
    panel.enter()
    for name in WIDGETS:
        if name.endswith("Section"):
            getattr(ui, name).collapsed = False
    panel.session.complain("A sentence that is long enough to need several lines in a panel as narrow as this one is.")
    panel.session.say("Another such sentence, about /a/path/without/a/single/blank/that/could/be/broken/file.nrrd")
    host.settle()
    width = panel._uiWidget.minimumSizeHint.width()
    panel.cleanup()
    assert width <= 288


# sources


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 300


def calls(path):
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_translated_texts_are_plain_strings(path):
    for call in calls(path):
        if isinstance(call.func, ast.Name) and call.func.id == "_":
            assert isinstance(call.args[0], ast.Constant), f"line {call.lineno}"


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_texts_that_a_user_sees_are_translated(path):
    """No plain string with a blank in it is given to a text or a tooltip."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and any(getattr(t, "attr", "") in ("text", "toolTip") for t in node.targets):
            plain = [c.value for c in ast.walk(node.value) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
            within = [
                c.value
                for call in ast.walk(node.value)
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "_"
                for c in call.args
            ]
            assert [p for p in plain if " " in p.strip() and p not in within] == [], f"line {node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_only_what_slicer_ships_is_imported_at_file_scope(path):
    allowed = set(sys.stdlib_module_names) | {"slicer", "vtk", "qt", "ctk", "numpy", "LDCTDenoisePanel"}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        assert {name.split(".")[0] for name in names} <= allowed, f"line {node.lineno}"


def test_the_front_door_opens_quickly_and_without_torch():
    code = (
        "import sys, time\n"
        f"sys.path[:0] = [{str(MODULE.parent)!r}, {str(MODULE)!r}]\n"
        "from Testing.host import start\n"
        "start()\n"
        "began = time.process_time()\n"
        "import LDCTDenoise\n"
        "print(time.process_time() - began)\n"
        "print([m for m in ('torch', 'SimpleITK', 'skimage', 'scipy', 'pydicom') if m in sys.modules])\n"
        "print([m for m in sys.modules if m.startswith('LDCTDenoisePanel.widget')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seconds, heavy, widgets = done.stdout.strip().splitlines()[-3:]
    assert float(seconds) < 0.3
    assert heavy == "[]" and widgets == "[]"


def test_nothing_heavy_is_imported_by_the_panel_into_slicer(host, scene):
    before = set(sys.modules)
    _ui, panel, _logic = makePanel()
    panel.enter()
    panel.cleanup()
    new = {name.split(".")[0] for name in set(sys.modules) - before}
    assert new & {"torch", "skimage", "SimpleITK", "scipy", "pydicom"} == set()


def test_the_ui_file_loads_without_a_word(host, scene, capfd):
    slicer.util.loadUI(str(MODULE / "Resources" / "UI" / "LDCTDenoise.ui")).deleteLater()
    told = [line for line in capfd.readouterr().err.splitlines() if "InteractionNode" not in line]
    assert told == []
