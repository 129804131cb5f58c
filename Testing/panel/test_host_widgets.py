"""The tests' `qt` and `ctk` behave like Slicer's PythonQt: attributes, signals, timers, processes, dialogs."""

import sys
from pathlib import Path

import ctk
import numpy as np
import pytest
import qt

from Testing.host import errors, qt_dialogs


@pytest.fixture
def taken():
    """The errors that the host has collected, as text, and forgotten."""
    return lambda: [f"{type(error).__name__}: {error}" for error in errors.take()]


@pytest.fixture(autouse=True)
def no_dialog_is_left():
    qt_dialogs.reset()
    yield
    qt_dialogs.reset()


# attributes
def test_properties_are_attributes_and_methods_stay_methods():
    button = qt.QPushButton("Denoise")
    assert button.text == "Denoise" and button.enabled is True and button.isEnabled() is True
    button.enabled, button.toolTip = False, "No input"
    assert button.isEnabled() is False and button.toolTip == "No input"
    assert isinstance(button.minimumSizeHint.width(), int) and button.className() == "QPushButton"
    with pytest.raises(TypeError):
        button.text()


def test_an_unknown_attribute_is_neither_read_nor_written():
    for thing in (qt.QLabel(), qt.QTimer(), ctk.ctkSliderWidget(), qt.QFont(), qt.QListWidgetItem()):
        with pytest.raises(AttributeError):
            thing.valeu  # noqa: B018
        with pytest.raises(AttributeError):
            thing.valeu = 1


def test_a_method_or_signal_cannot_be_overwritten_and_a_getter_cannot_be_set():
    combo = qt.QComboBox()
    for name in ("currentIndexChanged", "addItem", "count"):
        with pytest.raises(AttributeError):
            setattr(combo, name, 1)


def test_a_class_written_in_python_takes_new_attributes():
    class Filter(qt.QObject):
        def __init__(self):
            qt.QObject.__init__(self)
            self.count = 3

    filter_ = Filter()
    filter_.other = 4
    assert (filter_.count, filter_.other) == (3, 4)


def test_values_written_to_properties_are_converted_as_pythonqt_does():
    spin, label, box = qt.QSpinBox(), qt.QLabel(), qt.QCheckBox()
    spin.maximum = np.float32(50)
    spin.value = 1.7
    assert spin.value == 1
    label.text = 5
    assert label.text == "5"
    label.text = None
    assert label.text == ""
    box.checked = np.bool_(True)
    assert box.checked is True


def test_enums_compare_with_numbers_and_can_be_combined():
    assert qt.Qt.AlignLeft | qt.Qt.AlignTop == 33
    assert qt.QSizePolicy.Ignored == qt.QSizePolicy.Policy.Ignored == 13
    label = qt.QLabel()
    label.alignment = 2
    assert label.alignment == qt.Qt.AlignRight


def test_a_timer_has_the_property_and_the_class_has_the_function(host):
    called = []
    qt.QTimer.singleShot(0, lambda: called.append(1))
    timer = qt.QTimer()
    timer.singleShot = True
    assert timer.singleShot is True
    assert host.waitUntil(lambda: called == [1], 2)


def test_dynamic_properties_and_children_are_attributes():
    form = qt.QWidget()
    label = qt.QLabel(form)
    label.objectName = "status"
    form.setProperty("SlicerParameterName", "strength")
    assert form.status is label and form.SlicerParameterName == "strength"


def test_what_is_newer_than_qt_5_is_not_there():
    assert not hasattr(qt.QFormLayout(), "setRowVisible")
    assert not hasattr(qt, "QRegExp2") and not hasattr(qt, "Signal")


def test_a_combo_box_item_has_data_a_tip_and_can_be_disabled():
    combo = qt.QComboBox()
    combo.addItem("NLM", "nlm")
    combo.setItemData(0, "a tip", qt.Qt.ToolTipRole)
    combo.model().item(0).setEnabled(False)
    assert combo.itemData(0) == "nlm" == combo.currentData and combo.itemData(0, qt.Qt.ToolTipRole) == "a tip"


# signals
def test_a_slot_gets_as_many_arguments_as_it_takes():
    button, seen = qt.QPushButton(), []

    class Owner:
        def none(self):
            seen.append("none")

        def one(self, checked):
            seen.append(("one", checked))

    owner = Owner()
    assert button.connect("clicked(bool)", owner.none) is True
    assert button.connect("clicked(bool)", owner.one)
    assert button.connect("clicked(bool)", lambda *given: seen.append(given))
    button.click()
    assert len(seen) == 3 and {"none", ("one", False), (False,)} == set(seen)


def test_a_default_value_of_a_slot_is_overwritten_by_the_signal():
    button, seen = qt.QPushButton(), []
    button.connect("clicked(bool)", lambda name="export": seen.append(name))
    button.connect("clicked()", lambda name="export": seen.append(name))
    button.click()
    assert sorted(seen, key=str) == [False, "export"]


@pytest.mark.parametrize("signature", ["clickd()", "clicked(int)", "clicked", "valueChanged(double)"])
def test_a_misspelt_signal_returns_false_and_is_a_host_error(signature, taken):
    assert qt.QPushButton().connect(signature, print) is False
    assert any(signature in error for error in taken())


def test_an_exception_in_a_slot_is_kept_and_the_other_slots_run(taken):
    button, seen = qt.QPushButton(), []
    button.connect("clicked()", lambda: 1 / 0)
    button.clicked.connect(lambda: [][0])
    button.connect("clicked()", lambda: seen.append(1))
    button.click()
    assert seen == [1]
    assert taken() == ["ZeroDivisionError: division by zero", "IndexError: list index out of range"]


def test_an_exception_in_an_observer_is_kept(taken):
    import vtk

    thing = vtk.vtkObject()
    thing.AddObserver("ModifiedEvent", lambda *_: {}["absent"])
    thing.Modified()
    assert taken() == ["KeyError: 'absent'"]


def test_a_disconnected_slot_is_not_called_and_let_go():
    import weakref

    class Owner:
        def slot(self):
            raise AssertionError("called")

    button, owner = qt.QPushButton(), Owner()
    button.connect("clicked()", owner.slot)
    assert button.disconnect("clicked()", owner.slot) is True
    assert button.disconnect("clicked()", owner.slot) is False
    button.click()
    gone = weakref.ref(owner)
    del owner
    assert gone() is None


def test_a_connected_bound_method_keeps_its_object_alive():
    seen = []

    class Owner:
        def slot(self):
            seen.append(1)

    button = qt.QPushButton()
    button.connect("clicked()", Owner().slot)
    button.click()
    assert seen == [1]


def test_a_repeating_timer_that_nobody_holds_never_fires(host):
    fired = []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: fired.append(1))
    timer.start(1)
    del timer
    assert not host.waitUntil(lambda: fired, 0.05)


def test_an_event_filter_written_in_python_sees_keys():
    class Keys(qt.QObject):
        def __init__(self):
            qt.QObject.__init__(self)
            self.seen = []

        def eventFilter(self, watched, event):
            if event.type() == qt.QEvent.KeyPress:
                self.seen.append(event.key() == qt.Qt.Key_Space)
                return True
            return False

    line, keys = qt.QLineEdit(), Keys()
    line.installEventFilter(keys)
    event = qt.QKeyEvent(qt.QEvent.KeyPress, qt.Qt.Key_Space, qt.Qt.NoModifier, " ")
    qt.QCoreApplication.sendEvent(line, event)
    assert keys.seen == [True] and line.text == ""


# processes, settings, dialogs
def test_a_process_tells_what_it_writes_and_how_it_ends(host):
    process, ended, written = qt.QProcess(), [], []
    process.connect("readyReadStandardOutput()", lambda: written.append(process.readAllStandardOutput().data()))
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ended.append((code, int(status))))
    process.start(sys.executable, ["-c", "import sys; print(input()); sys.exit(3)"])
    process.write(b"hello\n")
    assert host.waitUntil(lambda: ended, 20)
    assert ended == [(3, 0)] and b"".join(written).split() == [b"hello"]


def test_a_missing_program_is_an_error_and_never_finishes(host):
    process, failed = qt.QProcess(), []
    process.connect("errorOccurred(QProcess::ProcessError)", lambda error: failed.append(error == 0))
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: failed.append("finished"))
    process.start("/no/such/program", [])
    assert host.waitUntil(lambda: failed, 5) and failed == [True]


def test_a_dialog_returns_the_answer_that_was_laid_out(taken):
    qt_dialogs.answer("/a/weights.pth")
    qt_dialogs.answer(qt.QMessageBox.Yes)
    assert qt.QFileDialog.getOpenFileName(None, "Weights") == "/a/weights.pth"
    box = ctk.ctkMessageBox()
    box.text = "Install torch?"
    assert box.exec_() == qt.QMessageBox.Yes
    assert qt_dialogs.asked == [("QFileDialog.getOpenFileName", "Weights"), ("ctkMessageBox", "Install torch?")]
    assert taken() == []


def test_a_dialog_without_an_answer_is_a_host_error_and_does_not_wait(taken):
    assert qt.QFileDialog.getExistingDirectory(None, "Folder") == ""
    assert qt.QMessageBox.question(None, "Sure?", "Really?") == qt.QMessageBox.NoButton
    assert qt.QDialog().exec_() == 0
    assert [error.split(":")[0] for error in taken()] == ["UnansweredDialog"] * 3


def test_settings_are_not_the_users_own():
    settings = qt.QSettings()
    settings.setValue("LDCTDenoise/device", "cpu")
    settings.sync()
    assert Path(settings.fileName()).is_file() and Path.home() not in Path(settings.fileName()).parents
    assert qt.QSettings().value("LDCTDenoise/device") == "cpu"
    assert Path.home() not in Path(qt.QSettings("Somebody", "Else").fileName()).parents


def test_a_web_page_is_noted_and_not_opened():
    qt.QDesktopServices.openUrl(qt.QUrl("https://example.org/page"))
    assert qt_dialogs.opened == ["https://example.org/page"]
