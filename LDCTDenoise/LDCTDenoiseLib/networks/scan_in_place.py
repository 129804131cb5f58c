"""A map of DA-Diff scanned where it lies: its sub-grids are taken out, scanned and put back a few at a time.

The order is that of scan_order.py, which takes out all four: with what a scan reads beside them they are twice as large
as the map, and at full resolution nothing in the network was larger.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor

from .dadiff_blocks import DIRECTIONS


def scan_in_place(a: Tensor, scan: Callable[[Tensor, slice], None], together: int) -> None:
    """a [1, d, H, W]: every sub-grid is scanned for itself and written over.

    scan      overwrites the sequences [1, L, G, d] float32 of the directions in a slice
    together  so many directions at once
    """
    walks, (rows, columns) = _walks(a), (-(-side // 2) for side in a.shape[2:])
    is_padded = any(side % 2 for side in a.shape[2:])
    room = torch.empty(rows * columns * min(together, DIRECTIONS) * a.shape[1])
    for first in range(0, DIRECTIONS, together):
        which = slice(first, min(first + together, DIRECTIONS))
        shape = 1, rows * columns, which.stop - first, a.shape[1]
        u = room[: prod(shape)].view(shape)
        if is_padded:  # with zeros, below or on the right
            u.zero_()
        parts = []
        for sequence, (walk, is_turned) in zip(u[0].unbind(1), walks[which], strict=True):
            part = sequence.unflatten(0, (columns, rows) if is_turned else (rows, columns))
            parts.append((part[: walk.shape[0], : walk.shape[1]], walk))
        for part, walk in parts:
            part.copy_(walk)
        scan(u, which)
        for part, walk in parts:
            walk.copy_(part)


def _walks(a: Tensor) -> list[tuple[Tensor, bool]]:
    """The sub-grids of [1, d, H, W] as views [lines, steps, d], and whether the lines are columns."""
    pixels, walks = a[0].permute(1, 2, 0), []
    for column in (0, 1):
        walks.append((pixels[::2, column::2], False))
        walks.append((pixels[1::2, column::2].transpose(0, 1), True))
    return walks
