"""Spoiling the numbers of a NIfTI header where they lie."""

from __future__ import annotations

import struct
from random import Random

from .harm_bytes import harm_bytes

_FIELDS = {
    "i": (0, 104, 344),
    "h": (40, 42, 44, 46, 48, 50, 54, 68, 70, 72, 74, 252, 254),
    "f": (76, 80, 84, 88, 108, 112, 116, 256, 260, 264, 268, 272, 276, 280, 284, 300, 320, 324),
}
_VALUES = {
    "h": (-32768, -1, 0, 1, 2, 4, 5, 7, 8, 16, 64, 128, 256, 512, 768, 1024, 1280, 1536, 2048, 2304, 3, 255, 32767),
    "i": (-(2**31), -1, 0, 1, 348, 540, 2**31 - 1, 1543569408),
    "f": (float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 1e-45, 3e38, 352.0, 351.0, 1e9, 348.5),
}


def harm_nifti(content: bytes, chance: Random) -> bytes:
    """One to four fields with values at the edge, or an extension that claims more than there is, or any bytes."""
    if chance.random() < 0.25:
        return harm_bytes(content, chance, 0, 600)
    data = bytearray(content)
    if chance.random() < 0.15:  # an extension after the header
        length, code = chance.choice(_VALUES["i"]), chance.choice((2, 4, 6, -1))
        data[348:360] = struct.pack("<4Bii", 1, 0, 0, 0, length, code)
    for _ in range(chance.choice((1, 1, 2, 4))):
        kind = chance.choice(list(_FIELDS))
        place = chance.choice(_FIELDS[kind])
        part = struct.pack("<" + kind, chance.choice(_VALUES[kind]))
        data[place : place + len(part)] = part
    return bytes(data)
