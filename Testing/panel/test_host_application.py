"""The tests' Slicer shows slices, layouts and mice as the real application was seen to do."""

from __future__ import annotations

import numpy as np
import pytest
import qt
import slicer
import slicer.util
import vtk

LAYOUT, NAMES = 5799, ("HostA", "HostB", "HostC")
VIEW = (
    '<item><view class="vtkMRMLSliceNode" singletontag="{name}"><property name="orientation" action="default">Axial'
    '</property><property name="viewlabel" action="{action}">{name}</property></view></item>'
)
registered = set()


def three_up(action="default"):
    """Switch to a layout of three axial views; nothing is processed yet. Returns the layout manager."""
    manager = slicer.app.layoutManager()
    node = manager.layoutLogic().GetLayoutNode()
    views = "".join(VIEW.format(name=name, action=action) for name in NAMES)
    xml = f'<layout type="horizontal" split="true">{views}</layout>'
    (node.SetLayoutDescription if LAYOUT in registered else node.AddLayoutDescription)(LAYOUT, xml)
    registered.add(LAYOUT)
    manager.setLayout(LAYOUT)
    return manager


@pytest.fixture
def three(scene):
    manager = three_up()
    slicer.app.processEvents()
    return [manager.sliceWidget(name) for name in NAMES]


def show(widgets, volume):
    for widget in widgets:
        widget.mrmlSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        widget.sliceLogic().FitSliceToBackground()


# layouts and sizes


def test_views_of_a_new_layout_get_their_size_when_events_are_processed_once(scene):
    widget = three_up().sliceWidget("HostA")
    assert not widget.visible
    assert tuple(widget.mrmlSliceNode().GetDimensions())[:2] == (595, 320)
    slicer.app.processEvents()
    assert widget.visible
    width, height = tuple(widget.mrmlSliceNode().GetDimensions())[:2]
    assert (width, height) == tuple(widget.sliceView().renderWindow().GetSize()) != (595, 320)


def test_fitting_before_events_are_processed_cuts_the_image_off(ct):
    volume = ct.volume()
    widget = three_up().sliceWidget("HostA")
    show([widget], volume)
    field = widget.mrmlSliceNode().GetFieldOfView()
    slicer.app.processEvents()
    too_early = widget.mrmlSliceNode().GetFieldOfView()
    assert field[0] > field[1]  # of the provisional, wide view
    widget.sliceLogic().FitSliceToBackground()
    assert widget.mrmlSliceNode().GetFieldOfView()[0] != pytest.approx(too_early[0], rel=0.05)


def test_every_view_that_ever_was_is_named_until_its_node_is_removed(three, host):
    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    host.settle()
    assert set(manager.sliceViewNames()) == {"Red", "Green", "Yellow", *NAMES}
    assert [n for n in manager.sliceViewNames() if n in NAMES] != list(NAMES)  # in no useful order
    widget = manager.sliceWidget("HostB")
    node, composite = widget.mrmlSliceNode(), widget.mrmlSliceCompositeNode()
    slicer.mrmlScene.RemoveNode(node)
    slicer.mrmlScene.RemoveNode(composite)
    assert manager.sliceWidget("HostB") is None
    assert "HostB" not in manager.sliceViewNames()


def test_a_layout_can_be_entered_again_after_its_views_were_removed(three, host):
    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    manager.removeOtherViews()
    host.settle()
    three_up()
    slicer.app.processEvents()
    assert all(manager.sliceWidget(name).visible for name in NAMES)


def test_leaving_a_layout_hides_its_views_and_shows_the_others(three, host):
    manager = slicer.app.layoutManager()
    assert not manager.sliceWidget("Red").visible
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    host.settle()
    assert manager.sliceWidget("Red").visible
    assert not any(widget.visible for widget in three)
    assert manager.shownSliceViewNames() == ["Red"]


def test_one_view_alone_is_larger_than_in_a_row_of_three(three, host):
    narrow = three[0].sliceView().renderWindow().GetSize()[0]
    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    host.settle()
    assert manager.sliceWidget("Red").sliceView().renderWindow().GetSize()[0] > 2.5 * narrow


def test_labels_with_a_relayed_action_are_ignored(scene):
    manager = three_up("relayed")
    assert manager.sliceWidget("HostA").mrmlSliceNode().GetLayoutLabel() != "HostA"


# pictures


def test_a_shown_volume_is_in_the_picture_and_an_empty_view_is_black(ct, three, host):
    assert host.grab("HostA").max() == 0
    show(three[:1], ct.volume())
    picture = host.grab("HostA")
    assert picture.shape[2] == 3
    assert picture.max() == 255
    assert (picture[..., 0] == picture[..., 1]).mean() > 0.95  # grey, but for the letters


def test_the_picture_is_right_side_up(ct, three, host):
    array = np.full((3, 64, 64), -1000, np.int16)
    array[:, :16] = 300  # the first rows are anterior: up in an axial view
    show(three[:1], ct.volume(array=array))
    height = host.grab("HostA").shape[0]
    picture = host.grab("HostA")[:, :, 0]
    assert picture[: height // 2].mean() > picture[height // 2 : height - 40].mean() + 10


def test_what_is_added_to_the_second_renderer_lies_above_the_image(ct, three, host):
    show(three[:1], ct.volume())
    before = host.grab("HostA")
    actor = vtk.vtkTextActor()
    actor.SetInput("Denoised")
    actor.GetTextProperty().SetColor(1, 0, 0)
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(0.4, 0.5)
    three[0].sliceView().renderWindow().GetRenderers().GetItemAsObject(1).AddViewProp(actor)
    changed = np.abs(host.grab("HostA").astype(int) - before).max(axis=2) > 0
    assert changed.any()
    assert not changed[: len(changed) // 4].any()


def test_a_view_renders_once_however_often_it_is_asked(three, host):
    host.settle()
    window, rendered = three[0].sliceView().renderWindow(), []
    tag = window.AddObserver("EndEvent", lambda *_: rendered.append(1))
    for _ in range(10):
        three[0].sliceView().scheduleRender()
    assert not rendered
    host.settle()
    window.RemoveObserver(tag)
    assert len(rendered) == 1


def test_nothing_is_rendered_while_rendering_is_paused(three, host):
    host.settle()
    window, rendered = three[0].sliceView().renderWindow(), []
    tag = window.AddObserver("EndEvent", lambda *_: rendered.append(1))
    with slicer.util.RenderBlocker():
        three[0].sliceView().scheduleRender()
        host.settle()
        assert not rendered
    host.settle()
    window.RemoveObserver(tag)
    assert rendered


def test_the_data_probe_writes_its_corners_at_every_slice_change_and_leaves_the_upper_edge(ct, three, host):
    volume = ct.volume("Scan")
    show(three[:1], volume)
    corners = three[0].sliceView().cornerAnnotation()
    corners.SetText(0, "mine")
    corners.SetText(7, "Denoised 80 %")
    three[0].sliceLogic().SetSliceOffset(three[0].sliceLogic().GetSliceOffset() + 2)
    assert corners.GetText(0) == "B: Scan"
    assert corners.GetText(7) == "Denoised 80 %"


def test_a_colour_legend_made_before_its_volume_is_shown_waits_for_a_modified_event(ct, three, host):
    volume = ct.volume()
    volume.GetDisplayNode().SetAndObserveColorNodeID("vtkMRMLColorTableNodeFileDivergingBlueRed.txt")
    legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(volume)
    legend.SetViewNodeIDs([three[0].mrmlSliceNode().GetID()])
    show(three[:1], volume)
    assert volume.GetDisplayNode() is not legend
    assert volume.GetDisplayNode().GetColorNode().GetNumberOfColors() == 255
    without = host.grab("HostA")
    host.settle()
    assert np.array_equal(host.grab("HostA"), without)
    legend.Modified()
    assert not np.array_equal(host.grab("HostA"), without)


def test_the_offset_slider_of_a_view_moves_the_slice(ct, three):
    show(three[:1], ct.volume(shape=(10, 64, 64)))
    slider = three[0].sliceController().sliceOffsetSlider()
    first = three[0].sliceLogic().GetSliceOffset()
    slider.setValue(slider.value + 1)
    assert three[0].sliceLogic().GetSliceOffset() == pytest.approx(first + 2.0)  # the spacing, mm


def test_the_screenshot_shows_the_whole_window(ct, three, host, tmp_path):
    show(three, ct.volume())
    host.screenshot(tmp_path / "window.png")
    picture = qt.QImage(str(tmp_path / "window.png"))
    window = host.app.mainWindow()
    assert (picture.width(), picture.height()) == (window.width, window.height)
    assert picture.pixelColor(picture.width() - 150, picture.height() // 2) != picture.pixelColor(5, 400)


def test_the_module_panel_is_as_wide_as_its_content_and_never_shrinks_again(host, scene):
    panel = host.app.mainWindow().modulePanel()

    def width_with(content):
        widget = qt.QWidget()
        row = qt.QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        part = qt.QWidget()
        part.setMinimumWidth(content)
        row.addWidget(part)
        panel.showModule(widget)
        host.settle()
        return panel.width

    assert width_with(100) == 343
    assert width_with(420) == 420 + 55
    assert width_with(100) == 420 + 55
