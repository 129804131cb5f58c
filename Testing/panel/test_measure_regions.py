"""Which voxels a drawn region holds: told by Slicer's own functions, point by point."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from LDCTDenoisePanel.measure import place
from LDCTDenoisePanel.measure.regions import regionOf, writeMask
from LDCTDenoisePanel.user_error import UserError
from measure_setup import linear, roi, segmentation, whole, world

SHAPE = (6, 20, 24)


def middle(volume):
    return world(volume, [(size - 1) / 2 for size in volume.GetImageData().GetDimensions()])


def inROI(node, volume):
    """Slicer's answer for every voxel."""
    k, j, i = slicer.util.arrayFromVolume(volume).shape
    return np.array(
        [[[node.IsPointInROIWorld(world(volume, (x, y, z))) for x in range(i)] for y in range(j)] for z in range(k)]
    )


@pytest.mark.parametrize("kind", ["volume", "oblique", "flipped", "moved"])
@pytest.mark.parametrize("angles", [(0, 0, 0), (10, -25, 40)])
def test_a_region_holds_the_voxels_whose_centre_is_in_it(ct, kind, angles):
    volume = getattr(ct, kind)(shape=SHAPE)
    node = roi(middle(volume) + np.array([0.3, 0.2, 0.1]), (9, 7, 6.5), angles)
    expected = inROI(node, volume)
    assert 20 < expected.sum() < 0.5 * expected.size
    assert np.array_equal(whole(regionOf(node, "", volume), volume), expected)


def test_a_region_below_a_transform_of_its_own_is_where_it_is_seen(ct):
    volume = ct.oblique(shape=SHAPE)
    node = roi(middle(volume), (9, 7, 6.5), (0, 0, 30))
    still = whole(regionOf(node, "", volume), volume)
    node.SetAndObserveTransformNodeID(linear(shift=(2.1, 0, 0)).GetID())
    moved = whole(regionOf(node, "", volume), volume)
    assert np.array_equal(moved, inROI(node, volume)) and not np.array_equal(moved, still)


def test_a_region_at_the_edge_is_cut_and_one_outside_says_so(ct):
    volume = ct.volume(shape=SHAPE)
    node = roi(world(volume, (0, 0, 0)), (8, 8, 8))
    assert np.array_equal(whole(regionOf(node, "", volume), volume), inROI(node, volume))
    node.SetCenter(500, 0, 0)
    with pytest.raises(UserError, match="R lies outside the volume"):
        regionOf(node, "", volume)


def test_a_flat_region_takes_the_nearest_slice(ct):
    volume = ct.volume(shape=SHAPE)  # slices 2 mm apart
    node = roi(world(volume, (12, 10, 3)) + np.array([0, 0, 0.7]), (8, 8, 0.0))
    mask = whole(regionOf(node, "", volume), volume)
    assert list(np.flatnonzero(mask.any(axis=(1, 2)))) == [3] and mask.sum() >= 100


def test_a_region_without_a_place_says_so(ct):
    volume = ct.volume(shape=SHAPE)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "R")
    with pytest.raises(UserError, match="not placed"):
        regionOf(node, "", volume)


def test_a_bent_volume_is_refused_with_a_sentence(ct):
    volume = ct.volume(shape=SHAPE)
    points = vtk.vtkPoints()
    for corner in ((0, 0, 0), (50, 0, 0), (0, 50, 0), (0, 0, 50)):
        points.InsertNextPoint(corner)
    bent = vtk.vtkThinPlateSplineTransform()
    moved = vtk.vtkPoints()
    moved.DeepCopy(points)
    moved.SetPoint(1, 60, 5, 0)
    bent.SetSourceLandmarks(points)
    bent.SetTargetLandmarks(moved)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", "Bent")
    node.SetAndObserveTransformToParent(bent)
    volume.SetAndObserveTransformNodeID(node.GetID())
    with pytest.raises(UserError, match="bends space"):
        regionOf(roi((0, 0, 0), (9, 9, 9)), "", volume)


# segments


def blob():
    k, j, i = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    return (i - 11) ** 2 + (j - 9) ** 2 + 4 * (k - 3) ** 2 < 40


@pytest.mark.parametrize("kind", ["volume", "oblique", "flipped", "moved"])
def test_a_segment_on_the_volumes_own_voxels_is_exact(ct, kind):
    volume = getattr(ct, kind)(shape=SHAPE)
    node, segment = segmentation(volume, blob())
    assert np.array_equal(whole(regionOf(node, segment, volume), volume), blob())


def test_a_segment_on_other_voxels_is_sampled_where_they_are(ct):
    fine = ct.oblique(shape=SHAPE)
    node, segment = segmentation(fine, blob())
    coarse = ct.volume("Coarse", shape=(8, 16, 16), spacing=(1.1, 1.3, 1.7), origin=tuple(world(fine, (2, 1, 0))))
    expected = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment, coarse) > 0
    found = whole(regionOf(node, segment, coarse), coarse)
    assert expected.sum() > 15
    assert (found != expected).sum() <= 0.1 * expected.sum()  # Slicer resamples by its own rules at the border


def test_one_segment_of_several_in_the_same_labelmap_is_meant(ct):
    volume = ct.volume(shape=SHAPE)
    node, first = segmentation(volume, blob())
    other = np.zeros(SHAPE, bool)
    other[1:3, 2:6, 2:6] = True
    second = node.GetSegmentation().AddEmptySegment("other")
    slicer.util.updateSegmentBinaryLabelmapFromArray(other.astype(np.uint8), node, second, volume)
    node.GetSegmentation().CollapseBinaryLabelmaps(False)
    assert (
        len(
            {
                id(node.GetSegmentation().GetSegment(each).GetRepresentation("Binary labelmap"))
                for each in (first, second)
            }
        )
        == 1
    )
    assert np.array_equal(whole(regionOf(node, second, volume), volume), other)
    assert np.array_equal(whole(regionOf(node, first, volume), volume), blob())


def test_segments_that_cannot_be_measured_say_why(ct):
    volume = ct.volume(shape=SHAPE)
    node, segment = segmentation(volume, blob())
    with pytest.raises(UserError, match="Choose one of the segments of Segments"):
        regionOf(node, "gone", volume)
    empty = node.GetSegmentation().AddEmptySegment("", "nothing")
    with pytest.raises(UserError, match="nothing"):
        regionOf(node, empty, volume)
    node.SetAndObserveTransformNodeID(linear(shift=(500, 0, 0)).GetID())
    with pytest.raises(UserError, match="lesion lies outside"):
        regionOf(node, segment, volume)


# how much of it


def test_a_large_region_gives_only_some_of_its_slices_and_a_small_one_all(ct):
    volume = ct.volume(shape=(40, 60, 60))
    part = place.partOf(volume, (0, 0, 0), (99, 99, 99), most=10 * 60 * 60)
    assert part.shape == (10, 60, 60) and part.axes[0][0] == 0 and part.axes[0][-1] == 39
    assert place.partOf(volume, (3, 5, 5), (12, 14, 14), most=place.MOST_VOXELS).shape == (10, 10, 10)
    assert place.partOf(volume, (0, 0, 0), (99, 99, 99), most=1).shape == (3, 60, 60)


def test_what_is_cut_is_what_the_mask_is_about(ct):
    volume = ct.volume(shape=(40, 60, 60))
    voxels = slicer.util.arrayFromVolume(volume)
    part = place.partOf(volume, (2, 5, 7), (30, 40, 41), most=8000)
    other = place.partOf(volume, (33, 1, 2), (34, 3, 50), most=place.MOST_VOXELS)
    for each in (part, part.joined(other)):
        assert np.array_equal(each.cut(voxels), voxels[np.ix_(*each.axes)].astype(np.float32))
    assert set(part.joined(other).axes[0]) == set(part.axes[0]) | {33, 34}
    assert part.joined(other).shape[1:] == (40, 49)


def test_the_mask_for_the_worker_is_the_region(ct, tmp_path):
    volume = ct.oblique(shape=SHAPE)
    node = roi(middle(volume), (9, 12, 9), (0, 20, 0))
    fractions = list(writeMask(tmp_path / "mask.npy", node, "", volume))
    mask = np.load(tmp_path / "mask.npy")
    assert mask.dtype == np.uint8 and np.array_equal(mask > 0, inROI(node, volume)) and fractions[-1] == 1


def test_the_mask_for_the_worker_leaves_no_slice_out_however_large_it_is(ct, tmp_path):
    volume = ct.volume(shape=(12, 200, 200))
    node = roi(middle(volume), (900, 900, 900))
    assert regionOf(node, "", volume).part.shape[0] < 12
    list(writeMask(tmp_path / "mask.npy", node, "", volume))
    assert np.load(tmp_path / "mask.npy").all()
