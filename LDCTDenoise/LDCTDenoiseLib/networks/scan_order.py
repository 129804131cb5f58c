"""The order of DA-Diff's scan: a map is taken apart into four sequences, which are put together again afterwards.

The pixels with even and odd row and column are four sub-grids; those of the odd rows are read column by column.
A map of odd height or width is padded with zeros below or on the right; the zeros are cut off again.

Maps and sequences have their channels innermost in memory, and the sequences the time outermost: a scan takes all
channels of a step at once, and pixels move as a whole.
"""

from __future__ import annotations

import torch
from torch import Tensor


def to_sequences(x: Tensor) -> Tensor:
    """[B, C, H, W] → [B, 4, C, L], L = ⌈H/2⌉·⌈W/2⌉, at least in float32."""
    return _Take.apply(x)


def from_sequences(sequences: Tensor, rows: int, columns: int, dtype: torch.dtype) -> Tensor:
    """The inverse, in `dtype`: [B, 4, C, L] → [B, C, rows, columns]."""
    return _Put.apply(sequences, rows, columns, dtype)


def _take(x: Tensor, dtype: torch.dtype) -> Tensor:
    b, c, rows, columns = x.shape
    h, w = (rows + 1) // 2, (columns + 1) // 2
    is_padded = bool(rows % 2 or columns % 2)
    create = torch.zeros if is_padded else torch.empty
    out = create((b, h * w, 4, c), dtype=dtype, device=x.device).permute(0, 2, 3, 1)
    for part, grid in zip(_grids(out, h, w), _subgrids(x), strict=True):
        part[..., : grid.shape[2], : grid.shape[3]].copy_(grid)
    return out


def _put(sequences: Tensor, rows: int, columns: int, dtype: torch.dtype) -> Tensor:
    b, _, c, _ = sequences.shape
    out = torch.empty((b, rows, columns, c), dtype=dtype, device=sequences.device).permute(0, 3, 1, 2)
    parts = _grids(sequences, (rows + 1) // 2, (columns + 1) // 2)
    for part, grid in zip(parts, _subgrids(out), strict=True):
        grid.copy_(part[..., : grid.shape[2], : grid.shape[3]])
    return out


def _subgrids(x: Tensor) -> list[Tensor]:
    """Views of [B, C, H, W]: (even, even), (odd, even), (even, odd), (odd, odd) rows and columns."""
    return [x[:, :, row::2, column::2] for column in (0, 1) for row in (0, 1)]


def _grids(sequences: Tensor, h: int, w: int) -> list[Tensor]:
    """The sequences as views [B, C, h, w]; the second and fourth run down the columns."""
    grids = []
    for k, sequence in enumerate(sequences.unbind(1)):
        down_columns = k % 2 == 1
        grid = sequence.unflatten(2, (w, h) if down_columns else (h, w))
        grids.append(grid.transpose(2, 3) if down_columns else grid)
    return grids


class _Take(torch.autograd.Function):
    """Only moves values, so its gradient is the way back."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.map = *x.shape[2:], x.dtype
        return _take(x, torch.promote_types(x.dtype, torch.float32))

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _put(gradient, *ctx.map)


class _Put(torch.autograd.Function):
    @staticmethod
    def forward(ctx, sequences: Tensor, rows: int, columns: int, dtype: torch.dtype) -> Tensor:
        ctx.dtype = sequences.dtype
        return _put(sequences, rows, columns, dtype)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return _take(gradient, ctx.dtype), None, None, None
