"""DICOM series that are one CT volume: values, order, geometry, padding, what the source remembers."""

from __future__ import annotations

import shutil
from pathlib import Path

import dicom_factory as factory
import numpy as np
import pydicom
import pytest
from LDCTDenoiseLib.errors import Cancelled, InputError
from LDCTDenoiseLib.files import read_volume
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

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


@pytest.fixture
def a_series(tmp_path: Path) -> Path:
    return factory.save(factory.ct_series(factory.stored_values()), tmp_path / "series")


@pytest.mark.skipif(not ABDOMEN.is_dir(), reason="the shared DICOM data are not on this machine")
def test_a_real_series_has_the_values_and_the_geometry_that_simpleitk_gives_it():
    assert_as_simpleitk(ABDOMEN)
    volume = read_volume(ABDOMEN)
    assert volume.shape == (41, 512, 512)
    assert volume.source.dtype == "int16" and (volume.source.slope, volume.source.intercept) == (1.0, -1024.0)
    assert volume.source.tags["ConvolutionKernel"] == "STANDARD"
    assert volume.source.notices == ()


@pytest.mark.skipif(not ABDOMEN.is_dir(), reason="the shared DICOM data are not on this machine")
def test_the_corners_that_a_real_scanner_left_empty_are_padding():
    volume = read_volume(ABDOMEN)
    np.testing.assert_array_equal(volume.padding, volume.hu == -3024)
    assert volume.padding[:, 0, 0].all() and not volume.padding[:, 256, 256].any()


def test_stored_values_become_hu_exactly(a_series: Path):
    volume = read_volume(a_series)
    np.testing.assert_array_equal(volume.hu, factory.stored_values().astype(np.float64) - 1024)
    assert volume.hu.dtype == np.float32


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


def test_each_slice_is_rescaled_with_its_own_slope_and_intercept(tmp_path: Path):
    pixels = factory.stored_values(3)
    series = factory.ct_series(pixels)
    for dataset, slope, intercept in zip(series, ("1", "0.5", "2.25"), ("-1024", "-1000", "-24.5"), strict=True):
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    volume = read_volume(factory.save(series, tmp_path))
    expected = pixels * np.array([1, 0.5, 2.25]).reshape(3, 1, 1) + np.array([-1024, -1000, -24.5]).reshape(3, 1, 1)
    np.testing.assert_array_equal(volume.hu, expected.astype(np.float32))
    assert (volume.source.slope, volume.source.intercept) == (1.0, -1024.0)
    assert volume.source.dtype == "float32"  # no one integer type with one slope holds this volume


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint8", "int32"])
def test_the_stored_type_is_remembered(tmp_path: Path, dtype: str):
    pixels = (factory.stored_values() % 256).astype(dtype)
    volume = read_volume(factory.save(factory.ct_series(pixels), tmp_path))
    assert volume.source.dtype == dtype and volume.source.kind == "dicom"
    np.testing.assert_array_equal(volume.hu, pixels.astype(np.float64) - 1024)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_uncompressed_encoding_gives_the_same_values(tmp_path: Path, syntax):
    pixels = factory.stored_values()
    series = factory.ct_series(pixels)
    for dataset in series:
        dataset.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    volume = read_volume(factory.save(series, tmp_path))
    np.testing.assert_array_equal(volume.hu, pixels.astype(np.float64) - 1024)


def test_run_length_encoded_slices_are_decoded(tmp_path: Path):
    pixels = factory.stored_values(3)
    series = factory.ct_series(pixels)
    for dataset in series:
        factory.compress(dataset, RLELossless)
    volume = read_volume(factory.save(series, tmp_path))
    np.testing.assert_array_equal(volume.hu, pixels.astype(np.float64) - 1024)


def test_a_bare_data_set_without_preamble_is_read(a_series: Path):
    for file in a_series.iterdir():
        dataset = pydicom.dcmread(file)
        meta_bytes = 132 + 12 + dataset.file_meta.FileMetaInformationGroupLength
        file.write_bytes(file.read_bytes()[meta_bytes:])
    assert read_volume(a_series).shape == (5, 12, 10)


def test_graphics_in_the_unused_bits_are_no_measurement(tmp_path: Path):
    pixels = factory.stored_values() % 4096
    series = factory.ct_series(pixels | 0x8000, BitsStored=12, HighBit=11)
    for dataset in series:
        dataset.add_new(0x60000100, "US", 16)
        dataset.add_new(0x60000102, "US", 15)
    volume = read_volume(factory.save(series, tmp_path))
    np.testing.assert_array_equal(volume.hu, pixels.astype(np.float64) - 1024)


def test_a_folder_and_any_of_its_files_are_the_same_series(a_series: Path):
    whole = read_volume(a_series)
    one = read_volume(str(a_series / "003.dcm"))
    np.testing.assert_array_equal(whole.hu, one.hu)
    assert whole.source.files == one.source.files and one.source.path == a_series / "003.dcm"


def test_a_file_chooses_its_series_among_several_in_a_folder(a_series: Path):
    other = factory.ct_series(factory.stored_values(3, seed=1), SeriesInstanceUID="1.9", SeriesNumber=3)
    factory.save(other, a_series, "B{:d}".format)
    assert read_volume(a_series / "000.dcm").shape[0] == 5
    assert read_volume(a_series / "B1").shape[0] == 3


def test_the_series_of_a_folder_can_be_listed(a_series: Path):
    from LDCTDenoiseLib.files.dicom_series import series_in_folder

    factory.save(factory.ct_series(factory.stored_values(3), SeriesInstanceUID="1.9"), a_series, "B{:d}".format)
    (a_series / "notes.txt").write_text("not DICOM")
    found = series_in_folder(a_series)
    assert {uid: len(files) for uid, files in found.items()} == {"1.2.3.4": 5, "1.9": 3}


def test_files_need_no_ending_and_paths_may_have_blanks_and_umlauts(tmp_path: Path):
    folder = factory.save(factory.ct_series(factory.stored_values()), tmp_path / "Größe ü 測定", "I{:d}0".format)
    (folder / "notes.txt").write_text("not DICOM")
    (folder / ".hidden.dcm").write_text("left by a file manager")
    assert read_volume(folder).shape == (5, 12, 10)


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


def test_an_enhanced_object_is_read_frame_by_frame(tmp_path: Path):
    pixels = factory.stored_values(3)
    dataset = factory.enhanced(pixels, heights=[20, 10, 30], slopes=[1, 2, 0.5])
    volume = read_volume(factory.save([dataset], tmp_path))
    order = [1, 0, 2]
    slopes = np.array([2, 1, 0.5]).reshape(3, 1, 1)
    np.testing.assert_array_equal(volume.hu, (pixels[order] * slopes - 1024).astype(np.float32))
    assert volume.origin == (1.0, 2.0, 10.0) and volume.spacing == (0.7, 0.8, 10.0)
    assert len(volume.source.files) == 3


def test_a_compressed_enhanced_object_is_read_frame_by_frame(tmp_path: Path):
    pixels = factory.stored_values(3)
    dataset = factory.enhanced(pixels, heights=[0, 10, 20], slopes=[1, 1, 1])
    factory.compress(dataset, RLELossless)
    volume = read_volume(factory.save([dataset], tmp_path))
    np.testing.assert_array_equal(volume.hu, pixels.astype(np.float64) - 1024)


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


def test_a_volume_without_padding_has_no_mask(a_series: Path, tmp_path: Path):
    assert read_volume(a_series).padding is None
    pixels = factory.stored_values()
    pixels[:, :5, :5] = 0  # −1024 HU: air that was clipped, and nothing says otherwise
    assert read_volume(factory.save(factory.ct_series(pixels), tmp_path / "clipped")).padding is None


def test_the_source_tells_the_acquisition_and_no_names(a_series: Path):
    tags = read_volume(a_series).source.tags
    assert tags["ConvolutionKernel"] == "Br40f" and tags["KVP"] == "120"
    assert not any("Muster" in value or "4711" in value for value in tags.values())


def test_values_that_are_not_hu_and_lossy_pixels_are_told(tmp_path: Path):
    series = factory.ct_series(factory.stored_values(), RescaleType="MGML", LossyImageCompression="01")
    notices = read_volume(factory.save(series, tmp_path)).source.notices
    assert any("MGML" in notice for notice in notices) and any("loss" in notice for notice in notices)


def test_progress_counts_headers_and_then_slices(a_series: Path):
    seen = []
    read_volume(a_series, progress=lambda done, total, stage: seen.append((stage, done, total)))
    assert seen == [("scan", n, 5) for n in range(1, 6)] + [("read", n, 5) for n in range(1, 6)]


@pytest.mark.parametrize("files_until_cancel", [0, 2, 7])
def test_reading_stops_between_files_when_cancelled(a_series: Path, files_until_cancel: int):
    calls = iter(range(100))
    with pytest.raises(Cancelled):
        read_volume(a_series, cancel=lambda: next(calls) >= files_until_cancel)


def test_a_damaged_file_of_unknown_series_is_told_when_one_file_was_chosen(a_series: Path):
    (a_series / "broken.dcm").write_bytes(b"\0" * 500)
    (notice,) = read_volume(a_series / "000.dcm").source.notices
    assert "broken.dcm" in notice
    with pytest.raises(InputError, match=r"broken\.dcm is damaged"):
        read_volume(a_series)


def test_importing_the_room_loads_neither_simpleitk_nor_pydicom():
    import subprocess
    import sys

    import LDCTDenoiseLib

    heavy = "('SimpleITK', 'pydicom', 'scipy')"
    script = f"import sys, LDCTDenoiseLib.files; print([m for m in {heavy} if m in sys.modules])"
    home = Path(next(iter(LDCTDenoiseLib.__path__))).parent
    done = subprocess.run([sys.executable, "-c", script], cwd=home, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not ABDOMEN.is_dir(), reason="the shared DICOM data are not on this machine")
def test_a_slice_missing_from_a_real_series_is_noticed(tmp_path: Path):
    for file in ABDOMEN.iterdir():
        if file.name != "1-20.dcm":
            shutil.copy(file, tmp_path)
    with pytest.raises(InputError, match="A slice is missing"):
        read_volume(tmp_path)
