"""A slice in overlapping tiles: only where memory forces it, since the network's norms look at the whole slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..methods.contract import Denoiser

OVERLAP = 64  # pixels that neighbouring tiles share, blended linearly


def denoise_in_tiles(
    denoiser: Denoiser,
    slices_hu: np.ndarray,
    *,
    seeds: Sequence[int],
    spacing: tuple[float, float] | None,
    tile: int,
) -> np.ndarray:
    """Like `Denoiser.denoise`, never giving the method more than `tile` × `tile` pixels of one slice at once."""
    out = np.empty_like(slices_hu)
    rows, columns = slices_hu.shape[1:]
    ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)).clip(max=OVERLAP).astype(np.float32)
    for number, (slice_hu, seed) in enumerate(zip(slices_hu, seeds, strict=True)):
        total = np.zeros((rows, columns), np.float32)
        weight = np.zeros((rows, columns), np.float32)
        corners = [(y, x) for y in _starts(rows, tile) for x in _starts(columns, tile)]
        for place, (y, x) in enumerate(corners):
            piece = slice_hu[y : y + tile, x : x + tile]
            own = int(np.random.SeedSequence([seed, place]).generate_state(1, np.uint64)[0])
            done = denoiser.denoise(piece[None], seeds=[own], spacing=spacing)[0]
            share = np.outer(ramp[: piece.shape[0]], ramp[: piece.shape[1]])
            total[y : y + tile, x : x + tile] += share * done
            weight[y : y + tile, x : x + tile] += share
        out[number] = total / weight
    return out


def _starts(length: int, tile: int) -> list[int]:
    """First pixels of tiles that cover `length` and overlap by at least OVERLAP."""
    if length <= tile:
        return [0]
    count = -(-(length - OVERLAP) // (tile - OVERLAP))
    return [int(v) for v in np.linspace(0, length - tile, count).round()]
