"""Volume files made to harm: each gets one sentence, before ITK has seen it, and takes neither memory nor time."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib import CTVolume
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import completeness, read_volume, room, write_volume
from LDCTDenoiseLib.files.images import image_shape
from LDCTDenoiseLib.files.regions import read_regions


def a_volume() -> CTVolume:
    return CTVolume(np.random.default_rng(0).integers(-900, 900, (6, 14, 11)).astype(np.float32), (0.8, 0.7, 3.0))


def with_line(tmp_path: Path, ending: str, line: str, compressed: bool = False) -> Path:
    """A sound file in whose header the line of the same key is replaced by `line`, or `line` is added as the second."""
    image = sitk.GetImageFromArray(a_volume().hu.astype(np.int16))
    path = tmp_path / f"x{ending}"
    sitk.WriteImage(image, str(path), useCompression=compressed)
    content = path.read_bytes()
    key = line.split("=")[0].split(":")[0].strip()
    lines = content.split(b"\n")
    same = [i for i, old in enumerate(lines[:30]) if old.startswith(key.encode())]
    if same:
        lines[same[0]] = line.encode()
    else:
        lines.insert(1, line.encode())
    path.write_bytes(b"\n".join(lines))
    return path


def refusal(path: Path, monkeypatch: pytest.MonkeyPatch | None = None) -> str:
    if monkeypatch is not None:
        monkeypatch.setattr(sitk, "ImageFileReader", lambda: pytest.fail("ITK has seen it"))
    with pytest.raises(InputError) as refused:
        read_volume(path)
    with pytest.raises(InputError):
        read_regions(path, a_volume())
    text = str(refused.value)
    assert "\n" not in text and text.endswith(".") and len(text) < 400
    return text


NAMES_ELSEWHERE = [
    "/etc/passwd", "/dev/zero", "../x.raw", "../../../etc/passwd", 
    "below/x.raw", "C:\\x.raw", "..\\x.raw", "LIST", "LIST 2",
    "x%03d.raw 1 5 1", "slice%d.raw 1 1000000000 1", ".", "..",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES_ELSEWHERE)
def test_a_header_opens_no_file_in_another_folder_and_no_list_of_files(tmp_path: Path, name: str, monkeypatch):
    (tmp_path / "one").mkdir()
    nrrd = with_line(tmp_path, ".nhdr", f"data file: {name}")
    assert "another folder" in refusal(nrrd, monkeypatch)
    monkeypatch.undo()
    meta = with_line(tmp_path / "one", ".mhd", f"ElementDataFile = {name}")
    assert "another folder" in refusal(meta, monkeypatch)


@pytest.mark.parametrize(
    "line",
    [
        "NDims = 99999999999999999999",  # crashed ITK, with any key that comes a hundred times
        "NDims = -3", "NDims = 0", "NDims = 11", "NDims = 3.5", "DimSize = 11 14", "DimSize = 11 14 -6",
        "DimSize = 0 0 0",
        "DimSize = 11 14 99999999999999999999", "DimSize = 11 14 9999999", "ElementType = MET_OTHER",
        "ElementSpacing = 1 1 nan",
        "ElementSpacing = 1 inf 1", "Offset = 1e300 0 0", "TransformMatrix = 1 0 0",
        "TransformMatrix = 0 0 0 0 0 0 0 0 0",
        "ElementNumberOfChannels = -1", "ElementNumberOfChannels = 1000000", "HeaderSize = -7",
        "HeaderSize = 99999999999",
        "Comment = " + "x" * 5000, "ObjectType = Tube", "ElementSpacing = 0 0 0",
    ],
)  # fmt: skip
def test_a_meta_image_with_impossible_numbers_is_refused(tmp_path: Path, line: str):
    refusal(with_line(tmp_path, ".mha", line))


def test_a_key_that_comes_often_is_not_shown_to_itk(tmp_path: Path, monkeypatch):
    """With a broken NDims it wrote beyond its memory."""
    path = with_line(tmp_path, ".mha", "NDims = 3")
    content = path.read_bytes()
    line = next(line for line in content.split(b"\n") if line.startswith(b"TransformMatrix"))
    path.write_bytes(content.replace(line, b"\n".join([line] * 3000)))
    assert "damaged" in refusal(path, monkeypatch)


@pytest.mark.parametrize(
    ("ending", "line"),
    [(".mha", "Comment = " + "x" * 300), (".mha", "x" * 300 + " = 1"), (".nrrd", "content: " + "x" * 500)],
    ids=range(3),
)
def test_lines_longer_than_itk_has_room_for_are_not_shown_to_it(tmp_path: Path, ending: str, line: str, monkeypatch):
    assert "damaged" in refusal(with_line(tmp_path, ending, line), monkeypatch)


def test_more_compressed_bytes_than_the_file_has_are_refused(tmp_path: Path, monkeypatch):
    path = with_line(tmp_path, ".mha", "CompressedDataSize = 99999999999", compressed=True)
    assert "damaged" in refusal(path, monkeypatch)


@pytest.mark.parametrize(
    "line",
    [
        "space origin: " + "x" * 5000,  # overflowed the buffer of ITK's message about it
        "space: " + "x" * 500, "x" * 500, "dimension: -1", "dimension: 99", "dimension: 3 3", "sizes: 11 14",
        "sizes: 11 14 -6",
        "sizes: 11 14 0", "sizes: 65535 65535 65535", "sizes: 99999999999999999999 1 1", "type: MET_OTHER",
        "type: block",
        "encoding: zrl", "encoding: hex", "byte skip: -2", "byte skip: 99999999999", "line skip: -1",
        "space directions: (0,0,0) (0,0,0) (0,0,0)", "space directions: (1,0,0) (1,0,0) (1,0,0)",
        "space directions: (nan,0,0) (0,1,0) (0,0,1)", "space directions: (1e308,0,0) (0,1e308,0) (0,0,1e308)",
        "space origin: (1e300,0,0)", "space directions: (1e-30,0,0) (0,1,0) (0,0,1)",
    ],
)  # fmt: skip
def test_a_nrrd_with_impossible_numbers_is_refused(tmp_path: Path, line: str):
    refusal(with_line(tmp_path, ".nrrd", line))


def test_a_nrrd_field_that_comes_twice_is_refused(tmp_path: Path, monkeypatch):
    path = with_line(tmp_path, ".nrrd", "type: short")
    path.write_bytes(path.read_bytes().replace(b"type: short\n", b"type: short\ntype: double\n", 1))
    assert "damaged" in refusal(path, monkeypatch)


def nifti(tmp_path: Path, place: int, code: str, *values: float) -> Path:
    path = write_volume(a_volume(), tmp_path / "x.nii", overwrite=True)
    content = bytearray(path.read_bytes())
    struct.pack_into("<" + code, content, place, *values)
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize(
    ("place", "code", "values"),
    [
        (108, "f", [float("inf")]), (108, "f", [float("nan")]), (108, "f", [-1.0]), (108,
        "f", [3e38]),  # where voxels begin
        (40, "4h", [-1, 11, 14, 6]), (40, "4h", [8, 11, 14, 6]), (40, "4h", [3, 11, -14, 6]), (40,
        "4h", [3, 0, 14, 6]),
        (70, "2h", [4, 64]), (70, "2h", [0, 0]), (70, "2h", [1536, 128]), (344, "4s", [b"ni1\0"]),
        (80, "3f", [float("nan")] * 3), (280, "12f", [0.0] * 12), (280, "f", [float("inf")]), (292, "f", [1e30]),
    ],
)  # fmt: skip
def test_a_nifti_with_impossible_numbers_is_refused(tmp_path: Path, place: int, code: str, values: list):
    path = nifti(tmp_path, place, code, *values)
    try:
        volume = read_volume(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:  # some are ignored where the header says them twice
        assert np.isfinite(volume.spacing).all() and abs(np.linalg.det(volume.direction)) > 0.5


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1.0, 3e38])
def test_where_nifti_voxels_begin_is_a_place_in_the_file(tmp_path: Path, value: float, monkeypatch):
    path = nifti(tmp_path, 108, "f", value)
    assert "damaged" in refusal(path, monkeypatch)
    packed = tmp_path / "y.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert "damaged" in refusal(packed)


def test_a_gzip_bomb_is_not_unpacked_to_its_end(tmp_path: Path, monkeypatch):
    """Forty kilobytes that become forty megabytes; with the true limit a hundred would become a hundred thousand."""
    path = write_volume(a_volume(), tmp_path / "x.nii.gz")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(40 << 20), 1))
    read_volume(path)
    unpacked = []
    read = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda file, size=-1: unpacked.append(size) or read(file, size))
    monkeypatch.setattr(completeness, "_MOST_BEYOND", 1 << 22)
    assert "damaged" in refusal(path)
    assert len(unpacked) <= 8 and max(unpacked) <= 1 << 22, "for the volume and for the regions, four parts at most"


def test_a_volume_beyond_all_memory_is_refused_before_it_is_read(tmp_path: Path, monkeypatch):
    path = write_volume(a_volume(), tmp_path / "x.nrrd")
    monkeypatch.setattr(room, "physical_memory", lambda: 6000)
    monkeypatch.setattr(sitk, "ReadImage", lambda name: pytest.fail("ITK was asked for the voxels"))
    assert "GB of memory" in refusal(path)


def test_the_memory_of_this_computer_is_known():
    assert room.physical_memory() is None or room.physical_memory() > 1 << 28


def test_the_shape_is_that_of_a_sound_header_only(tmp_path: Path):
    assert image_shape(write_volume(a_volume(), tmp_path / "x.nii.gz")) == (6, 14, 11)
    with pytest.raises(InputError):
        image_shape(with_line(tmp_path, ".nrrd", "sizes: 11 14 -6"))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000, '{"markups":' * 200_000, "[" * 100_000 + "]" * 100_000,
        '{"markups": ' + "9" * 5000 + "}", "", "null", "\ud800",
        '{"markups": [{"type": "ROI", "center": [1e400, 0, 0], "size": [1, 1, 1]}]}',
        '{"markups": [{"type": "ROI", "center": [' + "9" * 400 + ', 0, 0], "size": [1, 1, 1]}]}',
        '{"markups": [{"type": "ROI", "center": [' + "[" * 500 + "0" + "]" * 500 + '], "size": [1, 1, 1]}]}',
        json.dumps({"markups": [{"type": "ROI", "center": [0] * 3, "size": [float("nan")] * 3}]}),
        json.dumps({"markups": {"type": "ROI"}}), json.dumps({"markups": [["type", "ROI"]]}),
        json.dumps({"markups": [None]}),
    ],
    ids=range(14),
)  # fmt: skip
def test_markups_that_are_none_are_one_sentence(tmp_path: Path, text: str):
    path = tmp_path / "roi.mrk.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match=r"roi\.mrk\.json"):
        read_regions(path, a_volume())
