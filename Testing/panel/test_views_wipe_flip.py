"""Wipe, flip and overlay: every pixel is one of the two volumes."""

import numpy as np
import pytest
import slicer
import slicer.util
from view_cases import case
from view_pixels import composite, difference_from_voxels, expected, free_of_texts, sharp, widget


@pytest.fixture
def wiped(ct, comparison, host):
    shown = case(ct)
    comparison.showWipe(shown.before, shown.after)
    host.settle()
    return shown


def width():
    return widget("LDCTSingle").sliceView().renderWindow().GetSize()[0]


def dragTo(host, start, end):
    host.view("LDCTSingle").drag((round(start * width()), 100), (round(end * width()), 100))
    host.settle()
    return round(end * width())


def bothHalvesAreRight(host, wiped, x):
    left = difference_from_voxels(host, "LDCTSingle", wiped.before, slice(None, x - 2)) if x > 60 else 0
    right = difference_from_voxels(host, "LDCTSingle", wiped.after, slice(x + 2, None)) if x < width() - 60 else 0
    return max(left, right) <= 1


def test_left_of_the_divider_is_the_original_and_right_of_it_the_denoised(wiped, host):
    assert bothHalvesAreRight(host, wiped, width() // 2)
    assert not bothHalvesAreRight(host, wiped, width() // 2 + 60), "the test can see a wrong divider"
    at = 0.5
    for end in (0.2, 0.85, 0.4):
        assert bothHalvesAreRight(host, wiped, dragTo(host, at, end))
        at = end


def test_the_divider_holds_after_scrolling_zooming_and_a_change_of_voxels(wiped, host):
    hand = host.view("LDCTSingle")
    hand.wheel(1)
    hand.wheel(1, ctrl=True, x=0.3, y=0.3)
    slicer.util.arrayFromVolume(wiped.after)[:] += 40
    slicer.util.arrayFromVolumeModified(wiped.after)
    wiped.before.GetDisplayNode().SetWindowLevel(600, 0)
    host.settle()
    assert bothHalvesAreRight(host, wiped, width() // 2)


def test_dragging_the_divider_does_not_change_the_window(wiped, host):
    slicer.app.applicationLogic().GetInteractionNode().SetCurrentInteractionMode(
        slicer.vtkMRMLInteractionNode.AdjustWindowLevel
    )
    dragTo(host, 0.5, 0.3)
    assert wiped.before.GetDisplayNode().GetWindow() == 400
    host.view("LDCTSingle").drag((0.6, 0.5), (0.8, 0.7))
    assert wiped.before.GetDisplayNode().GetWindow() != 400
    assert wiped.after.GetDisplayNode().GetWindow() == wiped.before.GetDisplayNode().GetWindow()


def test_dragging_elsewhere_leaves_the_divider(wiped, host):
    host.view("LDCTSingle").drag((0.2, 0.5), (0.9, 0.5))
    host.settle()
    assert bothHalvesAreRight(host, wiped, width() // 2)


def test_beyond_a_preview_of_one_slice_the_wipe_shows_nothing_and_not_the_original(ct, comparison, host):
    from test_views_difference import oneSlice

    before = ct.shown(ct.volume())
    preview = oneSlice(before, 3)
    sharp(before, preview)
    comparison.showWipe(before, preview)
    host.settle()
    assert bothHalvesAreRight(host, type("Pair", (), {"before": before, "after": preview}), width() // 2)
    host.view("LDCTSingle").wheel(1)
    host.settle()
    seen = host.grab("LDCTSingle")
    assert seen[200:400, width() // 2 + 4 :].max() == 0
    assert difference_from_voxels(host, "LDCTSingle", before, slice(None, width() // 2 - 2)) <= 1


def test_removing_the_wiped_volume_or_closing_the_scene_ends_it_quietly(wiped, comparison, host, scene, capfd):
    scene.RemoveNode(wiped.after)
    host.settle()
    assert comparison.mode is None
    assert "ERR" not in capfd.readouterr().err


def test_the_flip_shows_the_original_in_the_denoised_view_and_nothing_else_changes(ct, comparison, host):
    shown = case(ct)
    comparison.showThree(shown.before, shown.after, shown.difference)
    host.settle()
    found = {tag: host.grab(tag) for tag in ("LDCTBefore", "LDCTDifference")}
    comparison.flip(True)
    host.settle()
    assert difference_from_voxels(host, "LDCTAfter", shown.before) <= 1
    assert widget("LDCTAfter").sliceView().cornerAnnotation().GetText(7) == "Original"
    assert composite("LDCTAfter").GetBackgroundVolumeID() == shown.after.GetID()
    for tag, picture in found.items():
        assert np.array_equal(host.grab(tag), picture)
    comparison.flip(False)
    host.settle()
    assert difference_from_voxels(host, "LDCTAfter", shown.after) <= 1
    assert widget("LDCTAfter").sliceView().cornerAnnotation().GetText(7) == "RDDM Balanced, 80 %"


def test_space_held_in_any_of_our_views_is_the_flip(ct, comparison, host):
    shown = case(ct)
    comparison.showThree(shown.before, shown.after, shown.difference)
    host.settle()
    for tag in ("LDCTBefore", "LDCTAfter"):
        host.key(tag, "Space", down=True)
        for down in (False, True, False):  # what a held key sends over and over on Linux
            host.key(tag, "Space", down=down, repeat=True)
        host.settle()
        assert difference_from_voxels(host, "LDCTAfter", shown.before) <= 1
        host.key(tag, "Space", down=False)
        host.settle()
        assert difference_from_voxels(host, "LDCTAfter", shown.after) <= 1


def test_the_flip_of_the_wipe_shows_the_original_everywhere(wiped, comparison, host):
    comparison.flip(True)
    host.settle()
    assert difference_from_voxels(host, "LDCTSingle", wiped.before) <= 1
    comparison.flip(False)
    host.settle()
    assert bothHalvesAreRight(host, wiped, width() // 2)


def test_leaving_while_the_flip_is_held_is_safe(ct, comparison, host):
    shown = case(ct)
    comparison.showThree(shown.before, shown.after, shown.difference)
    host.key("LDCTAfter", "Space", down=True)
    comparison.leave()
    host.settle()
    comparison.flip(False)


def test_the_overlay_colours_large_changes_and_leaves_the_original_where_nothing_changed(ct, comparison, host):
    shown = case(ct, ct.volume())
    hu = slicer.util.arrayFromVolume(shown.before).copy()
    hu[:, :, 32:64] += 50
    hu[:, :, 64:] -= 50
    slicer.util.updateVolumeFromArray(shown.after, hu)
    host.settle()
    comparison.showOverlay(shown.before, shown.difference, opacity=0.5)
    host.settle()
    grey, certain = expected("LDCTSingle", shown.before)
    seen = host.grab("LDCTSingle").astype(float)
    from view_pixels import index_of_pixels

    column = index_of_pixels("LDCTSingle", shown.before)[0]
    area = free_of_texts(seen)
    seen, grey, certain, column = seen[area], grey[area], certain[area], column[area]
    unchanged, above, below = certain & (column < 31), (column > 33) & (column < 63), (column > 65) & (column < 85)
    assert np.abs(seen - grey[..., None])[unchanged].max() <= 1
    assert (seen[above][:, 0] - seen[above][:, 2]).mean() > 40
    assert (seen[below][:, 2] - seen[below][:, 0]).mean() > 40
    comparison.flip(True)
    host.settle()
    assert difference_from_voxels(host, "LDCTSingle", shown.before, slice(None, -80)) <= 1
    comparison.flip(False)
    comparison.setOverlayOpacity(0.0)
    host.settle()
    assert difference_from_voxels(host, "LDCTSingle", shown.before, slice(None, -80)) <= 1


def test_the_overlay_leaves_the_differences_own_colours(ct, comparison, host):
    shown = case(ct)
    colours = shown.difference.GetDisplayNode().GetColorNodeID()
    comparison.showOverlay(shown.before, shown.difference)
    comparison.setDifferenceWindow(35)
    assert shown.difference.GetDisplayNode().GetColorNodeID() == colours
    assert shown.difference.GetDisplayNode().GetWindow() == 70
    over = slicer.mrmlScene.GetNodeByID(composite("LDCTSingle").GetForegroundVolumeID())
    assert over.GetDisplayNode().GetWindow() == 70
    assert np.shares_memory(slicer.util.arrayFromVolume(over), slicer.util.arrayFromVolume(shown.difference))
    assert not over.GetSaveWithScene()
