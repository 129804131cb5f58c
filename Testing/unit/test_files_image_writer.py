"""Volume files, written slice by slice: the very bytes that ITK writes, or nothing."""

from __future__ import annotations

import errno
import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib.files import image_writer, read_volume, write_volume
from LDCTDenoiseLib.volume import CTVolume
from test_files_images import ENDINGS, a_volume, refusal


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_write_that_fails_leaves_nothing(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch):
    def half_written(image, name, useCompression):
        Path(name).write_bytes(b"half of it")
        raise RuntimeError("ITK ERROR: no space left on device")

    monkeypatch.setattr(sitk, "WriteImage", half_written)
    text = refusal(lambda: write_volume(a_volume(), tmp_path / "new folder" / f"x{ending}"))
    assert "could not be written" in text and "ITK" not in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kept", [0, 100])
def test_a_header_that_itk_wrote_short_without_a_word_is_noticed(tmp_path: Path, ending: str, kept: int, monkeypatch):
    write = sitk.WriteImage

    def short(image, name, useCompression):
        write(image, name, useCompression)
        Path(name).write_bytes(Path(name).read_bytes()[:kept])

    monkeypatch.setattr(sitk, "WriteImage", short)
    assert "disk full" in refusal(lambda: write_volume(a_volume(), tmp_path / f"x{ending}"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_that_a_system_puts_beside_are_never_taken_for_the_voxels(tmp_path: Path, ending: str, monkeypatch):
    write = sitk.WriteImage

    def with_neighbours(image, name, useCompression):
        write(image, name, useCompression)
        for prefix in ("._", ".nfs", "z"):
            Path(name).with_name(f"{prefix}{Path(name).name}").write_bytes(b"of the system")

    monkeypatch.setattr(sitk, "WriteImage", with_neighbours)
    volume = a_volume()
    np.testing.assert_array_equal(read_volume(write_volume(volume, tmp_path / f"ü x.y{ending}")).hu, volume.hu)
    neighbours = [file for file in tmp_path.iterdir() if file.name.startswith((".", "z"))]
    assert {file.read_bytes() for file in neighbours} == {b"of the system"}


@pytest.mark.parametrize("ending", [".nhdr", ".mhd"])
@pytest.mark.parametrize("line", [b"", b"../x.raw", b"missing.raw", b"."])
def test_a_header_whose_voxels_are_nowhere_is_noticed(tmp_path: Path, ending: str, line: bytes, monkeypatch):
    write = sitk.WriteImage

    def elsewhere(image, name, useCompression):
        write(image, name, useCompression)
        Path(name).parents[1].joinpath("x.raw").touch()
        head, field = (
            Path(name).read_bytes().splitlines()[:-1],
            b"data file: " if ending == ".nhdr" else b"ElementDataFile = ",
        )
        Path(name).write_bytes(b"\n".join([*head, field + line, b""]))

    monkeypatch.setattr(sitk, "WriteImage", elsewhere)
    assert "could not be written" in refusal(lambda: write_volume(a_volume(), tmp_path / f"x{ending}"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_disk_that_is_full_in_the_middle_is_told_and_leaves_nothing(tmp_path: Path, ending: str, monkeypatch):
    written = []

    def planes(volume, dtype):
        for plane in volume.hu:
            if len(written) == 3:
                raise OSError(errno.ENOSPC, "No space left on device")
            written.append(plane)
            yield memoryview(plane.astype(dtype).tobytes())

    monkeypatch.setattr(image_writer, "_planes", planes)
    assert "disk is full" in refusal(lambda: write_volume(a_volume(), tmp_path / f"x{ending}"))
    assert list(tmp_path.iterdir()) == []


def test_nifti_holds_no_more_slices_than_its_header_can_count(tmp_path: Path):
    volume = CTVolume(np.zeros((32768, 1, 1), np.float32))
    assert "32767 slices" in refusal(lambda: write_volume(volume, tmp_path / "x.nii"))
    assert read_volume(write_volume(volume, tmp_path / "x.mha")).shape == (32768, 1, 1)
    most = CTVolume(volume.hu[1:])
    assert read_volume(write_volume(most, tmp_path / "x.nii")).shape == (32767, 1, 1)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_header_and_voxels_are_those_that_itk_writes(tmp_path: Path, ending: str, dtype: str):
    volume = a_volume(dtype)
    volume.hu[:] = np.abs(volume.hu) % 250
    image = sitk.GetImageFromArray(volume.hu.astype(dtype))
    image.SetSpacing(volume.spacing)
    image.SetOrigin(volume.origin)
    image.SetDirection(volume.direction.ravel())
    for folder in ("itk", "ours"):
        (tmp_path / folder).mkdir()
    sitk.WriteImage(image, str(tmp_path / "itk" / f"x{ending}"), useCompression=ending in (".nrrd", ".nhdr", ".nii.gz"))
    write_volume(volume, tmp_path / "ours" / f"x{ending}")
    for file in (tmp_path / "itk").iterdir():
        assert unpacked(tmp_path / "ours" / file.name) == unpacked(file)


def unpacked(path: Path) -> bytes:
    """The content; of a packed file, what ITK has packed."""
    content = path.read_bytes()
    begin = content.find(b"\x1f\x8b\x08")
    return content if begin < 0 or path.suffix == ".nii" else content[:begin] + gzip.decompress(content[begin:])


def test_a_volume_stored_backwards_is_written_in_its_order(tmp_path: Path):
    volume = a_volume()
    turned = CTVolume(volume.hu[::-1, :, ::-1], source=volume.source)
    np.testing.assert_array_equal(read_volume(write_volume(turned, tmp_path / "x.nrrd")).hu, turned.hu)
