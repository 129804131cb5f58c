"""The tests' CTK widgets keep, fold and tell their values as the real ones do."""

import ctk
import qt


def test_a_section_folds_and_keeps_its_owner_in_charge_of_the_children(host):
    section = ctk.ctkCollapsibleButton()
    section.text = "Advanced"
    layout, kept, hidden, late = qt.QVBoxLayout(section), qt.QLabel("a"), qt.QLabel("b"), qt.QLabel("c")
    for label in (kept, hidden, late):
        layout.addWidget(label)
    section.show()
    hidden.visible = False
    folded = []
    section.connect("contentsCollapsed(bool)", folded.append)
    section.collapsed = True
    late.visible = True  # waits until the section is opened
    assert not kept.visible and not late.visible and section.checked is False
    section.checked = True
    assert kept.visible and late.visible and not hidden.visible
    assert folded == [True, False]
    section.hide()


def test_a_section_is_as_wide_as_its_text():
    section = ctk.ctkCollapsibleButton("short")
    narrow = section.minimumSizeHint.width()
    section.text = "a much longer text than before, which cannot be cut"
    assert section.minimumSizeHint.width() > narrow + 100
    outer = qt.QWidget()
    qt.QVBoxLayout(outer).addWidget(section)
    assert outer.minimumSizeHint.width() > narrow + 100


def test_a_slider_widget_keeps_its_value_exactly_and_inside_its_range():
    slider, seen = ctk.ctkSliderWidget(), []
    slider.connect("valueChanged(double)", seen.append)
    slider.maximum, slider.singleStep, slider.decimals = 1, 0.01, 2
    slider.value = 0.12345
    slider.setValue(7)
    slider.value = 1
    assert seen == [0.12345, 1.0] and slider.value == 1.0
    slider.maximum = 0.5
    assert slider.value == 0.5


def test_a_slider_without_tracking_tells_its_value_when_it_is_released(host):
    slider, seen = ctk.ctkSliderWidget(), []
    slider.tracking = False
    slider.connect("valueChanged(double)", lambda value: seen.append(("end", value)))
    slider.connect("valueIsChanging(double)", lambda value: seen.append(("moving", value)))
    handle = slider.findChild(qt.QSlider)
    for kind, held in ((qt.QEvent.MouseButtonPress, qt.Qt.LeftButton), (qt.QEvent.MouseButtonRelease, qt.Qt.NoButton)):
        place = qt.QPointF(-5, -5)
        mouse = qt.QMouseEvent(kind, place, place, qt.Qt.LeftButton, held, qt.Qt.NoModifier)
        qt.QCoreApplication.sendEvent(handle, mouse)
        if kind == qt.QEvent.MouseButtonPress:
            before = slider.value
            handle.value = 5000
            assert slider.value == before
    assert [kind for kind, _ in seen] == ["moving", "end"] and slider.value == seen[-1][1] > before


def test_a_path_line_and_a_directory_button_tell_of_changes(tmp_path):
    line, button, seen = ctk.ctkPathLineEdit(), ctk.ctkDirectoryButton(), []
    line.filters = ctk.ctkPathLineEdit.Files | ctk.ctkPathLineEdit.Readable
    line.settingKey = "LDCTDenoise/testPath"
    line.connect("currentPathChanged(QString)", seen.append)
    line.currentPath = "/a/b.pth"
    line.addCurrentPathToHistory()
    button.connect("directoryChanged(QString)", seen.append)
    button.directory = str(tmp_path)
    button.directory = str(tmp_path)
    assert seen == ["/a/b.pth", str(tmp_path)] and qt.QSettings().value("LDCTDenoise/testPath") is not None


def test_a_range_widget_sorts_and_clamps_its_values():
    window, seen = ctk.ctkRangeWidget(), []
    window.setRange(-100, 100)
    window.connect("valuesChanged(double,double)", lambda low, high: seen.append((low, high)))
    window.setValues(50, -500)
    assert seen == [(-100.0, 50.0)] and (window.minimumValue, window.maximumValue) == (-100, 50)
