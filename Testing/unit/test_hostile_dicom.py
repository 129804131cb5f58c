"""DICOM files made to harm: sequences without bottom, lengths beyond the file, bombs, streams of another size."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import dicom_factory as factory
import numpy as np
import pydicom
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import dicom_header, dicom_inflate, read_volume, room
from LDCTDenoiseLib.files.dicom_codestream import head_of
from LDCTDenoiseLib.files.dicom_rle import unpack_rle
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    RLELossless,
)
from test_files_codecs import smooth, stream, with_streams

NESTED = struct.pack("<HH2sHI", 0x5200, 0x9230, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)


def a_file(tmp_path: Path, syntax: str = ExplicitVRLittleEndian, frames: int | None = None) -> Path:
    dataset = factory.ct_slice(smooth("uint16", 0, 3000), (0, 0, 0))
    if syntax == RLELossless:
        factory.compress(dataset, syntax)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
    if frames is not None:
        dataset.NumberOfFrames = frames
    return factory.save([dataset], tmp_path / "series") / "000.dcm"


def with_element(file: Path, part: bytes) -> Path:
    """Puts `part` before the pixels."""
    content = file.read_bytes()
    place = content.rindex(b"\xe0\x7f\x10\x00O")
    file.write_bytes(content[:place] + part + content[place:])
    return file


def refusal(file: Path) -> str:
    begin = time.perf_counter()
    with pytest.raises(InputError) as refused:
        read_volume(file.parent)
    assert time.perf_counter() - begin < 5
    text = str(refused.value)
    assert "\n" not in text and len(text) < 400 and "000.dcm" in text
    return text


def deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize("depth", [1000, 20_000])
def test_a_sequence_without_bottom_is_refused(tmp_path: Path, depth: int):
    assert "damaged" in refusal(with_element(a_file(tmp_path), NESTED * depth))


def test_a_sequence_whose_lengths_are_told_may_be_deep_too(tmp_path: Path):
    part = b""
    for _ in range(3000):
        part = struct.pack("<HHI", 0xFFFE, 0xE000, len(part)) + part
        part = struct.pack("<HH2sHI", 0x5200, 0x9230, b"SQ", 0, len(part)) + part
    file = with_element(a_file(tmp_path), part)
    assert len(read_volume(file.parent).hu) == 1  # it is not needed: one frame


@pytest.mark.parametrize("kind", [b"OB", b"UN", b"UT", b"SQ", b"OW"])
@pytest.mark.parametrize("length", [0x7FFFFFFF, 0xFFFFFFF0, 0xFFFFFFFE])
def test_a_length_beyond_the_file_is_refused(tmp_path: Path, kind: bytes, length: int):
    refusal(with_element(a_file(tmp_path), struct.pack("<HH2sHI", 0x6001, 0x1001, kind, 0, length)))


def test_a_header_of_endless_small_elements_is_given_up(tmp_path: Path):
    parts = b"".join(struct.pack("<HH2sH", 0x6001, 0x1000 + i, b"SH", 0) for i in range(30_000))
    assert "damaged" in refusal(with_element(a_file(tmp_path), parts))


def test_a_sequence_of_endless_small_items_is_given_up(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dicom_header, "_MOST_READS", 20_000)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    part = NESTED[:12] + item * 50_000 + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    assert "damaged" in refusal(with_element(a_file(tmp_path), part))


@pytest.mark.skipif(pydicom.__version__ < "3", reason="pydicom 2 cannot look at a value without reading it")
def test_a_value_beyond_all_sense_is_not_taken_into_memory(tmp_path: Path):
    file = a_file(tmp_path)
    dataset = dicom_header.read_header(file).dataset
    assert dicom_header.value_of(dataset, "ConvolutionKernel") == "Br40f"
    long = struct.pack("<HH2sHI", 0x0018, 0x1210, b"UT", 0, 100_000) + b"B" * 100_000
    kernel = struct.pack("<HH2sH", 0x0018, 0x1210, b"SH", 6) + b"Br40f "
    content = file.read_bytes()
    assert kernel in content
    file.write_bytes(content.replace(kernel, long))
    assert dicom_header.value_of(dicom_header.read_header(file).dataset, "ConvolutionKernel") is None


@pytest.mark.skipif(pydicom.__version__ < "3", reason="pydicom 2 cannot look at a value without reading it")
def test_items_by_the_million_are_not_taken_apart(tmp_path: Path):
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    part = struct.pack("<HH2sHI", 0x5200, 0x9230, b"SQ", 0, len(item) * 1_500_000) + item * 1_500_000
    file = with_element(a_file(tmp_path), part)
    begun = time.perf_counter()
    assert len(read_volume(file.parent).hu) == 1  # one frame needs no groups
    assert time.perf_counter() - begun < 2


FAR = [{"PixelSpacing": ["1e30", "1e30"]}, {"PixelSpacing": ["0.5", "1e-30"]}, {"position": 1e30}]


@pytest.mark.parametrize("far", FAR, ids=range(3))
def test_numbers_beyond_any_scanner_are_refused(tmp_path: Path, far: dict):
    far = dict(far)
    position = (0, 0, far.pop("position", 0))
    dataset = factory.ct_slice(smooth("uint16", 0, 3000), (0, 0, 0), **far)
    dataset.ImagePositionPatient = [f"{place:g}" for place in position]
    refusal(factory.save([dataset], tmp_path / "series") / "000.dcm")


def test_an_unknown_kind_of_value_in_a_functional_group_is_one_sentence(tmp_path: Path):
    planes = np.stack([smooth("uint16", 0, 3000)] * 2)
    file = factory.save([factory.enhanced(planes, (0, 2.5), (1, 1))], tmp_path / "series") / "000.dcm"
    content = file.read_bytes()
    assert b"\x28\0\x10\x91SQ" in content
    file.write_bytes(content.replace(b"\x28\0\x10\x91SQ", b"\x28\0\x10\x91S\xff"))
    refusal(file)


def test_a_deflated_bomb_is_unpacked_only_as_far_as_its_pixels(tmp_path: Path):
    file = a_file(tmp_path, DeflatedExplicitVRLittleEndian)
    content = file.read_bytes()
    begin = 144 + struct.unpack("<I", content[140:144])[0]
    data = zlib.decompress(content[begin:], -zlib.MAX_WBITS)
    expected = read_volume(file.parent).hu
    file.write_bytes(content[:begin] + deflate(data + bytes(1 << 24)))
    begun = time.perf_counter()
    assert np.array_equal(read_volume(file.parent).hu, expected)
    assert time.perf_counter() - begun < 2


def test_a_deflated_header_of_nothing_but_zeros_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dicom_inflate, "_LONGEST_HEADER", 1 << 20)
    file = a_file(tmp_path, DeflatedExplicitVRLittleEndian)
    content = file.read_bytes()
    begin = 144 + struct.unpack("<I", content[140:144])[0]
    file.write_bytes(content[:begin] + deflate(bytes(1 << 24)))
    assert "damaged" in refusal(file)


def test_of_a_deflated_file_the_header_alone_is_unpacked(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dicom_inflate, "_LONGEST_HEADER", 1 << 16)
    file = tmp_path / "x.dcm"
    head = b"\0" * 128 + b"DICM\2\0\0\0UL\4\0\0\0\0\0"
    file.write_bytes(head + deflate(bytes(1 << 24)))
    with file.open("rb") as opened:
        assert len(dicom_inflate.unpacked_header(opened)) == len(head) + (1 << 16)


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.95])
def test_a_deflated_file_that_was_cut_is_refused(tmp_path: Path, keep: float):
    file = a_file(tmp_path, DeflatedExplicitVRLittleEndian)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep)])
    refusal(file)


def test_a_chain_of_endless_fragments_is_refused(tmp_path: Path, monkeypatch):
    from LDCTDenoiseLib.files import dicom_frames

    monkeypatch.setattr(dicom_frames, "_MOST_A_FRAME", 100)
    file = a_file(tmp_path, RLELossless)
    content = file.read_bytes()
    end = content.rindex(b"\xfe\xff\xdd\xe0")
    file.write_bytes(content[:end] + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 1000 + content[end:])
    assert "could not be decoded" in refusal(file)


@pytest.mark.parametrize("frames", [0, 2, 1000, 2_000_000_000])
def test_a_number_of_frames_that_is_not_there_is_refused(tmp_path: Path, frames: int):
    refusal(a_file(tmp_path, RLELossless, frames))


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless])
@pytest.mark.parametrize("rows", [1, 63, 65, 8000])
def test_a_stream_of_another_size_never_reaches_a_decoder(tmp_path: Path, syntax: str, rows: int, monkeypatch):
    from LDCTDenoiseLib.files import dicom_decode

    monkeypatch.setattr(dicom_decode, "_by_gdcm", lambda *_: pytest.fail("GDCM has seen it"))
    code = stream(smooth("uint16", 0, 3000), syntax, tmp_path)
    dataset = factory.ct_slice(np.zeros((rows, 80), np.uint16), (0, 0, 0))
    with_streams(dataset, [code], syntax)
    assert "could not be decoded" in refusal(factory.save([dataset], tmp_path / "series") / "000.dcm")


def jpeg_2000(rows: int = 64, columns: int = 80, tile: int = 80, components: int = 1, step: int = 1) -> bytes:
    sizes = struct.pack(">8I", columns, rows, 0, 0, tile, tile, 0, 0)
    return b"\xff\x4f\xff\x51\0\x29\0\0" + sizes + struct.pack(">HBBB", components, 15, step, step) + b"\xff\xd9"


def test_what_a_jpeg_2000_stream_says_of_itself_is_read():
    head = head_of(jpeg_2000())
    assert (head.rows, head.columns, head.bits) == (64, 80, 16)


@pytest.mark.parametrize(
    "code",
    [
        jpeg_2000(tile=0),
        jpeg_2000(tile=1),  # thousands of tiles, for each of which a decoder takes memory
        jpeg_2000(rows=0),
        jpeg_2000(components=3),
        jpeg_2000(step=0),
        jpeg_2000()[:30],
        b"\xff\xd8",
        b"\xff\xd8\xff\xda\0\x08",
        b"\xff\xd8\xff\xe0\0\0" * 3,
        b"\xff\xd8" + b"\xff" * 5000,
        b"\xff\xd8\xff\xc3\0\x0b\x10\0\x40\0\x50\x03",
        b"\xff\xd8\xff\xc3\0\x0b\x30\0\x40\0\x50\x01",
        b"nothing",
        b"",
    ],
    ids=range(14),
)
def test_streams_that_no_ct_has_are_refused(code: bytes):
    with pytest.raises(ValueError):
        head_of(code)


def test_run_lengths_unpack_to_no_more_than_the_frame():
    header = struct.pack("<16I", 1, 64, *[0] * 14)
    code = header + bytes([129, 7]) * 1_000_000  # 128 million bytes
    begun = time.perf_counter()
    assert np.array_equal(unpack_rle(code, 10, 10, "uint8"), np.full((10, 10), 7))
    assert time.perf_counter() - begun < 0.1


def test_a_series_beyond_all_memory_is_refused(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(room, "physical_memory", lambda: 10_000)
    assert "GB of memory" in refusal(a_file(tmp_path))
