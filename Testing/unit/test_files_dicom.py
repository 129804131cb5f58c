"""DICOM series that are one CT volume: values, encodings, what the source remembers."""

from __future__ import annotations

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


@pytest.fixture
def a_series(tmp_path: Path) -> Path:
    return factory.save(factory.ct_series(factory.stored_values()), tmp_path / "series")


def test_stored_values_become_hu_exactly(a_series: Path):
    volume = read_volume(a_series)
    np.testing.assert_array_equal(volume.hu, factory.stored_values().astype(np.float64) - 1024)
    assert volume.hu.dtype == np.float32


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


def test_files_need_no_ending_and_paths_may_have_blanks_and_umlauts(tmp_path: Path):
    folder = factory.save(factory.ct_series(factory.stored_values()), tmp_path / "Größe ü 測定", "I{:d}0".format)
    (folder / "notes.txt").write_text("not DICOM")
    (folder / ".hidden.dcm").write_text("left by a file manager")
    assert read_volume(folder).shape == (5, 12, 10)


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
