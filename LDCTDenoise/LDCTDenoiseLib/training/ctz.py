"""Reader of `.ctz`, a lossless stack of int16 slices: reversible 5/3 wavelet, byte planes, xz."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..volume import CTVolume, Source

MAGIC = b"CTZ1"


def read_ctz(path: Path) -> CTVolume:
    """The stack as a CTVolume in HU; raises InputError for anything that is not a whole .ctz file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{Path(path)} could not be read ({error.strerror}).") from error
    try:
        if data[:4] != MAGIC:
            raise ValueError("no CTZ1 mark")
        start = 8 + int.from_bytes(data[4:8], "little")
        header = json.loads(data[8:start])
        planes = []
        for size in header["sizes"]:
            planes.append(np.frombuffer(lzma.decompress(data[start : start + size]), np.uint8))
            start += size
        stack = _merge(planes, *header["shape"], header["levels"])
        spacing = tuple(float(v) for v in header["meta"]["spacing"])
        return CTVolume(stack.astype(np.float32), spacing, source=Source(Path(path), "ctz", "int16"))
    except Exception as error:  # whatever a damaged header or stream makes json, lzma and numpy raise
        raise InputError(f"{Path(path).name} is not a whole .ctz stack ({error or type(error).__name__}).") from error


def _merge(planes: list[np.ndarray], slices: int, rows: int, columns: int, levels: int) -> np.ndarray:
    """Undo the wavelet, from the coarsest band (stored as differences along a row) to the full image."""
    bands = iter(zip(planes[0::2], planes[1::2], strict=True))

    def band(level: int) -> np.ndarray:
        high, low = next(bands)
        zigzag = (high.astype(np.int32) << 8) | low
        return ((zigzag >> 1) ^ -(zigzag & 1)).reshape(slices, rows >> level, columns >> level)

    image = np.cumsum(band(levels), axis=-1, dtype=np.int32)
    for level in range(levels, 0, -1):
        row_detail, column_detail, both = band(level), band(level), band(level)
        image = _unlift(_unlift(image, row_detail, 1), _unlift(column_detail, both, 1), 2)
    return image


def _unlift(even: np.ndarray, odd: np.ndarray, axis: int) -> np.ndarray:
    """One inverse step of the LeGall 5/3 lifting along an axis: smooth and detail samples → the signal."""
    even, odd = np.moveaxis(even, axis, -1), np.moveaxis(odd, axis, -1)
    before = np.concatenate([odd[..., :1], odd[..., :-1]], axis=-1)
    even = even - ((before + odd + 2) >> 2)
    after = np.concatenate([even[..., 1:], even[..., -1:]], axis=-1)
    odd = odd + ((even + after) >> 1)
    return np.moveaxis(np.stack([even, odd], axis=-1).reshape(*even.shape[:-1], -1), -1, axis)
