"""Spoiling DICOM element by element: lengths, types and values, sequences without bottom or end."""

from __future__ import annotations

import struct
from random import Random

from .harm_bytes import harm_bytes

_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_KINDS = (*_LONG, b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH",
          b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US", b"ZZ", b"\0\0")  # fmt: skip
_VALUES = (
    b"", b" ", b"0", b"-1", b"1", b"2", b"nan", b"inf", b"-inf", b"1e308", b"1e-308", b"99999999999999999999",
    b"1\\2", b"1\\0\\0\\0\\1\\0", b"0\\0\\0\\0\\0\\0", b"nan\\0\\0\\0\\1\\0", b"1\\0\\0\\1\\0\\0", b"\\\\\\\\\\\\",
    b"0\\0", b"-1\\-1", b"1e30\\1e30", b"LOCALIZER", b"CT", b"MR", b"RGB ", b"ISO_IR 100", b"ISO 2022 IR 87",
    b"\\ISO 2022 IR 159", b"GB18030 ", b"\x1b$B\x1b(B", b"\xff" * 8, b"\0" * 8, b"\0\0", b"\1\0", b"\x08\0",
    b"\x20\0", b"\x40\0", b"\xff\xff", b"\xff\x7f", b"A" * 70000, b"1\\" * 20000 + b"1 ", b"20000 ", b"65536 ",
    b"1000000000", b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.4.70",
    b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.4.100", b"1.2.840.10008.1.2.8.1",
    b"1.2." + b"9" * 60,
)  # fmt: skip
_LENGTHS = (0, 1, 2, 3, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFE, 0xFFFFFFFF)
_TELLING = {  # what the reader looks at, more often spoilt than the rest
    (0x0002, 0x0010), (0x0008, 0x0005), (0x0008, 0x0008), (0x0008, 0x0016), (0x0008, 0x0060), (0x0018, 0x0050),
    (0x0020, 0x0032), (0x0020, 0x0037), (0x0020, 0x000E), (0x0028, 0x0002), (0x0028, 0x0004), (0x0028, 0x0008),
    (0x0028, 0x0010), (0x0028, 0x0011), (0x0028, 0x0030), (0x0028, 0x0100), (0x0028, 0x0101), (0x0028, 0x0102),
    (0x0028, 0x0103), (0x0028, 0x0120), (0x0028, 0x1052), (0x0028, 0x1053), (0x5200, 0x9229), (0x5200, 0x9230),
    (0x7FE0, 0x0010),
}  # fmt: skip


def harm_elements(content: bytes, chance: Random) -> bytes:
    """An explicit little endian file with one to three spoilt elements."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        elements = elements_of(content)
        if not elements:
            return harm_bytes(content, chance)
        telling = [element for element in elements if element[0] in _TELLING]
        element = chance.choice(telling if telling and chance.random() < 0.6 else elements)
        content = chance.choice(_CHANGES)(content, element, chance)
    return content


def elements_of(content: bytes) -> list[tuple[tuple[int, int], bytes, int, int, int]]:
    """(tag, kind, begin, value, end) of the top elements, up to one whose length is not told."""
    place, found = 132, []
    while place + 8 <= len(content):
        group, element, kind = struct.unpack("<HH2s", content[place : place + 6])
        if kind in _LONG:
            value = place + 12
            length = struct.unpack("<I", content[place + 8 : value])[0] if value <= len(content) else 0xFFFFFFFF
        else:
            value = place + 8
            length = struct.unpack("<H", content[place + 6 : value])[0]
        end = len(content) if length == 0xFFFFFFFF else value + length
        if end > len(content):
            break
        found.append(((group, element), kind, place, value, end))
        place = end
    return found


def _value(content: bytes, element: tuple, chance: Random) -> bytes:
    """Another value, with the length that it needs."""
    _, kind, begin, value, end = element
    new = chance.choice(_VALUES) if chance.random() < 0.8 else harm_bytes(content[value:end], chance)
    return content[:begin] + pack(*element[0], kind, new) + content[end:]


def _length(content: bytes, element: tuple, chance: Random) -> bytes:
    _, kind, begin, value, _ = element
    length = chance.choice(_LENGTHS)
    if kind in _LONG:
        return content[: begin + 8] + struct.pack("<I", length) + content[value:]
    return content[: begin + 6] + struct.pack("<H", length & 0xFFFF) + content[value:]


def _kind(content: bytes, element: tuple, chance: Random) -> bytes:
    return content[: element[2] + 4] + chance.choice(_KINDS) + content[element[2] + 6 :]


def _tag(content: bytes, element: tuple, chance: Random) -> bytes:
    group, number = chance.choice(((0, 0), (0xFFFE, 0xE0DD), (0xFFFE, 0xE00D), (0x7FE0, 0x0010), (0xFFFF, 0xFFFF)))
    return content[: element[2]] + struct.pack("<HH", group, number) + content[element[2] + 4 :]


def _gone(content: bytes, element: tuple, chance: Random) -> bytes:
    return content[: element[2]] + content[element[4] :]


def _twice(content: bytes, element: tuple, chance: Random) -> bytes:
    part = content[element[2] : element[4]]
    return content[: element[4]] + part * chance.choice((1, 50)) + content[element[4] :]


def _more(content: bytes, element: tuple, chance: Random) -> bytes:
    """A sequence deeper than any reader's stack, or a value longer than the file."""
    return content[: element[2]] + chance.choice((_deep, _deep_told, _endless, _wide))(chance) + content[element[2] :]


def _deep(chance: Random) -> bytes:
    depth = chance.choice((10, 500, 3000, 20000))
    return (_sequence(0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * depth


def _deep_told(chance: Random) -> bytes:
    content = b""
    for _ in range(chance.choice((10, 500, 3000))):
        content = struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
        content = _sequence(len(content)) + content
    return content


def _endless(chance: Random) -> bytes:
    kind = chance.choice((b"OB", b"UN", b"UT", b"SQ"))
    return struct.pack("<HH2sHI", 0x0009, 0x1001, kind, 0, chance.choice(_LENGTHS))


def _wide(chance: Random) -> bytes:
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 20000
    return _sequence(len(items)) + items


def _sequence(length: int) -> bytes:
    tag = (0x5200, 0x9230)
    return struct.pack("<HH2sHI", *tag, b"SQ", 0, length)


def pack(group: int, element: int, kind: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    if kind in _LONG:
        return struct.pack("<HH2sHI", group, element, kind, 0, len(value)) + value
    return struct.pack("<HH2sH", group, element, kind, len(value) & 0xFFFF) + value


_CHANGES = (_value, _value, _value, _value, _length, _length, _kind, _tag, _gone, _twice, _more)
