"""CTVolume knows its geometry, and keeps it."""

import numpy as np
import pytest
from LDCTDenoiseLib import CTVolume

HU = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_other_values_keep_padding_and_geometry():
    padding = HU == 5
    volume = CTVolume(HU, (0.5, 0.6, 2.0), (1.0, 2.0, 3.0), padding=padding)
    other = volume.with_hu(HU * 0)
    assert other.hu[padding] == 5 and other.hu.sum() == 5
    assert (other.spacing, other.origin) == (volume.spacing, volume.origin)
    with pytest.raises(ValueError, match="shape"):
        volume.with_hu(HU[:1])


def test_slices_lie_along_the_third_axis_of_the_direction():
    turned = CTVolume(HU, (1.0, 1.0, 4.0), (0.0, 0.0, 0.0), np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]))
    assert turned.slices(1, 2).origin == (4.0, 0.0, 0.0)
    np.testing.assert_array_equal(turned.slices(1, 2).hu, HU[1:2])


@pytest.mark.parametrize(
    ("x", "y", "seen"),
    [(1, 1, HU[0]), (-1, 1, HU[0][:, ::-1]), (1, -1, HU[0][::-1]), (-1, -1, HU[0][::-1, ::-1])],
)
def test_a_slice_is_seen_with_the_patients_right_on_the_left_however_it_is_stored(x, y, seen):
    volume = CTVolume(HU, direction=np.diag([x, y, 1]))
    np.testing.assert_array_equal(volume.standard().hu[0], seen)


def test_what_is_no_volume_is_refused():
    with pytest.raises(ValueError, match="three axes"):
        CTVolume(HU[0])
    with pytest.raises(ValueError, match="padding"):
        CTVolume(HU, padding=np.zeros((1, 3, 4), bool))
