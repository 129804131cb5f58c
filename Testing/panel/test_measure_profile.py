"""HU along a line: a volume whose HU are a linear function of the world has a straight profile, whatever its place."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoisePanel.measure.profile import POINTS, along, placesOf
from LDCTDenoisePanel.user_error import UserError
from measure_setup import line, linear, world

SLOPE, OFFSET = np.array([3.0, -2.0, 5.0]), 17.0


def ramp(volume):
    """Fills the volume with SLOPE · world + OFFSET."""
    k, j, i = np.indices(slicer.util.arrayFromVolume(volume).shape)
    origin = world(volume, (0, 0, 0))
    steps = [world(volume, unit) - origin for unit in np.eye(3)]
    places = origin + i[..., None] * steps[0] + j[..., None] * steps[1] + k[..., None] * steps[2]
    slicer.util.updateVolumeFromArray(volume, (places @ SLOPE + OFFSET).astype(np.float64))
    return volume


def ends(volume, a=(3, 4, 1), b=(18, 15, 4)):
    return world(volume, a), world(volume, b)


@pytest.mark.parametrize("kind", ["volume", "oblique", "flipped", "moved"])
def test_a_ramp_is_straight_at_every_angle(ct, kind):
    volume = ramp(getattr(ct, kind)(shape=(6, 20, 24)))
    start, end = ends(volume)
    node = line(start, end)
    distance, points = placesOf(node)
    assert len(distance) == POINTS and distance[-1] == pytest.approx(np.linalg.norm(end - start))
    assert distance[-1] == pytest.approx(node.GetLineLengthWorld())
    hu = along(volume, slicer.util.arrayFromVolume(volume), points)
    assert np.allclose(hu, points @ SLOPE + OFFSET, atol=1e-6)
    assert np.allclose(points[[0, -1]], [start, end])


def test_a_line_below_a_transform_is_where_it_is_seen(ct):
    volume = ramp(ct.oblique(shape=(6, 20, 24)))
    node = line(*ends(volume))
    node.SetAndObserveTransformNodeID(linear(shift=(1.5, 0, 0)).GetID())
    _distance, points = placesOf(node)
    assert np.allclose(points[0], world(volume, (3, 4, 1)) + np.array([1.5, 0, 0]))


def test_outside_the_volume_there_is_no_number(ct):
    volume = ramp(ct.volume(shape=(6, 20, 24)))
    start, end = world(volume, (-12, 10, 3)), world(volume, (12, 10, 3))
    _distance, points = placesOf(line(start, end))
    hu = along(volume, slicer.util.arrayFromVolume(volume), points)
    share = np.linspace(-12, 12, POINTS)
    assert np.isnan(hu[share < -0.5]).all() and np.isfinite(hu[share > -0.5]).all()


def test_a_volume_of_one_slice_has_a_profile_too(ct):
    volume = ramp(ct.volume(shape=(1, 20, 24)))
    _distance, points = placesOf(line(*ends(volume, (2, 3, 0), (20, 14, 0))))
    assert np.allclose(along(volume, slicer.util.arrayFromVolume(volume), points), points @ SLOPE + OFFSET)


def test_between_two_voxels_lies_their_mean(ct):
    volume = ct.volume(shape=(2, 4, 4), array=np.arange(32, dtype=np.int16).reshape(2, 4, 4))
    points = np.array([world(volume, place) for place in ((1.5, 2, 0), (-0.4, 2, 0), (3.4, 2, 1.4))])
    hu = along(volume, slicer.util.arrayFromVolume(volume), points)
    assert hu == pytest.approx([(9 + 10) / 2, 8, 27]), "and up to the outer face of a voxel its own value"


def test_an_unfinished_line_says_what_it_lacks(scene):
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "L")
    with pytest.raises(UserError, match="L needs two points"):
        placesOf(node)
    with pytest.raises(UserError, match="no length"):
        placesOf(line((1, 2, 3), (1, 2, 3)))
