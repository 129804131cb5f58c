"""Mouse, wheel, keys and linking in the tests' Slicer: Slicer's own interaction code does the work."""

from __future__ import annotations

import pytest
import qt
import slicer
import slicer.util
from test_host_application import show, three  # noqa: F401


@pytest.fixture
def shown(ct, three):  # noqa: F811
    volume = ct.volume(shape=(20, 96, 96))
    show(three, volume)
    slicer.app.processEvents()
    return three


def state(widget):
    node = widget.mrmlSliceNode()
    return node.GetFieldOfView(), node.GetXYZOrigin(), widget.sliceLogic().GetSliceOffset()


def test_fitting_jumps_to_the_middle_slice(shown):
    logic = shown[0].sliceLogic()
    middle = logic.GetSliceOffset()
    logic.SetSliceOffset(middle + 6)
    logic.FitSliceToBackground()
    assert logic.GetSliceOffset() == pytest.approx(middle)


def test_the_wheel_goes_one_slice_on(shown, host):
    _, _, before = state(shown[0])
    host.view("HostA").wheel(1)
    assert state(shown[0])[2] == pytest.approx(before + 2.0)


def test_ctrl_and_wheel_zooms_about_the_cursor(shown, host):
    field, origin, offset = state(shown[0])
    host.view("HostA").wheel(1, x=0.2, y=0.3, ctrl=True)
    zoomed, moved, same = state(shown[0])
    assert zoomed[0] < field[0]
    assert moved != origin
    assert same == offset


def test_slicers_own_link_loses_the_registration_on_zoom(shown, host):
    """Why the panel has a link of its own: the field of view is broadcast, the origin is not."""
    for widget in shown:
        widget.mrmlSliceCompositeNode().SetLinkedControl(True)
        widget.mrmlSliceCompositeNode().SetHotLinkedControl(True)
    host.view("HostA").wheel(1, x=0.2, y=0.3, ctrl=True)
    (field_a, origin_a, _), (field_b, origin_b, _) = state(shown[0]), state(shown[1])
    assert field_b[0] == pytest.approx(field_a[0])
    assert abs(origin_b[0] - origin_a[0]) > 1


def test_the_middle_button_pans(shown, host):
    field, origin, _ = state(shown[0])
    host.view("HostA").drag((0.5, 0.5), (0.7, 0.6), button="Middle")
    assert state(shown[0])[0] == field
    assert state(shown[0])[1] != origin


def test_dragging_changes_window_and_level_only_in_that_mouse_mode(shown, host, scene):
    display = slicer.util.getNode("CT").GetDisplayNode()
    before = (display.GetWindow(), display.GetLevel())
    host.view("HostA").drag((0.5, 0.5), (0.7, 0.7))
    assert (display.GetWindow(), display.GetLevel()) == before
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    interaction.SetCurrentInteractionMode(interaction.AdjustWindowLevel)
    host.view("HostA").drag((0.5, 0.5), (0.7, 0.7))
    assert (display.GetWindow(), display.GetLevel()) != before


def test_an_observer_with_a_higher_priority_can_keep_the_mouse_to_itself(shown, host):
    interactor, field = shown[0].sliceView().interactor(), state(shown[0])[1]
    tags = []

    def mine(caller, event):
        for tag in tags:
            interactor.GetCommand(tag).SetAbortFlag(1)

    for event in ("MiddleButtonPressEvent", "MouseMoveEvent", "MiddleButtonReleaseEvent"):
        tags.append(interactor.AddObserver(event, mine, 10.0))
    host.view("HostA").drag((0.5, 0.5), (0.7, 0.6), button="Middle")
    for tag in tags:
        interactor.RemoveObserver(tag)
    assert state(shown[0])[1] == field


def test_a_real_mouse_press_reaches_vtk_in_device_pixels_from_below(shown, host):
    target, seen = shown[0].sliceView().VTKWidget(), []
    interactor = shown[0].sliceView().interactor()
    tag = interactor.AddObserver("LeftButtonPressEvent", lambda *_: seen.append(interactor.GetEventPosition()))
    point = qt.QPointF(30, 40)
    for kind in (qt.QEvent.MouseButtonPress, qt.QEvent.MouseButtonRelease):
        event = qt.QMouseEvent(kind, point, point, qt.Qt.LeftButton, qt.Qt.LeftButton, qt.Qt.NoModifier)
        qt.QApplication.sendEvent(target, event)
    interactor.RemoveObserver(tag)
    ratio = target.devicePixelRatioF()
    assert seen == [(round(30 * ratio), interactor.GetSize()[1] - 1 - round(40 * ratio))]


def test_keys_come_to_event_filters_of_the_view(shown, host):
    seen = []

    class Watch(qt.QObject):
        def eventFilter(self, watched, event):
            if event.type() in (qt.QEvent.KeyPress, qt.QEvent.KeyRelease) and event.key() == qt.Qt.Key_Space:
                seen.append((event.type() == qt.QEvent.KeyPress, event.isAutoRepeat()))
            return False

    watch = Watch()
    shown[0].sliceView().VTKWidget().installEventFilter(watch)
    host.key("HostA", "Space", down=True)
    host.key("HostA", "Space", down=True, repeat=True)
    host.key("HostA", "Space", down=False)
    shown[0].sliceView().VTKWidget().removeEventFilter(watch)
    assert seen == [(True, False), (True, True), (False, False)]


def test_the_cursor_over_a_view_can_be_set_and_given_back(shown):
    view = shown[0].sliceView()
    view.setViewCursor(qt.QCursor(qt.Qt.SplitHCursor))
    assert view.VTKWidget().cursor.shape() == qt.Qt.SplitHCursor
    view.unsetViewCursor()
    assert view.VTKWidget().cursor.shape() == qt.Qt.ArrowCursor


def test_a_hidden_button_cannot_be_clicked(host, scene):
    with pytest.raises(AssertionError, match="not visible"):
        host.click(qt.QPushButton("Denoise"))
