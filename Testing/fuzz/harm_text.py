"""Spoiling headers of lines, as NRRD and MetaImage have them: values that no writer writes, names of other files."""

from __future__ import annotations

import re
from random import Random

VALUES = (
    "", " ", "0", "-1", "1", "3", "17", "1e9", "99999999999999999999", "-2147483648", "4294967296", "2147483647",
    "0 0 0", "-4 5 6", "4 5", "4 5 6 7", "4 5 6 7 8 9 10 11 12 13 14 15 16 17 18", "65535 65535 65535",
    "100000 100000 3", "1 1 1000000000", "1000000000 1000000000 1000000000 0", "nan nan nan", "inf 1 1",
    "1e308 1e308 1e308", "1e-320 0 0", "(0,0,0) (0,0,0) (0,0,0)", "(1,0,0) (1,0,0) (1,0,0)",
    "(nan,0,0) (0,1,0) (0,0,1)", "none (1,0,0) (0,1,0)", "(1,0", "(((((((((", "/etc/passwd", "/dev/zero",
    "../../../etc/passwd", "LIST", "LIST 2", "%d.raw 1 100000000 1", "%s%s%n.raw", "pattern%03d.raw 1 5 1", "LOCAL",
    ".", "..", "skip", "x" * 300, "x" * 5000, "9" * 400, "gzip", "gz", "bzip2", "hex", "txt", "raw", "ascii", "zrl",
    "short", "double", "block", "uchar", "MET_SHORT", "MET_DOUBLE", "MET_OTHER", "MET_STRING", "MET_SHORT_ARRAY",
    "MET_USHORT_ARRAY", "True", "False", "T", "list domain domain", "RGB-color domain domain",
    "vector domain domain domain", "3D-matrix", "left-posterior-superior", "scanner-xyz-time", "big", "little",
    "\x00", "\xe4\xff", "é𝕏",
)  # fmt: skip
FIELDS = (
    "type", "dimension", "sizes", "encoding", "endian", "data file", "line skip", "byte skip", "space",
    "space dimension", "space directions", "space origin", "spacings", "kinds", "centers", "thicknesses", "axis mins",
    "labels", "units", "measurement frame", "block size", "content", "number", "old min", "sample units",
    "ObjectType", "NDims", "DimSize", "ElementType", "ElementDataFile", "ElementNumberOfChannels", "HeaderSize",
    "CompressedData", "CompressedDataSize", "BinaryData", "BinaryDataByteOrderMSB", "TransformMatrix", "Offset",
    "CenterOfRotation", "ElementSpacing", "ElementSize", "AnatomicalOrientation", "ElementMin", "Modality", "Comment",
    "ElementByteOrderMSB", "Color", "Name", "SequenceID", "Position", "Orientation",
)  # fmt: skip


def harm_lines(content: bytes, chance: Random) -> bytes:
    """`content` with one to four changed lines in its header, which ends at an empty line or at the data."""
    end = header_end(content)
    lines = content[:end].decode("latin-1").split("\n")
    for _ in range(chance.choice((1, 1, 2, 4))):
        place = chance.randrange(len(lines))
        lines[place : place + 1] = chance.choice(_CHANGES)(lines[place], lines, chance)
        if not lines:
            break
    return "\n".join(lines).encode("utf-8" if chance.random() < 0.1 else "latin-1", "replace") + content[end:]


def header_end(content: bytes) -> int:
    """Where the lines end and the numbers begin."""
    found = re.search(rb"\n\r?\n|ElementDataFile *=[^\n]*\n", content)
    return found.end() if found else len(content)


def _value(line: str, lines: list[str], chance: Random) -> list[str]:
    name, mark, value = _parts(line)
    if value and chance.random() < 0.4:
        words = value.split(" ")
        words[chance.randrange(len(words))] = chance.choice(VALUES)
        return [name + mark + " ".join(words)]
    return [name + mark + chance.choice(VALUES)]


def _digit(line: str, lines: list[str], chance: Random) -> list[str]:
    return [re.sub(r"\d", lambda found: chance.choice((found[0], "9", "0", "-", ".")), line)]


def _field(line: str, lines: list[str], chance: Random) -> list[str]:
    _, mark, _ = _parts(line)
    return [line, chance.choice(FIELDS) + (mark or ": ") + chance.choice(VALUES)]


def _twice(line: str, lines: list[str], chance: Random) -> list[str]:
    return [line] * chance.choice((2, 2, 3000))


def _gone(line: str, lines: list[str], chance: Random) -> list[str]:
    return []


def _other(line: str, lines: list[str], chance: Random) -> list[str]:
    return [chance.choice(lines)]


def _parts(line: str) -> tuple[str, str, str]:
    found = re.match(r"([^:=]*)(:=|: ?| ?= ?)(.*)", line, re.DOTALL)
    return found.groups() if found else (line, "", "")


_CHANGES = (_value, _value, _value, _value, _digit, _field, _field, _twice, _gone, _other)
