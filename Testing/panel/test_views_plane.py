"""Which slice the user looks at, and that our views show exactly that slice of the voxels."""

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoisePanel.views import acquisition_plane, layouts
from view_pixels import difference_from_voxels, index_of_pixels, sharp, widget


def everyGeometry(ct):
    return {
        "plain": ct.volume(),
        "oblique": ct.oblique(),
        "flipped": ct.flipped(),
        "moved": ct.moved(angles=(20, 0, 0)),
        "left-handed": ct.volume(flip=("i",)),
    }


@pytest.fixture
def single(scene):
    return layouts.enterLayout(layouts.SINGLE)[0]


@pytest.mark.parametrize("name", ["plain", "oblique", "flipped", "moved", "left-handed"])
def test_a_view_in_the_acquisition_plane_shows_the_voxels_of_one_slice(name, ct, single, host):
    volume = everyGeometry(ct)[name]
    sharp(volume)
    single.sliceLogic().GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    for index in (0, 3, 7):
        acquisition_plane.toAcquisitionPlane(single, volume, index)
        acquisition_plane.fit(single)
        assert np.abs(index_of_pixels("LDCTSingle", volume)[2] - index).max() < 1e-6
        assert difference_from_voxels(host, "LDCTSingle", volume) <= 1


def test_the_patient_is_seen_as_radiologists_see_him(ct, single):
    volume = ct.flipped()
    single.sliceLogic().GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    acquisition_plane.toAcquisitionPlane(single, volume, 2)
    directions = slicer.util.arrayFromVTKMatrix(single.mrmlSliceNode().GetSliceToRAS())[:3, :3]
    assert np.allclose(directions[:, 0], (-1, 0, 0)), "the patient's right is on the left"
    assert np.allclose(directions[:, 1], (0, 1, 0)), "front is on top"


def test_a_volume_stored_in_coronal_planes_is_shown_in_its_axial_slices(scene, single):
    hu = np.random.default_rng(1).integers(-200, 200, (40, 9, 50)).astype(np.int16)  # [A-P, S-I, R-L]
    ijkToRAS = np.array([[-1.0, 0, 0, 25], [0, 0, -1.0, 30], [0, 3.0, 0, -20], [0, 0, 0, 1]])
    volume = slicer.util.addVolumeFromArray(hu, ijkToRAS=ijkToRAS)
    volume.CreateDefaultDisplayNodes()
    assert acquisition_plane.acquisitionAxis(volume) == 1
    assert acquisition_plane.sliceCount(volume) == 9
    single.sliceLogic().GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    acquisition_plane.toAcquisitionPlane(single, volume, 6)
    assert np.abs(index_of_pixels("LDCTSingle", volume)[1] - 6).max() < 1e-6


@pytest.mark.parametrize("name", ["plain", "oblique", "flipped", "moved"])
def test_the_visible_slice_is_the_one_in_the_users_red_view(name, ct):
    volume = ct.shown(everyGeometry(ct)[name])
    logic = widget("Red").sliceLogic()
    for index in (1, 4, 6):
        widget("Red").mrmlSliceNode().JumpSliceByOffsetting(*acquisition_plane.sliceCentre(volume, index))
        logic.SnapSliceOffsetToIJK()
        assert acquisition_plane.visibleSlice(volume) == index


def test_the_visible_slice_is_taken_from_the_view_that_shows_the_volume_in_its_plane(ct):
    volume = ct.shown(ct.volume())
    other = ct.volume("Other CT", origin=(-38, -38, 900))
    widget("Red").sliceLogic().GetSliceCompositeNode().SetBackgroundVolumeID(other.GetID())
    yellow = widget("Yellow").mrmlSliceNode()
    yellow.SetOrientation("Axial")
    yellow.JumpSliceByOffsetting(*acquisition_plane.sliceCentre(volume, 5))
    assert acquisition_plane.visibleSlice(volume) == 5


def test_panning_does_not_change_the_visible_slice_of_an_oblique_view(ct):
    volume = ct.shown(ct.oblique())
    red = widget("Red").mrmlSliceNode()
    red.JumpSliceByOffsetting(*acquisition_plane.sliceCentre(volume, 3))
    red.SetXYZOrigin(25, -10, 0)
    assert acquisition_plane.visibleSlice(volume) == 3


def test_the_visible_slice_stays_within_the_volume(ct):
    volume = ct.shown(ct.volume())
    logic = widget("Red").sliceLogic()
    logic.SetSliceOffset(10000)
    assert acquisition_plane.visibleSlice(volume) == 7
    logic.SetSliceOffset(-10000)
    assert acquisition_plane.visibleSlice(volume) == 0


def test_of_a_volume_that_is_shown_nowhere_the_middle_slice_is_taken(ct):
    assert acquisition_plane.visibleSlice(ct.volume(origin=(0, 0, 5000))) == 4


def test_fitting_keeps_the_slice(ct, single):
    volume = ct.oblique()
    single.sliceLogic().GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
    acquisition_plane.toAcquisitionPlane(single, volume, 6)
    offset = single.sliceLogic().GetSliceOffset()
    acquisition_plane.fit(single)
    assert single.sliceLogic().GetSliceOffset() == pytest.approx(offset, abs=1e-9)
