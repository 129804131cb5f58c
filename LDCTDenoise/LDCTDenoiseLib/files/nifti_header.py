"""The header of a NIfTI file: numbers at fixed places."""

from __future__ import annotations

import math
import struct
from pathlib import Path

from .endings import ending_of
from .volume_header import VolumeHeader

_BITS = {2: 8, 4: 16, 8: 32, 16: 32, 32: 64, 64: 64, 128: 24, 256: 8, 512: 16, 768: 32, 1024: 64, 1280: 64, 2304: 32}
_LENGTH = 348


def nifti_header(path: Path, head: bytes) -> VolumeHeader:
    """`start` and `sizes` are those of the unpacked file. Raises ValueError."""
    if len(head) < _LENGTH + 4 or head[344:348] != b"n+1\0":
        raise ValueError("not NIfTI in one file")
    order = next((order for order in "<>" if struct.unpack(order + "i", head[:4])[0] == _LENGTH), None)
    if order is None:
        raise ValueError("not NIfTI")
    axes, *sizes = struct.unpack(order + "8h", head[40:56])
    kind, bits = struct.unpack(order + "2h", head[70:74])
    (start,) = struct.unpack(order + "f", head[108:112])
    if not 1 <= axes <= 7 or min(sizes[:axes]) < 1 or _BITS.get(kind) != bits:
        raise ValueError("impossible numbers")
    if not (math.isfinite(start) and _LENGTH + 4 <= start <= 1e9):
        raise ValueError("impossible start")
    # Axes after the last one may hold anything.
    return VolumeHeader(tuple(sizes[:axes]), bits // 8, path, int(start), ending_of(path) == ".nii.gz")
