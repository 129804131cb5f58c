"""What a compressed picture says of itself: its size and depth, read before any decoder takes memory for it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_FRAME_HEADERS = (0xC0, 0xC1, 0xC2, 0xC3, 0xF7)  # baseline, extended, progressive, lossless; JPEG-LS
_BARE = (0x01, *range(0xD0, 0xDA))  # markers without a length
_SCAN = 0xDA
_MOST_TILES = 1024


@dataclass(frozen=True)
class CodeStream:
    """`bits` a value, of a picture [rows, columns]."""

    rows: int
    columns: int
    bits: int


def head_of(code: bytes) -> CodeStream:
    """What the stream `code` of one grey picture says of itself; ValueError if it is none."""
    try:
        if code.startswith(_JPEG_2000):
            return _jpeg_2000(code)
        if code.startswith(_JPEG):
            return _jpeg(code)
    except (struct.error, IndexError) as error:
        raise ValueError("the stream ends in its header") from error
    raise ValueError("no stream that is known here")


def _jpeg(code: bytes) -> CodeStream:
    """JPEG and JPEG-LS: segments follow each other up to the one that describes the frame."""
    place = 2
    while True:
        if code[place] != 0xFF:
            raise ValueError("no marker where one should be")
        marker = code[place + 1]
        if marker == 0xFF:  # a filling byte
            place += 1
        elif marker in _BARE:
            place += 2
        elif marker == _SCAN:
            raise ValueError("a scan before its frame")
        elif marker in _FRAME_HEADERS:
            bits, rows, columns, components = struct.unpack(">BHHB", code[place + 4 : place + 10])
            return _grey(rows, columns, bits, components)
        else:
            place += 2 + max(2, struct.unpack(">H", code[place + 2 : place + 4])[0])


def _jpeg_2000(code: bytes) -> CodeStream:
    right, bottom, left, top, tile_x, tile_y, tile_left, tile_top = struct.unpack(">8I", code[8:40])
    components, depth, step_x, step_y = struct.unpack(">HBBB", code[40:45])
    if not (tile_x and tile_y and left < right and top < bottom) or (step_x, step_y) != (1, 1):
        raise ValueError("an impossible grid")
    if -(-(right - tile_left) // tile_x) * -(-(bottom - tile_top) // tile_y) > _MOST_TILES:
        raise ValueError("more tiles than a CT slice can need")
    return _grey(bottom - top, right - left, (depth & 0x7F) + 1, components)


def _grey(rows: int, columns: int, bits: int, components: int) -> CodeStream:
    if components != 1 or not 1 < bits <= 32:
        raise ValueError("not one number in each pixel")
    return CodeStream(rows, columns, bits)
