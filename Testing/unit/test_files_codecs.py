"""Compressed series are read exactly, with nothing but what the package needs anyway."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import dicom_factory as factory
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import read_volume
from LDCTDenoiseLib.files.dicom_rle import unpack_rle
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

PART_2 = UID("1.2.840.10008.1.2.4.92")  # a JPEG 2000 that GDCM does not know
SAMPLES = Path(pydicom.__file__).parent / "data" / "test_files"
_ITK_NAMES = {JPEGLosslessSV1: "JPEG", JPEG2000Lossless: "JPEG2000"}


def stream(plane: np.ndarray, syntax: str, folder: Path) -> bytes:
    """The compressed stream of a plane, as SimpleITK writes it."""
    file = folder / "stream.dcm"
    writer = sitk.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.SetFileName(str(file))
    writer.SetUseCompression(True)
    writer.SetCompressor(_ITK_NAMES[syntax])
    writer.Execute(sitk.GetImageFromArray(plane[None]))
    return stream_of(file)


def stream_of(file: Path) -> bytes:
    """The one stream in a compressed file."""
    content = pydicom.dcmread(file).PixelData
    first = 8 + int.from_bytes(content[4:8], "little")  # after the table of offsets
    return content[first + 8 : first + 8 + int.from_bytes(content[first + 4 : first + 8], "little")]


def sample(name: str) -> Path:
    """A file that comes with pydicom or with the package pydicom-data; nothing is downloaded."""
    if (SAMPLES / name).is_file():
        return SAMPLES / name
    more = pytest.importorskip("data_store", reason="the package pydicom-data is not installed")
    return Path(more.__file__).parent / "data" / name


def with_streams(dataset: pydicom.Dataset, streams: list[bytes], syntax: str, fragments: int = 1) -> pydicom.Dataset:
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(streams, fragments_per_frame=fragments)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def smooth(dtype: str, lowest: int, highest: int) -> np.ndarray:
    """A plane [64, 80] with a slope, some noise, and both ends of the range."""
    rng = np.random.default_rng(0)
    plane = np.linspace(lowest, highest, 64 * 80).reshape(64, 80) + rng.normal(0, 20, (64, 80))
    plane = np.clip(plane, lowest, highest).astype(dtype)
    plane[0, :2] = lowest, highest
    return plane


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless])
@pytest.mark.parametrize(("dtype", "lowest", "highest"), [("uint16", 0, 65535), ("int16", -2000, 32767)])
@pytest.mark.parametrize(("slope", "intercept"), [("1", "-1024"), ("0.37", "-1000.5")])
def test_lossless_streams_give_the_stored_values_exactly(
    tmp_path: Path, syntax: str, dtype: str, lowest: int, highest: int, slope: str, intercept: str
):
    plane = smooth(dtype, lowest, highest)
    dataset = factory.ct_slice(plane, (0, 0, 0), RescaleSlope=slope, RescaleIntercept=intercept)
    folder = factory.save([with_streams(dataset, [stream(plane, syntax, tmp_path)], syntax)], tmp_path / "series")
    volume = read_volume(folder)
    assert np.array_equal(volume.hu[0], (plane.astype(float) * float(slope) + float(intercept)).astype(np.float32))
    assert volume.source.dtype == dtype


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless])
@pytest.mark.parametrize("bits", [12, 9, 8])
def test_a_header_with_fewer_bits_than_the_stream_changes_no_value(tmp_path: Path, syntax: str, bits: int):
    plane = smooth("uint16", 0, 4095)
    dataset = factory.ct_slice(plane, (0, 0, 0), BitsStored=bits, HighBit=bits - 1)
    folder = factory.save([with_streams(dataset, [stream(plane, syntax, tmp_path)], syntax)], tmp_path / "series")
    assert np.array_equal(read_volume(folder).hu[0], plane - 1024.0)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless])
def test_the_sign_is_the_headers_where_the_stream_has_none(tmp_path: Path, syntax: str):
    plane = smooth("int16", -1024, 3000)
    dataset = factory.ct_slice(plane, (0, 0, 0), RescaleIntercept="0")
    with_streams(dataset, [stream(plane.view(np.uint16), syntax, tmp_path)], syntax)
    assert np.array_equal(read_volume(factory.save([dataset], tmp_path / "series")).hu[0], plane)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
        ("MR_small_jp2klossless.dcm", "MR_small.dcm"),
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("693_J2KR.dcm", "693_UNCR.dcm"),
        ("emri_small_jpeg_2k_lossless.dcm", "emri_small.dcm"),
        ("emri_small_jpeg_ls_lossless.dcm", "emri_small.dcm"),
        ("emri_small_RLE.dcm", "emri_small.dcm"),
    ],
)
def test_streams_of_other_programs_are_those_of_their_uncompressed_twins(tmp_path: Path, name: str, plain: str):
    compressed, twin = pydicom.dcmread(sample(name)), pydicom.dcmread(sample(plain))
    pixels = twin.pixel_array.reshape(-1, twin.Rows, twin.Columns)
    heights = np.arange(len(pixels)) * 2.5
    dataset = factory.enhanced(pixels, heights, [1] * len(pixels))
    dataset.BitsStored, dataset.HighBit = compressed.BitsStored, compressed.HighBit
    dataset.file_meta.TransferSyntaxUID = compressed.file_meta.TransferSyntaxUID
    dataset.PixelData = compressed.PixelData
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    assert np.array_equal(read_volume(factory.save([dataset], tmp_path)).hu, pixels - 1024.0)


def test_a_stream_without_sign_for_signed_values_of_thirteen_bits_is_read_as_the_header_says(tmp_path: Path):
    code = stream_of(SAMPLES / "J2K_pixelrep_mismatch.dcm")
    dataset = factory.ct_slice(np.zeros((512, 512), np.int16), (0, 0, 0), BitsStored=13, HighBit=12)
    hu = read_volume(factory.save([with_streams(dataset, [code], JPEG2000Lossless)], tmp_path)).hu
    assert (hu.min(), hu.max()) == (-2000.0 - 1024.0, 1896.0 - 1024.0)


def test_a_stream_of_twelve_bits_gets_its_sign_from_the_highest_of_them(tmp_path: Path):
    plane = smooth("int16", -2000, 2047)
    # A lossless stream holds differences, of the first value from half the range: this one then says 12 bits.
    code = bytearray(
        stream(((plane.astype(np.int32) & 0xFFF) + 32768 - 2048).astype(np.uint16), JPEGLosslessSV1, tmp_path)
    )
    code[code.index(b"\xff\xc3") + 4] = 12
    dataset = factory.ct_slice(plane, (0, 0, 0), BitsStored=12, HighBit=11)
    folder = factory.save([with_streams(dataset, [bytes(code)], JPEGLosslessSV1)], tmp_path / "series")
    assert np.array_equal(read_volume(folder).hu[0], plane - 1024.0)


def test_lossy_twelve_bit_jpeg_is_read_without_a_word_on_the_screen(tmp_path: Path, capfd):
    code = stream_of(SAMPLES / "JPGExtended.dcm")
    dataset = factory.ct_slice(np.zeros((1024, 256), np.uint16), (0, 0, 0), BitsStored=12, HighBit=11)
    hu = read_volume(factory.save([with_streams(dataset, [code], JPEGExtended12Bit)], tmp_path)).hu
    assert (hu.min(), hu.max()) == (-1024.0, 264.0 - 1024.0)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("fragments", [1, 3])
def test_frames_in_several_fragments_are_put_together(tmp_path: Path, fragments: int):
    planes = [smooth("uint16", 0, 3000), smooth("uint16", 500, 4000)]
    dataset = factory.enhanced(np.stack(planes), [0, 2.5], [1, 2])
    streams = [stream(plane, JPEGLosslessSV1, tmp_path) for plane in planes]
    with_streams(dataset, streams, JPEGLosslessSV1, fragments)
    hu = read_volume(factory.save([dataset], tmp_path / "series")).hu
    assert np.array_equal(hu[0], planes[0] - 1024.0) and np.array_equal(hu[1], planes[1] * 2 - 1024.0)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32"])
def test_run_lengths_of_every_width_are_unpacked(dtype: str):
    plane = np.random.default_rng(0).integers(0, 120, (9, 100)).astype(dtype)
    plane[3:6] = 7
    width = plane.itemsize
    segments = [run_lengths(plane.view(np.uint8).reshape(9, 100, width)[..., i]) for i in reversed(range(width))]
    starts = np.cumsum([64, *map(len, segments)])[:width].tolist()
    header = struct.pack("<16I", width, *starts, *[0] * (15 - width))
    assert np.array_equal(unpack_rle(header + b"".join(segments), 9, 100, dtype), plane)


def run_lengths(plane: np.ndarray) -> bytes:
    """Rows as they are, or as one repeated byte where they are constant; the code that means nothing in between."""
    packed = b""
    for row in plane:
        same = (row == row[0]).all()
        packed += bytes([257 - row.size, row[0], 128]) if same else bytes([row.size - 1, *row])
    return packed


@pytest.mark.parametrize("change", ["size", "fragment", "end", "noise"])
def test_streams_that_do_not_fit_their_header_are_refused(tmp_path: Path, change: str, capfd):
    plane = smooth("uint16", 0, 3000)
    code = bytearray(stream(plane, JPEGLosslessSV1, tmp_path))
    if change == "size":
        plane = plane[:-1]
    elif change == "end":
        del code[len(code) // 2 :]
    elif change == "noise":
        code[2:40] = b"\xa5" * 38
    dataset = with_streams(factory.ct_slice(plane, (0, 0, 0)), [bytes(code)], JPEGLosslessSV1)
    file = factory.save([dataset], tmp_path / "series") / "000.dcm"
    if change == "fragment":
        content = file.read_bytes()
        place = content.rindex(b"\xfe\xff\x00\xe0") + 4
        file.write_bytes(content[:place] + b"\xff\xff\xff\x7f" + content[place + 4 :])
    with pytest.raises(InputError, match=r"000\.dcm could not be decoded"):
        read_volume(file.parent)
    assert capfd.readouterr() == ("", "")


def test_a_stream_of_jpeg_ls_that_was_cut_is_refused(tmp_path: Path):
    code = stream_of(SAMPLES / "MR_small_jpeg_ls_lossless.dcm")
    dataset = factory.ct_slice(np.zeros((64, 64), np.int16), (0, 0, 0))
    with pytest.raises(InputError, match="could not be decoded"):
        read_volume(factory.save([with_streams(dataset, [code[:900]], JPEGLSLossless)], tmp_path))


def test_a_decoder_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from LDCTDenoiseLib.files import dicom_decode

    monkeypatch.setattr(dicom_decode, "_pydicom_decoder", lambda syntax: (True, False))
    dataset = factory.ct_slice(smooth("uint16", 0, 9), (0, 0, 0))
    with pytest.raises(InputError, match=r'JPEG 2000 Part 2.*pip install "ldct-denoise\[codecs\]"'):
        read_volume(factory.save([with_streams(dataset, [b"\xff\x4f\xff\x51"], PART_2)], tmp_path))


def test_run_lengths_that_unpack_to_too_little_or_lie_outside_are_refused(tmp_path: Path):
    dataset = factory.ct_slice(smooth("uint16", 0, 9), (0, 0, 0))
    for header in (b"\2" + b"\0" * 63, b"\2\0\0\0" + b"\xff" * 60, (1).to_bytes(4, "little") * 16, b""):
        with_streams(dataset, [header + b"\x81\0"], RLELossless)
        with pytest.raises(InputError, match="could not be decoded"):
            read_volume(factory.save([dataset], tmp_path))


def test_nothing_of_a_decoded_frame_stays_on_the_disk(tmp_path: Path):
    code = stream_of(SAMPLES / "MR_small_jpeg_ls_lossless.dcm")
    dataset = factory.ct_slice(np.zeros((64, 64), np.int16), (0, 0, 0))
    folder = factory.save([with_streams(dataset, [code], JPEGLSLossless)], tmp_path / "series")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    script = (
        f"import tempfile; tempfile.tempdir = {str(scratch)!r}\n"
        f"from LDCTDenoiseLib.files import read_volume; read_volume({str(folder)!r})"
    )
    library = Path(sys.modules["LDCTDenoiseLib"].__file__).parents[1]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=library, stdin=subprocess.DEVNULL)
    assert not list(scratch.iterdir())
