"""Padding: voxels that stand for no measurement are told from measurements."""

from __future__ import annotations

from pathlib import Path

import dicom_factory as factory
import numpy as np
import pytest
from LDCTDenoiseLib.files import read_volume

ABDOMEN = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "dicom" / "abdomen_CRLM-CT-1004"


@pytest.mark.skipif(not ABDOMEN.is_dir(), reason="the shared DICOM data are not on this machine")
def test_the_corners_that_a_real_scanner_left_empty_are_padding():
    volume = read_volume(ABDOMEN)
    np.testing.assert_array_equal(volume.padding, volume.hu == -3024)
    assert volume.padding[:, 0, 0].all() and not volume.padding[:, 256, 256].any()


def test_declared_padding_is_masked_and_kept(tmp_path: Path):
    pixels = factory.stored_values().astype(np.int16)
    pixels[:, :2, :2] = -2000
    pixels[0, 5, 5] = -1999  # below −1024 HU, and a measurement all the same
    volume = read_volume(factory.save(factory.ct_series(pixels, PixelPaddingValue=-2000), tmp_path))
    np.testing.assert_array_equal(volume.padding, pixels == -2000)
    assert (volume.hu[volume.padding] == -3024).all()


def test_padding_declared_as_signed_masks_unsigned_pixels_of_the_same_bits(tmp_path: Path):
    pixels = factory.stored_values()
    pixels[:, 0, 0] = 63536  # −2000 in 16 bits
    series = factory.ct_series(pixels, RescaleIntercept="-70000")
    for dataset in series:
        dataset.add_new(0x00280120, "SS", -2000)
    volume = read_volume(factory.save(series, tmp_path))
    np.testing.assert_array_equal(volume.padding, pixels == 63536)


def test_padding_declared_as_unsigned_masks_signed_pixels_of_the_same_bits(tmp_path: Path):
    pixels = factory.stored_values().astype(np.int16)
    pixels[:, 0, 0] = -2000
    pixels[:, 0, 1] = -2001
    series = factory.ct_series(pixels)
    for dataset in series:
        dataset.add_new(0x00280120, "US", 63536)
    volume = read_volume(factory.save(series, tmp_path))
    np.testing.assert_array_equal(volume.padding, pixels == -2000)


def test_a_padding_range_masks_all_that_lies_in_it(tmp_path: Path):
    pixels = factory.stored_values().astype(np.int16)
    pixels[:, 0, :3] = (-2000, -1900, -1800)
    series = factory.ct_series(pixels, PixelPaddingValue=-1850, PixelPaddingRangeLimit=-2000)
    volume = read_volume(factory.save(series, tmp_path))
    np.testing.assert_array_equal(volume.padding, (pixels >= -2000) & (pixels <= -1850))


def test_padding_that_equals_air_is_masked_where_it_is_solid_only(tmp_path: Path):
    pixels = factory.stored_values(2, 40, 40) + 1
    pixels[:, :8, :8] = 0  # a corner outside the field of view
    pixels[:, 8, 3] = 0  # joined to it
    pixels[:, 30, 20] = 0  # one clipped voxel of noisy air
    volume = read_volume(factory.save(factory.ct_series(pixels, PixelPaddingValue=0), tmp_path))
    expected = pixels == 0
    expected[:, 30, 20] = False
    np.testing.assert_array_equal(volume.padding, expected)


def test_without_a_declaration_a_plateau_below_air_is_padding(tmp_path: Path):
    pixels = factory.stored_values().astype(np.int16)
    pixels[:, :2, :2] = -2000
    volume = read_volume(factory.save(factory.ct_series(pixels), tmp_path))
    np.testing.assert_array_equal(volume.padding, pixels == -2000)


def test_a_volume_without_padding_has_no_mask(tmp_path: Path):
    pixels = factory.stored_values()
    assert read_volume(factory.save(factory.ct_series(pixels), tmp_path / "plain")).padding is None
    pixels[:, :5, :5] = 0  # −1024 HU: air that was clipped, and nothing says otherwise
    assert read_volume(factory.save(factory.ct_series(pixels), tmp_path / "clipped")).padding is None
