"""Whatever bytes a parser is given, it answers or raises ValueError: driven by hypothesis, which shrinks a fault."""

from __future__ import annotations

import contextlib
import io
import string
from pathlib import Path

import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files.dicom_codestream import head_of
from LDCTDenoiseLib.files.dicom_frames import frames_of, read_frame
from LDCTDenoiseLib.files.dicom_inflate import Inflated, is_deflated, unpacked_header
from LDCTDenoiseLib.files.dicom_rle import unpack_rle
from LDCTDenoiseLib.files.metaimage_header import metaimage_header
from LDCTDenoiseLib.files.nifti_header import nifti_header
from LDCTDenoiseLib.files.nrrd_header import nrrd_header

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

EXAMPLES = settings(max_examples=60, deadline=None, database=None)
PATH = Path("x.nhdr")
LINES = st.lists(
    st.tuples(
        st.sampled_from(
            ["type", "dimension", "sizes", "encoding", "data file", "byte skip", "spacings", "space directions",
             "NDims", "DimSize", "ElementType", "ElementDataFile", "Offset", "CompressedData", "HeaderSize"]
        ),
        st.sampled_from([": ", " = ", ":=", " "]),
        st.text(st.sampled_from(string.digits + " -.,()/%eEnaif"), max_size=12)
        | st.sampled_from(["short", "MET_SHORT", "raw", "gzip", "11 14 6", "3", "LOCAL", "x.raw", "\udcff", "²"]),
    ),
    max_size=14,
)  # fmt: skip


def head(lines: list[tuple[str, str, str]], first: str) -> bytes:
    return "\n".join([first, *("".join(line) for line in lines), "", ""]).encode("utf-8", "surrogateescape")


@EXAMPLES
@given(LINES)
def test_any_lines_of_a_nrrd_header_are_understood_or_refused(lines):
    try:
        header = nrrd_header(PATH, head(lines, "NRRD0004"))
    except (ValueError, InputError):
        return
    assert header.promised > 0 and header.start >= 0 and header.data.parent == PATH.parent


@EXAMPLES
@given(LINES)
def test_any_lines_of_a_meta_image_header_are_understood_or_refused(lines):
    try:
        header = metaimage_header(PATH, head(lines, "ObjectType = Image"))
    except (ValueError, InputError):
        return
    assert header.promised > 0 and header.start >= 0 and header.data.parent == PATH.parent


@EXAMPLES
@given(st.binary(min_size=40, max_size=344))
def test_any_nifti_header_is_understood_or_refused(content):
    try:
        header = nifti_header(Path("x.nii"), b"\x5c\1\0\0" + content.ljust(340, b"\0") + b"n+1\0" + bytes(8))
    except ValueError:
        return
    assert header.promised > 0 and header.start >= 352


@EXAMPLES
@given(st.binary(max_size=200), st.sampled_from([b"\xff\xd8", b"\xff\xd8\xff\xc3", b"\xff\x4f\xff\x51", b""]))
def test_any_stream_tells_its_size_or_is_refused(content, first):
    try:
        found = head_of(first + content)
    except ValueError:
        return
    assert 1 < found.bits <= 32


ITEM = st.sampled_from([b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0", b"\xe0\x7f\x10\x00"])
LENGTH = st.sampled_from([0, 1, 2, 8, 0xFFFFFFFF]).map(lambda n: n.to_bytes(4, "little"))


@EXAMPLES
@given(st.lists(st.one_of(ITEM, LENGTH, st.binary(max_size=9)), max_size=20), st.integers(0, 3))
def test_any_chain_of_fragments_gives_as_many_frames_as_promised_or_is_refused(parts, frames):
    file = io.BytesIO(b"".join(parts))
    try:
        found = frames_of(file, 0, frames)
    except ValueError:
        return
    assert len(found) == frames
    assert sum(len(read_frame(file, fragments)) for fragments in found) <= len(file.getvalue())


@EXAMPLES
@given(st.binary(max_size=300), st.integers(0, 4), st.sampled_from(["uint8", "int16", "uint32"]))
def test_any_run_lengths_fill_the_frame_or_are_refused(content, count, dtype):
    code = count.to_bytes(4, "little") + (64).to_bytes(4, "little") * 15 + content
    with contextlib.suppress(ValueError):
        assert unpack_rle(code, 3, 4, dtype).shape == (3, 4)


@EXAMPLES
@given(st.binary(max_size=300), st.integers(0, 1 << 33))
def test_any_deflated_file_is_unpacked_or_refused(content, length):
    start = (
        b"\0" * 128 + b"DICM\2\0\0\0UL\4\0" + (length & 0xFFFFFFFF).to_bytes(4, "little") + b"1.2.840.10008.1.2.1.99"
    )
    assert is_deflated(start)
    for use in (unpacked_header, lambda file: Inflated(file).read(1000)):
        with contextlib.suppress(ValueError):
            assert len(use(io.BytesIO(start + content))) < 1 << 20
