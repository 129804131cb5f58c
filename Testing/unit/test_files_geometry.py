"""DICOM geometry: the order of slices, where they lie, and what is told when they form no regular grid."""

from __future__ import annotations

import shutil
from pathlib import Path

import dicom_factory as factory
import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import read_volume

ABDOMEN = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "dicom" / "abdomen_CRLM-CT-1004"


def sitk_volume(folder: Path):
    """The series as SimpleITK's own reader sees it: values [slices, rows, columns], spacing, origin, direction."""
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    direction = np.reshape(image.GetDirection(), (3, 3))
    return sitk.GetArrayFromImage(image), image.GetSpacing(), image.GetOrigin(), direction


def assert_as_simpleitk(folder: Path, tolerance: float = 1e-6) -> None:
    values, spacing, origin, direction = sitk_volume(folder)
    volume = read_volume(folder)
    np.testing.assert_array_equal(volume.hu, values)
    np.testing.assert_allclose(volume.spacing, spacing, atol=tolerance)
    np.testing.assert_allclose(volume.origin, origin, atol=tolerance)
    np.testing.assert_allclose(volume.direction, direction, atol=tolerance)


@pytest.mark.skipif(not ABDOMEN.is_dir(), reason="the shared DICOM data are not on this machine")
def test_a_real_series_has_the_values_and_the_geometry_that_simpleitk_gives_it():
    assert_as_simpleitk(ABDOMEN)
    volume = read_volume(ABDOMEN)
    assert volume.shape == (41, 512, 512)
    assert volume.source.dtype == "int16" and (volume.source.slope, volume.source.intercept) == (1.0, -1024.0)
    assert volume.source.tags["ConvolutionKernel"] == "STANDARD"
    assert volume.source.notices == ()


def test_a_series_in_any_file_order_is_sorted_along_its_normal(tmp_path: Path):
    pixels = factory.stored_values()
    heights = [5.0, 0.0, 10.0, 2.5, 7.5]
    folder = factory.save(factory.ct_series(pixels, heights=heights), tmp_path)
    volume = read_volume(folder)
    np.testing.assert_array_equal(volume.hu, pixels[np.argsort(heights)].astype(np.float64) - 1024)
    assert [file.name for file in volume.source.files] == ["001.dcm", "003.dcm", "000.dcm", "004.dcm", "002.dcm"]
    assert volume.origin[2] == pytest.approx(-100.0)


@pytest.mark.parametrize(
    "orientation",
    [
        factory.AXIAL,
        (-1, 0, 0, 0, -1, 0),  # feet first, prone
        (1, 0, 0, 0, -1, 0),  # the normal points down
        (1, 0, 0, 0, 0, -1),  # coronal
        (0, 1, 0, 0, 0, -1),  # sagittal
        tuple(factory.rotation(12, -25, 40)),  # oblique
    ],
)
def test_oblique_and_flipped_series_have_simpleitks_geometry(tmp_path: Path, orientation):
    series = factory.ct_series(factory.stored_values(), orientation=orientation)
    folder = factory.save(reversed(series), tmp_path)
    assert_as_simpleitk(folder)
    volume = read_volume(folder)
    assert np.linalg.det(volume.direction) == pytest.approx(1.0)
    assert volume.source.notices == ()


def test_every_voxel_of_a_slice_lies_where_its_header_says(tmp_path: Path):
    series = factory.ct_series(factory.stored_values(), orientation=factory.rotation(5, 10, 15))
    volume = read_volume(factory.save(series, tmp_path))
    for index, dataset in enumerate(series):
        corner = np.asarray(volume.origin) + volume.direction @ (np.array([0, 0, index]) * volume.spacing)
        np.testing.assert_allclose(corner, [float(v) for v in dataset.ImagePositionPatient], atol=1e-5)


def test_a_single_slice_is_a_volume_as_thick_as_the_slice(tmp_path: Path):
    volume = read_volume(factory.save(factory.ct_series(factory.stored_values(1)), tmp_path))
    assert volume.shape == (1, 12, 10) and volume.spacing == (0.7, 0.8, 2.5)


def test_a_single_slice_of_unknown_thickness_counts_as_one_millimetre(tmp_path: Path):
    series = factory.ct_series(factory.stored_values(1), SliceThickness=None)
    assert read_volume(factory.save(series, tmp_path)).spacing[2] == 1.0


def test_a_tilted_gantry_is_told_and_stacked_straight_as_simpleitk_does(tmp_path: Path):
    orientation = factory.rotation(12, 0, 0)
    sideways = np.tan(np.radians(12)) * orientation[3:]
    series = factory.ct_series(factory.stored_values(), orientation=orientation, shift=sideways)
    folder = factory.save(series, tmp_path)
    volume = read_volume(folder)
    (notice,) = volume.source.notices
    assert "tilted by 12.0°" in notice and "one by one" in notice
    np.testing.assert_allclose(volume.direction.T @ volume.direction, np.eye(3), atol=1e-6)
    assert_as_simpleitk(folder)


def test_slices_that_wander_sideways_are_told(tmp_path: Path):
    series = factory.ct_series(factory.stored_values())
    series[2].ImagePositionPatient = [-30 + 1.5, 20, -95]
    (notice,) = read_volume(factory.save(series, tmp_path)).source.notices
    assert "1.5 mm beside" in notice


@pytest.mark.parametrize(
    ("heights", "step"),
    [
        ([0, 2.0, 5.0, 6.5, 9.0], 2.25),
        ([0, 5, 10, 15, 20, 30, 40, 50], 5.0),  # 5 mm through the skull base, 10 mm above
        ([0, 5, 10, 15, 20.3, 25.3], 5.0),
        ([0, 2.5, 5, 8.7, 11.2, 13.7], 2.5),  # two stacks with a gap that no whole number of slices fills
    ],
)
def test_uneven_spacing_is_told_and_the_middle_distance_kept(tmp_path: Path, heights, step):
    series = factory.ct_series(factory.stored_values(len(heights)), heights=heights)
    volume = read_volume(factory.save(series, tmp_path))
    (notice,) = volume.source.notices
    assert "distance between slices varies" in notice
    assert volume.spacing[2] == pytest.approx(step)


def test_positions_rounded_to_few_digits_count_as_even(tmp_path: Path):
    heights = np.round(np.arange(20) * 1.1111, 2)
    volume = read_volume(factory.save(factory.ct_series(factory.stored_values(20), heights=heights), tmp_path))
    assert volume.source.notices == () and volume.spacing[2] == pytest.approx(1.1111, abs=1e-3)
    heights = [0, 5.05, 10, 15.05, 20]
    volume = read_volume(factory.save(factory.ct_series(factory.stored_values(5), heights=heights), tmp_path / "thick"))
    assert volume.source.notices == () and volume.spacing[2] == pytest.approx(5.0)


@pytest.mark.skipif(not ABDOMEN.is_dir(), reason="the shared DICOM data are not on this machine")
def test_a_slice_missing_from_a_real_series_is_noticed(tmp_path: Path):
    for file in ABDOMEN.iterdir():
        if file.name != "1-20.dcm":
            shutil.copy(file, tmp_path)
    with pytest.raises(InputError, match="A slice is missing"):
        read_volume(tmp_path)
