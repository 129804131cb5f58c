"""Slices as PNG bytes, pixel by pixel and without any package: what a report embeds."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from ..picture import DIFFERENCE_COLOURS

Colours = Sequence[str]  # "#rrggbb" from the lowest to the highest value, evenly spaced
GREY: Colours = ("#000000", "#ffffff")
BLUE_WHITE_RED: Colours = DIFFERENCE_COLOURS
# Light where there is little noise: luminance falls evenly, so that it reads in grey print too.
NOISE: Colours = ("#ffffff", "#fbdfa6", "#eda24e", "#b9501f", "#54170b")


def data_uri(image: np.ndarray, limits: tuple[float, float], colours: Colours, levels: int = 256) -> str:
    """ "data:image/png;base64,…" of an image [rows, columns] whose values limits[0]…limits[1] get the colours.

    levels  of colour, at most 256: fewer make a smaller file
    """
    low, high = limits
    share = (np.nan_to_num(np.asarray(image, dtype=np.float32), nan=low) - low) / max(high - low, 1e-9)
    index = np.rint(np.clip(share, 0, 1) * (levels - 1)).astype(np.uint8)
    return "data:image/png;base64," + base64.b64encode(_png(index, palette(colours, levels))).decode("ascii")


def shrunk(image: np.ndarray, by: int) -> np.ndarray:
    """Means over squares of `by` pixels; the last ones repeat the border."""
    rows, columns = np.shape(image)
    whole = np.pad(np.asarray(image, np.float32), ((0, -rows % by), (0, -columns % by)), mode="edge")
    return whole.reshape(-(-rows // by), by, -(-columns // by), by).mean(axis=(1, 3))


def palette(colours: Colours, levels: int) -> np.ndarray:
    """uint8 [levels, 3], the colours interpolated in RGB."""
    stops = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours], dtype=float)
    places = np.linspace(0, len(stops) - 1, levels)
    mixed = [np.interp(places, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(mixed, axis=1)).astype(np.uint8)


def _png(index: np.ndarray, table: np.ndarray) -> bytes:
    """A PNG of 8-bit indices into a table of colours (W3C PNG, colour type 3)."""
    rows, columns = index.shape
    lines = np.zeros((rows, columns + 1), np.uint8)  # the first byte of a line: no filter
    lines[:, 1:] = index
    head = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", table.tobytes()), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
