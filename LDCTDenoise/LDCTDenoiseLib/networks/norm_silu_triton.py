"""What lies between convolutions as Triton kernels, for NVIDIA and AMD cards. Imported only where triton is there.

torch normalises groups on a card only with the channels outermost, while cuDNN convolves fastest with the channels
innermost: each norm would copy its map twice beside its own passes. Here a map is read twice and written once, which
is the least for a map larger than the cache: means and squares of a chunk of pixels, from them a factor and a shift
for every channel, and x · factor + shift through SiLU.

torch also adds the bias of a convolution in a pass of its own. A norm after it takes the bias into its factors and
shifts, and a sum adds it on the way: that pass is saved.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

TILE = 4096  # pixels × channels that a program holds at once: 32 values a thread
PROGRAMS = 528  # 4 for each of the 132 multiprocessors of an H100: enough loads under way


def takes(x: Tensor) -> bool:
    """Whether a tensor is one that the kernels are made for: [B, C, H, W], channels innermost, without gradients."""
    return (
        x.ndim == 4
        and x.dtype in (torch.float16, torch.bfloat16, torch.float32)
        and x.is_contiguous(memory_format=torch.channels_last)
        and x.numel() > 0
        and not (torch.is_grad_enabled() and x.requires_grad)
    )


def norm_silu(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float = 1e-5, pending: Tensor | None = None
) -> Tensor:
    """SiLU(GroupNorm(x + pending)): x [B, C, H, W] as `takes` has it, weight and bias [C] → the same shape and layout.

    pending  [C], the bias that a convolution has left out; None for none
    Statistics and arithmetic are float32, whatever the type of x.
    """
    entries, channels, height, width = x.shape
    pixels, group = height * width, channels // groups
    padded = triton.next_power_of_2(channels)
    rows = max(1, TILE // padded)  # pixels that a program holds at once
    chunk = rows * max(1, triton.cdiv(pixels, rows * max(1, PROGRAMS // entries)))
    chunks = triton.cdiv(pixels, chunk)
    y = torch.empty_like(x)
    means, squares = x.new_empty(2, entries, chunks, channels, dtype=torch.float32)
    factors, shifts = x.new_empty(2, entries, channels, dtype=torch.float32)
    sizes = {"C": channels, "K": padded, "P": rows}
    _statistics[(chunks, entries)](x, means, squares, pixels, chunk, chunks, **sizes)
    wide = triton.next_power_of_2(group)
    at_once = min(triton.next_power_of_2(chunks), max(1, TILE // wide))
    _factors[(groups, entries)](
        means, squares, weight, bias, weight if pending is None else pending, factors, shifts,
        pixels, chunk, chunks, float(group * pixels), eps,
        C=channels, G=group, GP=wide, N=at_once, PENDING=pending is not None,
    )  # fmt: skip
    _apply[(triton.cdiv(pixels, rows), entries)](x, factors, shifts, y, pixels, **sizes)
    return y


def add(x: Tensor, y: Tensor, pending: Tensor) -> Tensor:
    """x + y + pending, written over x; x and y as `takes` has it, pending [C]."""
    entries, channels, height, width = x.shape
    padded = triton.next_power_of_2(channels)
    rows = max(1, TILE // padded)
    pixels = entries * height * width
    _add[(triton.cdiv(pixels, rows),)](x, y, pending, pixels, C=channels, K=padded, P=rows)
    return x


@triton.jit
def _statistics(
    x, means, squares, pixels, chunk, chunks,
    C: tl.constexpr, K: tl.constexpr, P: tl.constexpr,
):  # fmt: skip
    """Mean of every channel over one chunk of pixels, and the sum of the squares of what is left."""
    entry = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, K)
    real = c < C
    start = tl.program_id(0) * chunk
    stop = tl.minimum(start + chunk, pixels)
    x += entry * pixels * C
    mean = tl.zeros((K,), dtype=tl.float32)
    square = tl.zeros((K,), dtype=tl.float32)
    for first in range(start, stop, P):
        p = first + tl.arange(0, P)
        inside = (p < stop)[:, None] & real[None, :]
        values = tl.load(x + p.to(tl.int64)[:, None] * C + c[None, :], mask=inside, other=0.0).to(tl.float32)
        here = tl.minimum(P, stop - first).to(tl.float32)
        before = (first - start).to(tl.float32)
        own = tl.sum(values, axis=0) / here
        left = tl.where(inside, values - own[None, :], 0.0)
        # two sets of values become one (Chan, Golub, LeVeque 1979): no small difference of large sums
        step = own - mean
        square += tl.sum(left * left, axis=0) + step * step * (before * here / (before + here))
        mean += step * (here / (before + here))
    at = (entry * chunks + tl.program_id(0)) * C + c
    tl.store(means + at, mean, mask=real)
    tl.store(squares + at, square, mask=real)


@triton.jit
def _factors(
    means, squares, weight, bias, pending, factors, shifts, pixels, chunk, chunks, values, eps,
    C: tl.constexpr, G: tl.constexpr, GP: tl.constexpr, N: tl.constexpr, PENDING: tl.constexpr,
):  # fmt: skip
    """From the statistics of all chunks of a group's channels, `values` in all: their factors and shifts."""
    entry = tl.program_id(1).to(tl.int64)
    c = tl.program_id(0) * G + tl.arange(0, GP)
    real = tl.arange(0, GP) < G
    means += entry * chunks * C
    squares += entry * chunks * C
    later = tl.zeros((GP,), dtype=tl.float32)
    if PENDING:
        later += tl.load(pending + c, mask=real, other=0.0).to(tl.float32)
    total = tl.zeros((), dtype=tl.float32)
    for first in range(0, chunks, N):
        n = first + tl.arange(0, N)
        count = tl.maximum(tl.minimum(chunk, pixels - n * chunk), 0).to(tl.float32)
        inside = (n < chunks)[:, None] & real[None, :]
        mean = tl.load(means + n[:, None] * C + c[None, :], mask=inside, other=0.0)
        total += tl.sum(tl.sum((mean + later[None, :]) * count[:, None], axis=1), axis=0)
    centre = total / values
    square = tl.zeros((), dtype=tl.float32)
    for first in range(0, chunks, N):
        n = first + tl.arange(0, N)
        count = tl.maximum(tl.minimum(chunk, pixels - n * chunk), 0).to(tl.float32)
        inside = (n < chunks)[:, None] & real[None, :]
        away = tl.load(means + n[:, None] * C + c[None, :], mask=inside, other=0.0) + later[None, :] - centre
        within = tl.load(squares + n[:, None] * C + c[None, :], mask=inside, other=0.0)
        square += tl.sum(tl.sum(within + tl.where(inside, away * away * count[:, None], 0.0), axis=1), axis=0)
    scale = 1 / tl.sqrt(square / values + eps)
    factor = tl.load(weight + c, mask=real, other=0.0).to(tl.float32) * scale
    shift = tl.load(bias + c, mask=real, other=0.0).to(tl.float32) + (later - centre) * factor
    tl.store(factors + entry * C + c, factor, mask=real)
    tl.store(shifts + entry * C + c, shift, mask=real)


@triton.jit
def _apply(
    x, factors, shifts, y, pixels,
    C: tl.constexpr, K: tl.constexpr, P: tl.constexpr,
):  # fmt: skip
    """SiLU(x · factor + shift) of P pixels."""
    entry = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, K)
    real = c < C
    factor = tl.load(factors + entry * C + c, mask=real, other=0.0)
    shift = tl.load(shifts + entry * C + c, mask=real, other=0.0)
    p = tl.program_id(0) * P + tl.arange(0, P)
    inside = (p < pixels)[:, None] & real[None, :]
    at = (entry * pixels + p.to(tl.int64))[:, None] * C + c[None, :]
    values = tl.load(x + at, mask=inside, other=0.0).to(tl.float32) * factor[None, :] + shift[None, :]
    values = values / (1 + tl.exp(-values))
    tl.store(y + at, values.to(y.dtype.element_ty), mask=inside)


@triton.jit
def _add(
    x, y, pending, pixels,
    C: tl.constexpr, K: tl.constexpr, P: tl.constexpr,
):  # fmt: skip
    """x += y + pending for P pixels."""
    c = tl.arange(0, K)
    real = c < C
    later = tl.load(pending + c, mask=real, other=0.0).to(tl.float32)
    p = tl.program_id(0) * P + tl.arange(0, P)
    inside = (p < pixels)[:, None] & real[None, :]
    at = p.to(tl.int64)[:, None] * C + c[None, :]
    one = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
    two = tl.load(y + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(x + at, (one + two + later[None, :]).to(x.dtype.element_ty), mask=inside)
