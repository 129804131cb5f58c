"""The selective scan as three Triton kernels, for NVIDIA and AMD cards. Imported only where triton is there.

The steps are cut into chunks. First all chunks run side by side from a state of zero and leave their last state and
the sum of their step sizes; then the states are handed from chunk to chunk, a chunk decaying by exp(A ΣΔ); then all
chunks run again, each from its true first state, and write y. States live in registers, only sums leave them.
"""

from __future__ import annotations

from math import isqrt

import torch
import triton
import triton.language as tl
from torch import Tensor

from .scan_blocked import Inputs, scan_backward, scan_forward
from .scan_steps import LOG2E

TILE = 1024  # channels × states of a program, about


def triton_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, delta_bias: Tensor) -> Tensor:
    """Arguments and result as of `selective_scan`, in float32 on the device of u; gradients by the blocked scan."""
    inputs = Inputs.of(u, delta, A, B, C, D, delta_bias, torch.float32)
    return _Scan.apply(*inputs).reshape(u.shape).to(u.dtype)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *inputs: Tensor) -> Tensor:
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(*inputs)
        return launch(Inputs(*inputs))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, ...]:
        inputs, starts = Inputs(*ctx.saved_tensors), []
        scan_forward(inputs, starts)
        return scan_backward(gradient, inputs, tuple(starts))


def launch(inputs: Inputs) -> Tensor:
    """y [b, G, d, L], strides as of u."""
    u, delta, A, B, C, D, bias = inputs
    (b, groups, d, length), states = u.shape, A.shape[-1]
    y = torch.empty_like(u)
    if not u.numel():
        return y
    rates2 = (A * LOG2E).contiguous()
    padded = triton.next_power_of_2(states)
    channels = min(triton.next_power_of_2(d), max(1, TILE // padded))
    chunk = max(16, triton.next_power_of_2(isqrt(length)))
    chunks = triton.cdiv(length, chunk)
    first = u.new_empty(b, groups, chunks, d, states)  # the state that a chunk leaves, later the one it starts from
    total = u.new_empty(b, groups, chunks, d)  # ΣΔ of a chunk
    blocks = triton.cdiv(d, channels)
    numbers = {"states": states, "N": padded, "K": channels}
    shape = {"groups": groups, "d": d, "length": length, "chunks": chunks, "steps": chunk}
    pointers = (u, delta, rates2, B, C, D.contiguous(), bias.contiguous(), first, total, y)
    strides = (*u.stride(), *delta.stride(), *B.stride(), *C.stride(), *y.stride())
    grid = (chunks, blocks, b * groups)
    if chunks > 1:
        _chunks[grid](*pointers, *strides, **shape, **numbers, WRITE=False)
        _hand_on[(blocks, b * groups)](
            first, total, rates2, **{k: shape[k] for k in ("groups", "d", "chunks")}, **numbers
        )
    else:
        first.zero_()
    _chunks[grid](*pointers, *strides, **shape, **numbers, WRITE=True)
    return y


@triton.jit
def _chunks(
    u, delta, rates2, B, C, D, bias, first, total, y,
    u_b, u_g, u_d, u_l, delta_b, delta_g, delta_d, delta_l,
    B_b, B_g, B_n, B_l, C_b, C_g, C_n, C_l, y_b, y_g, y_d, y_l,
    groups, d, length, chunks, steps,
    states: tl.constexpr, N: tl.constexpr, K: tl.constexpr, WRITE: tl.constexpr,
):  # fmt: skip
    """One chunk of K channels. WRITE: from the state in `first`, y is written; else from zero, `first` and `total`."""
    chunk = tl.program_id(0).to(tl.int64)
    row = tl.program_id(2).to(tl.int64)
    entry, group = row // groups, row % groups
    c = (tl.program_id(1) * K + tl.arange(0, K)).to(tl.int64)
    n = tl.arange(0, N).to(tl.int64)
    real_c, real_n = c < d, n < states
    real = real_c[:, None] & real_n[None, :]
    rate = tl.load(rates2 + (group * d + c)[:, None] * states + n[None, :], mask=real, other=0.0)
    shift = tl.load(bias + group * d + c, mask=real_c, other=0.0)
    skip = tl.load(D + group * d + c, mask=real_c, other=0.0)
    kept = first + ((row * chunks + chunk) * d + c)[:, None] * states + n[None, :]
    h = tl.zeros((K, N), dtype=tl.float32)
    if WRITE:
        h += tl.load(kept, mask=real, other=0.0)
    sizes = tl.zeros((K,), dtype=tl.float32)
    u += entry * u_b + group * u_g + c * u_d
    delta += entry * delta_b + group * delta_g + c * delta_d
    y += entry * y_b + group * y_g + c * y_d
    B += entry * B_b + group * B_g + n * B_n
    C += entry * C_b + group * C_g + n * C_n
    start = chunk * steps
    for t in range(start, tl.minimum(start + steps, length)):
        raw = tl.load(delta + t * delta_l, mask=real_c, other=0.0) + shift
        # log(1 + z) of a small z by its series: 1 + z would lose its digits
        z = tl.exp2(-tl.abs(raw) * 1.4426950408889634)
        log1p = tl.where(z < 1e-2, z * (1 - z * (0.5 - z * (0.3333333333333333 - z * 0.25))), tl.log(1 + z))
        size = tl.maximum(raw, 0.0) + log1p
        x = tl.load(u + t * u_l, mask=real_c, other=0.0)
        b = tl.load(B + t * B_l, mask=real_n, other=0.0)
        h = tl.exp2(size[:, None] * rate) * h + (size * x)[:, None] * b[None, :]
        if WRITE:
            out = tl.load(C + t * C_l, mask=real_n, other=0.0)
            tl.store(y + t * y_l, tl.sum(h * out[None, :], axis=1) + skip * x, mask=real_c)
        else:
            sizes += size
    if not WRITE:
        tl.store(kept, h, mask=real)
        tl.store(total + (row * chunks + chunk) * d + c, sizes, mask=real_c)


@triton.jit
def _hand_on(
    first, total, rates2, groups, d, chunks,
    states: tl.constexpr, N: tl.constexpr, K: tl.constexpr,
):  # fmt: skip
    """The states that the chunks left become those that they start from."""
    row = tl.program_id(1).to(tl.int64)
    c = (tl.program_id(0) * K + tl.arange(0, K)).to(tl.int64)
    n = tl.arange(0, N).to(tl.int64)
    real_c = c < d
    real = real_c[:, None] & (n < states)[None, :]
    rate = tl.load(rates2 + (row % groups * d + c)[:, None] * states + n[None, :], mask=real, other=0.0)
    h = tl.zeros((K, N), dtype=tl.float32)
    for chunk in range(chunks):
        at = (row * chunks + chunk) * d + c
        kept = first + at[:, None] * states + n[None, :]
        left = tl.load(kept, mask=real, other=0.0)
        size = tl.load(total + at, mask=real_c, other=0.0)
        tl.store(kept, h, mask=real)
        h = tl.exp2(size[:, None] * rate) * h + left
