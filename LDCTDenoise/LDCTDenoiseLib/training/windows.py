"""Squares cut from a slice, also beyond its edge, and shrunk or magnified."""

from __future__ import annotations

import numpy as np


def place(length: int, side: int, shift: int, rng: np.random.Generator) -> int:
    """Where a window of `side` begins along an axis: inside where it fits, and up to `shift` pixels beyond."""
    first, last = min(0, length - side) - shift, max(0, length - side) + shift
    return int(rng.integers(first, last + 1))


def window(image: np.ndarray, y: int, x: int, side: int, fill: float) -> np.ndarray:
    """float32 [side, side] from row y, column x on; `fill` where that is beyond the image."""
    rows, columns = image.shape
    out = np.full((side, side), fill, np.float32)
    inside = image[max(0, y) : min(rows, y + side), max(0, x) : min(columns, x + side)]
    top, left = max(0, -y), max(0, -x)
    out[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return out


def drawn_side(patch: int, scale: tuple[float, float], rng: np.random.Generator) -> int:
    """Of a window that becomes a patch when it is scaled by a factor drawn log-uniformly from `scale`."""
    return patch if scale == (1.0, 1.0) else round(patch / np.exp(rng.uniform(*np.log(scale))))


def resized(images: np.ndarray, side: int, bounds: tuple[float, float]) -> np.ndarray:
    """Images [n, rows, columns] as float32 [n, side, side], by bicubic interpolation that does not alias when it
    shrinks and stays within `bounds`."""
    if images.shape[1:] == (side, side):
        return images
    import torch

    stack = torch.from_numpy(np.ascontiguousarray(images[:, None], np.float32))
    stack = torch.nn.functional.interpolate(
        stack, size=(side, side), mode="bicubic", align_corners=False, antialias=True
    )
    return stack.clamp(*bounds)[:, 0].numpy()
