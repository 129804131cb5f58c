"""Computing on large maps: without large temporaries (fresh memory costs a processor more than arithmetic), and in
which precision."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

BAND = 1 << 19  # numbers of the widest map: what a cache holds


def by_bands(function: Callable[..., Tensor], *maps: Tensor) -> Tensor:
    """function(*maps) for maps [B, H, W, ·] and a function of single pixels; on a processor in bands of a few rows.

    Where gradients are wanted the maps are taken whole, since every band would be kept anyway.
    """
    rows = max(1, BAND // max(m[:, 0].numel() for m in maps))
    height = maps[0].shape[1]
    if torch.is_grad_enabled() or maps[0].device.type != "cpu" or rows >= height:
        return function(*maps)
    out = None
    for top in range(0, height, rows):
        band = function(*(m[:, top : top + rows] for m in maps))
        if out is None:
            out = band.new_empty(len(band), height, *band.shape[2:])
        out[:, top : top + rows] = band
    return out


def squared_lengths(x: Tensor) -> Tensor:
    """Sum of the squares over the positions: [B, positions, C] → [B, C], at least in float32."""
    count = max(1, BAND // x[:, 0].numel()) if x.device.type == "cpu" else x.shape[1]
    return torch.stack([precise(piece).square().sum(dim=1) for piece in x.split(count, dim=1)]).sum(dim=0)


def full_precision(device: torch.device) -> AbstractContextManager:
    """Without the autocast of training, where a device has one."""
    return torch.autocast(device.type, enabled=False) if device.type in ("cpu", "cuda") else nullcontext()


def precise(x: Tensor) -> Tensor:
    """At least in float32."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
