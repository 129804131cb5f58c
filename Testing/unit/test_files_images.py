"""NRRD, NIfTI and MetaImage: what is written comes back, and what is no CT volume is refused."""

from __future__ import annotations

import gzip
import shutil
import struct
from pathlib import Path

import dicom_factory as factory
import numpy as np
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib.errors import Cancelled, InputError
from LDCTDenoiseLib.files import read_volume, write_volume
from LDCTDenoiseLib.files.completeness import holds_its_voxels
from LDCTDenoiseLib.files.endings import KINDS
from LDCTDenoiseLib.files.volume_header import read_volume_header
from LDCTDenoiseLib.volume import CTVolume, Source

ENDINGS = tuple(KINDS)


def a_volume(dtype: str = "int16", seed: int = 0, **source: object) -> CTVolume:
    """An oblique volume of whole HU."""
    row_column = factory.rotation(10, -20, 30).reshape(2, 3)
    direction = np.column_stack([row_column[0], row_column[1], np.cross(*row_column)])
    hu = np.random.default_rng(seed).integers(-1024, 3000, (6, 14, 11)).astype(np.float32)
    return CTVolume(hu, (0.7, 0.8, 2.5), (-31.5, 20.25, 1003.125), direction, source=Source(dtype=dtype, **source))


def refusal(action) -> str:
    with pytest.raises(InputError) as refused:
        action()
    text = str(refused.value)
    assert "\n" not in text and text.endswith((".", "?")) and len(text) < 400
    return text


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dtype", ["int16", "float32", "int32"])
def test_what_is_written_comes_back(tmp_path: Path, ending: str, dtype: str):
    volume = a_volume(dtype)
    if dtype == "float32":
        volume = volume.with_hu(volume.hu + np.float32(0.123))
    path = write_volume(volume, tmp_path / f"Größe 1{ending}")
    again = read_volume(path)
    np.testing.assert_array_equal(again.hu, volume.hu)
    tolerance = 1e-5 if KINDS[ending] == "nifti" else 1e-12  # NIfTI keeps geometry in single precision
    np.testing.assert_allclose(again.spacing, volume.spacing, rtol=tolerance)
    np.testing.assert_allclose(again.origin, volume.origin, rtol=tolerance)
    np.testing.assert_allclose(again.direction, volume.direction, atol=tolerance)
    assert again.source.dtype == dtype and again.source.kind == KINDS[ending]
    assert again.source.files == (path,) and again.source.notices == ()


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".mha"])
def test_left_handed_directions_are_kept(tmp_path: Path, ending: str):
    volume = a_volume()
    volume = CTVolume(volume.hu, volume.spacing, volume.origin, volume.direction @ np.diag([1, 1, -1]))
    again = read_volume(write_volume(volume, tmp_path / f"x{ending}"))
    np.testing.assert_allclose(again.direction, volume.direction, atol=1e-5)


def test_simpleitk_reads_the_same_geometry(tmp_path: Path):
    volume = a_volume()
    image = sitk.ReadImage(str(write_volume(volume, tmp_path / "x.nrrd")))
    np.testing.assert_allclose(image.GetOrigin(), volume.origin)
    np.testing.assert_allclose(np.reshape(image.GetDirection(), (3, 3)), volume.direction)
    assert sitk.GetArrayViewFromImage(image).dtype == np.int16


def test_a_two_file_format_can_be_moved_with_its_data(tmp_path: Path):
    for ending in (".nhdr", ".mhd"):
        volume = a_volume()
        path = write_volume(volume, tmp_path / "made here" / f"x{ending}")
        moved = shutil.copytree(path.parent, tmp_path / f"moved{ending}")
        shutil.rmtree(path.parent)
        np.testing.assert_array_equal(read_volume(moved / path.name).hu, volume.hu)


@pytest.mark.parametrize(
    ("source", "hu", "expected"),
    [
        (Source(dtype="int16"), [-1024.4, 3000.0], "int16"),
        (Source(dtype="uint8"), [0, 254.6], "uint8"),
        (Source(dtype="uint8"), [-1, 200], "int16"),
        (Source(dtype="uint16", intercept=-1024.0), [-1024, 3071], "int16"),
        (Source(dtype="uint16", intercept=-1024.0), [-1024, 64511], "int32"),
        (Source(dtype="int16", slope=0.5), [-1024, 3071], "float32"),
        (Source(dtype="int16", intercept=-1024.5), [-1024, 3071], "float32"),
        (Source(dtype="int16"), [-40000, 0], "int32"),
        (Source(dtype="int16"), [-1e12, 0], "float32"),
        (Source(dtype="int16"), [np.nan, 0], "float32"),
        (Source(dtype="float32"), [-1024, 3071], "float32"),
        (Source(dtype="float64"), [-1024, 3071], "float32"),
    ],
)
def test_the_integer_type_is_kept_where_it_can_hold_the_values(tmp_path: Path, source: Source, hu: list, expected: str):
    volume = CTVolume(np.array(hu, dtype=np.float32).reshape(1, 1, 2), source=source)
    image = sitk.ReadImage(str(write_volume(volume, tmp_path / "x.nrrd")))
    assert sitk.GetArrayViewFromImage(image).dtype == expected


def test_values_are_rounded_half_to_even(tmp_path: Path):
    volume = CTVolume(np.array([[[0.5, 1.5, -0.5, -1.5, 2.51, -1000.4]]]), source=Source(dtype="int16"))
    again = read_volume(write_volume(volume, tmp_path / "x.nrrd"))
    np.testing.assert_array_equal(again.hu, [[[0, 2, 0, -2, 3, -1000]]])


def test_padding_survives_a_round_trip(tmp_path: Path):
    volume = a_volume()
    volume.hu[:, :3, :3] = -3024
    again = read_volume(write_volume(volume, tmp_path / "x.nii.gz"))
    np.testing.assert_array_equal(again.padding, volume.hu == -3024)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64"]
)
def test_every_number_type_is_read_and_remembered(tmp_path: Path, dtype: str):
    values = np.arange(60).reshape(3, 4, 5).astype(dtype)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "x.nrrd"))
    volume = read_volume(tmp_path / "x.nrrd")
    assert volume.source.dtype == dtype and volume.hu.dtype == np.float32
    np.testing.assert_array_equal(volume.hu, values)


def test_a_flat_image_is_one_slice(tmp_path: Path):
    image = sitk.GetImageFromArray(np.full((4, 5), -900, np.int16))
    image.SetSpacing((0.5, 0.6))
    image.SetOrigin((3, 4))
    sitk.WriteImage(image, str(tmp_path / "x.mha"))
    volume = read_volume(tmp_path / "x.mha")
    assert volume.shape == (1, 4, 5) and volume.spacing == (0.5, 0.6, 1.0) and volume.origin == (3.0, 4.0, 0.0)
    np.testing.assert_array_equal(volume.direction, np.eye(3))


def test_endings_count_in_any_case(tmp_path: Path):
    path = write_volume(a_volume(), tmp_path / "X.NRRD")
    assert read_volume(path).shape == (6, 14, 11)


def test_values_that_do_not_look_like_hu_are_told(tmp_path: Path):
    sitk.WriteImage(sitk.GetImageFromArray(np.full((3, 4, 5), 7, np.uint8)), str(tmp_path / "x.nrrd"))
    (notice,) = read_volume(tmp_path / "x.nrrd").source.notices
    assert "does not look like Hounsfield units" in notice


def write_array(path: Path, values: np.ndarray, **options: bool) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(values, **options), str(path))
    return path


def test_four_axes_and_vectors_are_refused(tmp_path: Path):
    four = write_array(tmp_path / "four.nrrd", np.zeros((2, 3, 4, 5), np.int16), isVector=False)
    assert "4 axes" in refusal(lambda: read_volume(four))
    vector = write_array(tmp_path / "vector.mha", np.zeros((3, 4, 5, 2), np.int16), isVector=True)
    assert "several numbers" in refusal(lambda: read_volume(vector))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float):
    values = np.zeros((3, 4, 5), np.float32)
    values[1, 2, 3] = value
    path = write_array(tmp_path / "x.nrrd", values)
    assert "not finite" in refusal(lambda: read_volume(path))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, ending: str):
    path = write_volume(a_volume(), tmp_path / f"x{ending}")
    data = max(tmp_path.iterdir(), key=lambda file: file.stat().st_size)
    data.write_bytes(data.read_bytes()[:-7])
    assert "damaged" in refusal(lambda: read_volume(path))
    data.write_bytes(data.read_bytes()[:50])
    assert "damaged" in refusal(lambda: read_volume(path))


@pytest.mark.parametrize("place", [3, 15, 400, -20, -6])
def test_a_damaged_place_in_a_compressed_nifti_is_refused(tmp_path: Path, place: int):
    path = write_volume(a_volume(), tmp_path / "x.nii.gz")
    content = bytearray(path.read_bytes())
    content[place : place + 2] = bytes(byte ^ 0xFF for byte in content[place : place + 2])
    path.write_bytes(bytes(content))
    assert "damaged" in refusal(lambda: read_volume(path))


@pytest.mark.parametrize("sizes", [(32767, 32767, 32767), (11, 14, 7)])  # it has 11 × 14 × 6 voxels
def test_a_header_that_claims_too_much_is_refused(tmp_path: Path, sizes: tuple):
    path = write_volume(a_volume(), tmp_path / "x.nii")
    content = bytearray(path.read_bytes())
    content[42:48] = struct.pack("<3h", *sizes)
    path.write_bytes(bytes(content))
    assert "damaged" in refusal(lambda: read_volume(path))
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(bytes(content)))
    assert "damaged" in refusal(lambda: read_volume(tmp_path / "x.nii.gz"))


@pytest.mark.parametrize(("ending", "sizes"), [(".nrrd", b"11 14 6"), (".nhdr", b"11 14 6"), (".mha", b"11 14 6")])
def test_a_compressed_file_that_claims_too_much_takes_no_memory(tmp_path: Path, ending: str, sizes: bytes, monkeypatch):
    path = write_volume(a_volume(), tmp_path / f"x{ending}")
    content = path.read_bytes()
    assert sizes in content
    path.write_bytes(content.replace(sizes, b"900 900 900", 1))
    monkeypatch.setattr(sitk, "ReadImage", lambda name: pytest.fail("ITK was asked for the voxels"))
    assert "damaged" in refusal(lambda: read_volume(path))


@pytest.mark.parametrize("words", ["itkImportImageContainer.hxx:179:\nFailed to allocate memory", "std::bad_alloc"])
def test_a_file_is_not_called_damaged_where_memory_ran_out(tmp_path: Path, monkeypatch, words):
    def read(name):
        raise RuntimeError(f"Exception thrown in SimpleITK ImageFileReader_Execute: {words}")

    path = write_volume(a_volume(), tmp_path / "x.nrrd")
    monkeypatch.setattr(sitk, "ReadImage", read)
    text = refusal(lambda: read_volume(path))
    assert "memory" in text and "damaged" not in text


@pytest.mark.parametrize("ending", ENDINGS)
def test_garbage_with_a_good_ending_is_refused(tmp_path: Path, ending: str):
    for content in (b"", b"hello", np.random.default_rng(0).bytes(3000)):
        path = tmp_path / f"x{ending}"
        path.write_bytes(content)
        assert "damaged" in refusal(lambda path=path: read_volume(path))


def test_a_header_without_its_data_file_is_refused(tmp_path: Path):
    for ending in (".nhdr", ".mhd"):
        path = write_volume(a_volume(), tmp_path / f"x{ending}")
        for file in tmp_path.iterdir():
            if file != path:
                file.unlink()
        assert "damaged" in refusal(lambda path=path: read_volume(path))
        path.unlink()


@pytest.mark.parametrize("name", ["result", "result.png", "result.nii.zip", "result.dcm"])
def test_an_unknown_ending_is_refused_and_the_known_ones_named(tmp_path: Path, name: str):
    text = refusal(lambda: write_volume(a_volume(), tmp_path / name))
    assert all(ending in text for ending in ENDINGS)
    assert list(tmp_path.iterdir()) == []


def test_a_slanted_volume_is_not_written_as_nifti_which_would_bend_it(tmp_path: Path):
    direction = np.eye(3)
    direction[:, 2] = [0, 0.2, np.sqrt(0.96)]
    volume = CTVolume(a_volume().hu, direction=direction)
    assert "slanted" in refusal(lambda: write_volume(volume, tmp_path / "x.nii.gz"))
    np.testing.assert_allclose(read_volume(write_volume(volume, tmp_path / "x.nrrd")).direction, direction)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_existing_file_is_replaced_only_on_demand(tmp_path: Path, ending: str):
    path = write_volume(a_volume(), tmp_path / f"x{ending}")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert "exists already" in refusal(lambda: write_volume(a_volume(seed=1), path))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    write_volume(a_volume(seed=1), path, overwrite=True)
    np.testing.assert_array_equal(read_volume(path).hu, a_volume(seed=1).hu)
    assert {file.name for file in tmp_path.iterdir()} == set(before)


def test_progress_and_cancel_reach_volume_files_too(tmp_path: Path):
    path = write_volume(a_volume(), tmp_path / "x.nrrd")
    seen = []
    read_volume(path, progress=lambda *state: seen.append(state))
    assert seen == [(0, 1, "read"), (1, 1, "read")]
    with pytest.raises(Cancelled):
        read_volume(path, cancel=lambda: True)


def test_a_stream_that_cannot_be_unpacked_is_incomplete(tmp_path: Path):
    path = write_volume(a_volume(), tmp_path / "x.nii.gz")
    header, content = read_volume_header(path), bytearray(path.read_bytes())
    assert holds_its_voxels(header)
    content[30] ^= 0xFF  # in the code table of the first block
    path.write_bytes(bytes(content))
    assert not holds_its_voxels(header)
