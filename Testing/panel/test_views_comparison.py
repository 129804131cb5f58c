"""Original, denoised and difference side by side: the same place, the same window, and the way in and out."""

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoisePanel.user_error import UserError
from LDCTDenoisePanel.views import layouts
from LDCTDenoisePanel.views.acquisition_plane import sliceCentre
from LDCTDenoisePanel.views.comparison import Comparison
from view_cases import case, denoised_of, our_nodes, state_of_users_views
from view_pixels import composite, difference_from_voxels, index_of_pixels, sharp, widget

THREE = ("LDCTBefore", "LDCTAfter", "LDCTDifference")


@pytest.fixture
def three(ct, comparison, host):
    shown = case(ct)
    comparison.showThree(shown.before, shown.after, shown.difference)
    host.settle()
    return shown


def text(tag, position=7):
    return widget(tag).sliceView().cornerAnnotation().GetText(position)


@pytest.mark.parametrize("kind", ["oblique", "flipped", "moved", "volume"])
def test_three_views_show_the_voxels_of_the_slice_that_the_user_looked_at(kind, ct, comparison, host):
    shown = case(ct, getattr(ct, kind)())
    comparison.showThree(shown.before, shown.after, shown.difference)
    host.settle()
    for tag, volume in zip(THREE[:2], (shown.before, shown.after), strict=True):
        assert np.abs(index_of_pixels(tag, volume)[2] - 5).max() < 1e-6
        assert difference_from_voxels(host, tag, volume) <= 1
    places = [index_of_pixels(tag, shown.before)[:, 200, 50] for tag in THREE]
    assert np.ptp(places, axis=0).max() < 0.5, "the same pixel is the same place, within half a voxel"


def test_the_difference_is_white_where_nothing_changed_red_above_and_blue_below(ct, comparison, host):
    before = ct.volume()
    after = denoised_of(before)
    hu = slicer.util.arrayFromVolume(before).copy()
    hu[:, :, 32:64] += 200
    hu[:, :, 64:] -= 200
    slicer.util.updateVolumeFromArray(after, hu)
    from LDCTDenoisePanel.views.difference import makeDifference

    difference = makeDifference(before, after, halfWindow=100)
    sharp(difference)
    comparison.showThree(before, after, difference)
    host.settle()
    column = np.rint(index_of_pixels("LDCTDifference", difference)[0])
    row = index_of_pixels("LDCTDifference", difference)[1]
    seen = host.grab("LDCTDifference").astype(int)
    middle = (row > 40) & (row < 55)
    white, red, blue = (seen[middle & (column == c)].mean(axis=0) for c in (10, 45, 70))
    assert white.min() > 235
    assert red[0] > red[2] + 60
    assert blue[2] > blue[0] + 60


def test_the_legend_stands_in_the_difference_view_only(three, host):
    seen = {tag: host.grab(tag).astype(int) for tag in THREE}
    coloured = {tag: np.abs(p[..., 0] - p[..., 2])[:, int(0.9 * p.shape[1]) :] for tag, p in seen.items()}
    assert (coloured["LDCTDifference"] > 60).sum() > 300
    assert (coloured["LDCTBefore"] > 60).sum() == (coloured["LDCTAfter"] > 60).sum() == 0
    legend = three.difference.GetNthDisplayNode(1)
    assert legend.IsDisplayableInView("vtkMRMLSliceNodeLDCTDifference")
    assert not legend.IsDisplayableInView("vtkMRMLSliceNodeRed")


def test_before_and_after_have_one_window_and_level_and_the_difference_its_own(three):
    before, after = three.before.GetDisplayNode(), three.after.GetDisplayNode()
    assert (after.GetWindow(), after.GetLevel()) == (400, 40)
    after.SetWindowLevel(250, 90)
    assert (before.GetWindow(), before.GetLevel()) == (250, 90)
    before.SetWindowLevel(350, 50)
    assert (after.GetWindow(), after.GetLevel()) == (350, 50)
    assert (three.difference.GetDisplayNode().GetWindow(), three.difference.GetDisplayNode().GetLevel()) == (120, 0)


def test_scrolling_zooming_and_panning_one_view_moves_all(three, host):
    hand = host.view("LDCTAfter")
    hand.wheel(1)
    hand.wheel(2, ctrl=True, x=0.2, y=0.7)
    hand.drag((0.5, 0.5), (0.6, 0.4), button="Middle")
    host.settle()
    nodes = [widget(tag).mrmlSliceNode() for tag in THREE]
    offsets = [node.GetSliceOffset() for node in nodes]
    scales = [node.GetFieldOfView()[0] / node.GetDimensions()[0] for node in nodes]
    origins = np.array([node.GetXYZOrigin() for node in nodes])
    assert abs(round(index_of_pixels("LDCTBefore", three.before)[2, 0, 0]) - 5) == 1
    assert np.ptp(offsets) < 1e-9
    assert np.ptp(scales) < 1e-9
    assert np.ptp(origins, axis=0).max() < 1e-9
    assert np.abs(origins).max() > 1
    assert difference_from_voxels(host, "LDCTAfter", three.after) <= 1


def test_names_stand_in_the_views_and_survive_scrolling(three, host):
    three.before.SetName("Doe, Jane")
    host.view("LDCTBefore").wheel(1)
    host.settle()
    assert [text(tag) for tag in THREE] == ["Original", "RDDM Balanced, 80 %", "Difference, ±60 HU"]
    three.after.SetAttribute("LDCTDenoise.strength", "0.35")
    assert text("LDCTAfter") == "RDDM Balanced, 35 %"


def test_leaving_gives_everything_back_and_leaves_no_node(ct, comparison, host, scene):
    shown = case(ct)
    widget("Yellow").mrmlSliceNode().SetFieldOfView(123, 111, 1)
    composite("Green").SetForegroundVolumeID(shown.after.GetID())
    composite("Green").SetForegroundOpacity(0.3)
    composite("Red").SetLinkedControl(True)
    host.settle()
    found, windows = state_of_users_views(), [(1500, 300), (400, 40)]
    for _round in range(2):
        comparison.showThree(shown.before, shown.after, shown.difference)
        host.settle()
        shown.before.GetDisplayNode().SetWindowLevel(77, 7)
        comparison.leave()
        host.settle()
        assert state_of_users_views() == found
        displays = [shown.after.GetDisplayNode(), shown.before.GetDisplayNode()]
        assert [(d.GetWindow(), d.GetLevel()) for d in displays] == windows
        assert our_nodes() == []
        assert comparison.mode is None
        assert not set(slicer.app.layoutManager().sliceViewNames()) & set(layouts.ourTags())


def test_a_layout_that_the_user_chose_himself_stays(three, comparison, host):
    modes = []
    comparison.modeChanged.connect(lambda: modes.append(comparison.mode))
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    host.settle()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView
    assert modes == [None]
    assert three.after.GetDisplayNode().GetWindow() == 1500
    assert our_nodes() == []
    comparison.leave()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView


@pytest.mark.parametrize("which", ["before", "after", "difference"])
def test_removing_a_volume_that_is_shown_gives_the_views_back(which, three, comparison, host, scene):
    scene.RemoveNode(getattr(three, which))
    host.settle()
    assert comparison.mode is None
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert our_nodes() == []


def test_a_removed_volume_can_be_replaced_at_once_and_the_users_layout_is_not_lost(three, comparison, host, scene, ct):
    slicer.mrmlScene.RemoveNode(three.after)
    after = denoised_of(three.before, "Second")
    from LDCTDenoisePanel.views.difference import makeDifference

    comparison.showThree(three.before, after, makeDifference(three.before, after))
    host.settle()
    assert comparison.mode == "three"
    comparison.leave()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView


def test_closing_the_scene_ends_the_comparison_and_gives_the_layout_back(three, comparison, host, scene, ct):
    scene.Clear(0)
    assert comparison.mode is None
    widget("Red").sliceLogic().SetSliceOffset(123)  # a plane of the next scene
    host.settle()
    assert widget("Red").sliceLogic().GetSliceOffset() == 123
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert our_nodes() == []
    comparison.leave()
    shown = case(ct)
    comparison.showThree(shown.before, shown.after, shown.difference)
    host.settle()
    assert difference_from_voxels(host, "LDCTAfter", shown.after) <= 1


def test_changing_the_volumes_of_the_same_patient_keeps_slice_and_scale(three, comparison, host):
    host.view("LDCTBefore").wheel(2, ctrl=True, x=0.2, y=0.6)
    host.view("LDCTBefore").wheel(-1)
    host.settle()
    node = widget("LDCTBefore").mrmlSliceNode()
    found = [*node.GetFieldOfView(), *node.GetXYZOrigin(), node.GetSliceOffset()]
    after = denoised_of(three.before, "Other method", model="nlm")
    from LDCTDenoisePanel.views.difference import makeDifference

    comparison.showThree(three.before, after, makeDifference(three.before, after))
    host.settle()
    assert [*node.GetFieldOfView(), *node.GetXYZOrigin(), node.GetSliceOffset()] == pytest.approx(found)


def test_other_ways_of_comparing_stay_on_the_same_slice(three, comparison, host):
    host.view("LDCTBefore").wheel(1)
    index = comparison.visibleSlice(three.before)
    assert index != 5
    for show in (
        lambda: comparison.showWipe(three.before, three.after),
        lambda: comparison.showOverlay(three.before, three.difference),
        lambda: comparison.showVariants([three.before, three.after], ["a", "b"]),
        lambda: comparison.showThree(three.before, three.after, three.difference),
    ):
        show()
        host.settle()
        assert comparison.visibleSlice(three.before) == index


def test_a_preview_of_one_slice_is_shown_at_its_slice_and_the_rest_is_black(three, comparison, host):
    from LDCTDenoisePanel.views.difference import makeDifference
    from test_views_difference import oneSlice

    preview = oneSlice(three.before, 2)
    sharp(preview)
    comparison.showThree(three.before, preview, makeDifference(three.before, preview), afterName="Preview")
    host.settle()
    assert comparison.visibleSlice(three.before) == 2
    assert difference_from_voxels(host, "LDCTAfter", preview) <= 1
    assert widget("LDCTBefore").mrmlSliceNode().GetFieldOfView()[0] == pytest.approx(
        widget("LDCTAfter").mrmlSliceNode().GetFieldOfView()[0], rel=0.02
    )
    widget("LDCTBefore").mrmlSliceNode().JumpSliceByOffsetting(*sliceCentre(three.before, 6))
    host.settle()
    assert np.median(host.grab("LDCTAfter")) == 0


def test_nobody_puts_another_volume_under_our_names(three, ct, host):
    ct.shown(ct.volume("Loaded meanwhile"))
    host.settle()
    shown = [composite(tag).GetBackgroundVolumeID() for tag in THREE]
    assert shown == [volume.GetID() for volume in (three.before, three.after, three.difference)]


def test_the_users_views_keep_what_was_loaded_while_the_comparison_was_up(three, comparison, ct, host):
    other = ct.shown(ct.volume("Loaded meanwhile", origin=(-38, -38, 900)))
    offset = widget("Red").sliceLogic().GetSliceOffset()
    comparison.leave()
    host.settle()
    assert composite("Red").GetBackgroundVolumeID() == other.GetID()
    assert widget("Red").sliceLogic().GetSliceOffset() == pytest.approx(offset)


def test_the_denoised_view_and_the_difference_follow_a_change_of_strength(three, host):
    hu = slicer.util.arrayFromVolume(three.after)
    hu[:] = slicer.util.arrayFromVolume(three.before) + 30
    slicer.util.arrayFromVolumeModified(three.after)
    host.settle()
    assert difference_from_voxels(host, "LDCTAfter", three.after) <= 1
    assert np.all(slicer.util.arrayFromVolume(three.difference) == 30)


def test_the_window_of_the_difference_can_be_set(three, comparison):
    comparison.setDifferenceWindow(25)
    assert three.difference.GetDisplayNode().GetWindow() == 50
    assert text("LDCTDifference") == "Difference, ±25 HU"


def test_a_saved_scene_opens_with_the_comparison_tied_together(three, comparison, host, scene, tmp_path):
    names = [volume.GetName() for volume in comparison.volumes]
    file = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(file)
    scene.Clear(0)
    host.settle()
    slicer.util.loadScene(file)
    host.settle()
    assert comparison.mode == "three"
    assert [volume.GetName() for volume in comparison.volumes] == names
    widget("LDCTAfter").sliceLogic().SetSliceOffset(widget("LDCTAfter").sliceLogic().GetSliceOffset() + 2)
    assert widget("LDCTBefore").mrmlSliceNode().GetSliceOffset() == pytest.approx(
        widget("LDCTAfter").mrmlSliceNode().GetSliceOffset()
    )
    comparison.leave()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView


def test_the_picture_holds_all_views_side_by_side_without_the_volumes_names(three, comparison, host):
    three.before.SetName("Doe, Jane")
    host.view("LDCTBefore").wheel(1)
    host.settle()
    picture = comparison.picture()
    sizes = [widget(tag).sliceView().renderWindow().GetSize() for tag in THREE]
    assert picture.dtype == np.uint8
    assert picture.shape == (sizes[0][1], sum(width for width, _ in sizes) + 8, 3)
    corner = picture[-40:, : sizes[0][0] // 4]
    assert corner.max() == 0, "the Data Probe's text is not in the picture"
    assert text("LDCTBefore", 0) == "B: Doe, Jane"
    comparison.leave()
    with pytest.raises(UserError, match="no comparison"):
        comparison.picture()


def test_volumes_that_cannot_be_shown_are_refused_and_nothing_changes(ct, comparison, scene):
    before = ct.volume()
    gone = ct.volume()
    scene.RemoveNode(gone)
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    for wrong in (None, gone, empty):
        with pytest.raises(UserError):
            comparison.showWipe(before, wrong)
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert comparison.mode is None


def test_every_layout_is_known_from_the_start_and_labels_are_short(comparison):
    node = slicer.app.layoutManager().layoutLogic().GetLayoutNode()
    assert all(node.IsLayoutDescription(number) for number in (5707, 5708, 5722, 5723, 5724, 5725, 5726))
    views = [view for number in layouts.ourLayouts() for row in layouts.rowsOf(number) for view in row]
    assert max(len(view.letters) for view in views) <= 2
    for number in layouts.ourLayouts():
        colours = [view.colour for row in layouts.rowsOf(number) for view in row]
        assert len(set(colours)) == len(colours)


def test_one_of_our_views_removed_by_somebody_else_ends_the_comparison(three, comparison, host, scene):
    scene.RemoveNode(widget("LDCTAfter").mrmlSliceNode())
    host.settle()
    assert comparison.mode is None
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    assert our_nodes() == []


class WindowlessApplication:
    """Slicer started with --no-main-window."""

    def __init__(self, application):
        self._application = application

    def __getattr__(self, name):
        return getattr(self._application, name)

    def layoutManager(self):
        return None


def test_without_a_main_window_the_console_still_works(ct, scene, monkeypatch):
    from LDCTDenoisePanel.views.difference import makeDifference

    before = ct.volume()
    after = denoised_of(before)
    monkeypatch.setattr(slicer, "app", WindowlessApplication(slicer.app))
    made = Comparison()
    assert made.visibleSlice(before) == 4
    assert makeDifference(before, after).GetDisplayNode().GetWindow() >= 40
    with pytest.raises(UserError, match="main window"):
        made.showWipe(before, after)
    made.shutdown()
