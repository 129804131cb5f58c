"""DICOM's run-length encoding: the bytes of all values, highest first, each in a segment packed by itself."""

from __future__ import annotations

import struct

import numpy as np


def unpack_rle(code: bytes, rows: int, columns: int, dtype: str) -> np.ndarray:
    """The values [rows, columns] of one frame, little endian `dtype`. Raises ValueError if `code` is damaged.

    Never more than the frame is unpacked, whatever the code claims.
    """
    kind = np.dtype(dtype).newbyteorder("<")
    pixels = rows * columns
    if len(code) < 64:
        raise ValueError("the code ends in its header")
    count, *starts = struct.unpack("<16I", code[:64])
    if count != kind.itemsize:
        raise ValueError(f"{count} segments for {kind.itemsize} bytes a value")
    planes = np.empty((pixels, kind.itemsize), dtype=np.uint8)
    for index, (start, end) in enumerate(zip(starts[:count], [*starts[1:count], len(code)], strict=True)):
        if not 64 <= start <= end <= len(code):
            raise ValueError("segments lie outside the code")
        planes[:, kind.itemsize - 1 - index] = np.frombuffer(_unpack(code[start:end], pixels), dtype=np.uint8)
    return planes.reshape(-1).view(kind).reshape(rows, columns).astype(dtype, copy=False)


def _unpack(segment: bytes, length: int) -> bytearray:
    """PackBits up to `length` bytes: a number n < 128 is followed by n + 1 bytes, n > 128 by one to repeat."""
    out = bytearray()
    place, end = 0, len(segment)
    while len(out) < length and place < end:
        number = segment[place]
        if number < 128:
            out += segment[place + 1 : place + 2 + number]
            place += 2 + number
        elif number > 128:
            out += segment[place + 1 : place + 2] * (257 - number)
            place += 2
        else:
            place += 1
    if len(out) < length:
        raise ValueError("a segment ends early")
    del out[length:]
    return out
