"""The header of a NRRD file: lines of "field: value" down to an empty one."""

from __future__ import annotations

import re
from pathlib import Path

from .volume_header import VolumeHeader, data_beside, sizes_of, whole

_BYTES = {
    1: ("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"),
    2: ("short", "short int", "signed short", "signed short int", "int16", "int16_t", "ushort", "unsigned short",
        "unsigned short int", "uint16", "uint16_t"),
    4: ("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t", "float"),
    8: ("longlong", "long long", "long long int", "signed long long", "signed long long int", "int64", "int64_t",
        "ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t", "double"),
}  # fmt: skip
_WIDTHS = {name: width for width, names in _BYTES.items() for name in names}
_FARTHEST = 1e6  # mm; beyond 1e154 ITK's own sums overflow, and it takes 1 mm instead
_LONGEST_FIELD = 400  # characters: what is longer overflows ITK's messages about it
_RAW, _PACKED, _TEXT = ("raw",), ("gz", "gzip", "bz2", "bzip2"), ("txt", "text", "ascii")
_ONE_FIELD = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip", "centerings": "centers"}


def nrrd_header(path: Path, head: bytes) -> VolumeHeader:
    """Raises ValueError, and InputError for voxels in other folders or in several files."""
    if not re.match(rb"NRRD000\d\r?\n", head):
        raise ValueError("not NRRD")
    end = re.search(rb"\n\r?\n", head)
    fields = _fields(head[: end.start() if end else len(head)].decode("utf-8", "surrogateescape"))
    encoding = fields["encoding"].lower()
    if encoding not in (*_RAW, *_PACKED, *_TEXT):
        raise ValueError("an encoding that is not read here")
    sizes = sizes_of(fields["sizes"], whole(fields["dimension"]))
    skip = whole(fields.get("byte skip", "0"))
    if whole(fields.get("line skip", "0")) < 0 or skip < -1 or (skip == -1 and encoding not in _RAW):
        raise ValueError("impossible skip")
    for name in fields.keys() & {"space directions", "space origin", "spacings"}:
        _require_lengths(fields[name])
    start = max(0, skip)
    if "data file" in fields:
        data = data_beside(path, fields["data file"])
    elif end:
        data, start = path, start + end.end()
    else:
        raise ValueError("neither voxels nor the name of their file")
    # A number that is written out takes a digit and a blank at least.
    width = 2 if encoding in _TEXT else _WIDTHS.get(fields["type"].lower())
    if width is None:
        raise ValueError("a type of number that is not read here")
    return VolumeHeader(sizes, width, data, start, encoding in _PACKED)


def _require_lengths(words: str) -> None:
    """Numbers of mm in any brackets; nan and none stand for an axis that is not in space."""
    for word in re.split(r"[(),\s]+", words.strip("() ")):
        if word != "none" and abs(float(word)) > _FARTHEST:
            raise ValueError("impossible lengths")


def _fields(text: str) -> dict[str, str]:
    """Fields by name; KeyError becomes ValueError for those that must be there."""
    fields = _Fields()
    for line in text.split("\n")[1:]:
        line = line.rstrip("\r")
        if line.startswith("#") or ":=" in line or not line:
            continue
        found = re.match(r"([A-Za-z][A-Za-z ]*): (.*)", line)
        if not found or len(line) > _LONGEST_FIELD:
            raise ValueError("a line that is none of a header")
        name = _ONE_FIELD.get(found[1].lower(), found[1].lower())
        if name in fields:
            raise ValueError("a field comes twice")
        fields[name] = found[2].strip()
    return fields


class _Fields(dict):
    def __missing__(self, name: str) -> str:
        raise ValueError(f"the field {name} is missing")
