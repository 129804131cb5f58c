"""The selective scan in pure torch: all in bulk over a block of steps, but for the recurrence itself.

Time comes first in memory, so that a step is one contiguous piece of channels × states. For a block of steps the
decays exp(ΔA) and the inputs ΔBu are made at once; then h_t = a_t h_{t−1} + x_t, one fused operation in place for
each step; then all outputs of the block at once. A block stays in the processor's cache. The backward pass starts from
the state kept at every segment and computes the states in between again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from math import isqrt
from typing import NamedTuple

import torch
from torch import Tensor

from .scan_steps import LOG2E, Recurrence, softplus, time_first, write_time_last


class Plan(NamedTuple):
    """How a scan is cut. A lane is a channel and a state of it."""

    lanes: int  # that are scanned together
    block: int  # numbers (lanes × steps) made at once
    held: int  # numbers of states that the way back holds, a segment
    steps: int  # at most of a segment
    piece: int  # steps at most of a piece; pieces run side by side. 1: one step after the other

    def segment(self, lanes: int) -> int:
        """Steps between two states that are kept for the way back."""
        return max(1, min(self.steps, self.held // lanes))


PROCESSOR = Plan(1 << 15, 1 << 18, 1 << 22, 256, 1)  # a block stays in the cache of a core
WIDE = Plan(1 << 20, 1 << 24, 1 << 24, 1 << 14, 1 << 10)  # few operations, each a large one


def plan(device: str) -> Plan:
    return PROCESSOR if device == "cpu" else WIDE


class Inputs(NamedTuple):
    """The arguments of a scan, groups and channels of a group apart."""

    u: Tensor  # [b, G, d, L]
    delta: Tensor  # [b, G, d, L]
    A: Tensor  # [G, d, N]
    B: Tensor  # [b, G, N, L]
    C: Tensor  # [b, G, N, L]
    D: Tensor  # [G, d]
    bias: Tensor  # [G, d]

    @classmethod
    def of(cls, u, delta, A, B, C, D, delta_bias, dtype: torch.dtype) -> Inputs:
        """From the arguments of `selective_scan`."""
        groups, states = B.shape[1:3]
        wide = (u.shape[0], groups, u.shape[1] // groups, u.shape[2])
        shaped = (u.reshape(wide), delta.reshape(wide), A.reshape(groups, -1, states), B, C, D.reshape(groups, -1),
                  delta_bias.reshape(groups, -1))  # fmt: skip
        return cls(*(x.to(dtype) for x in shaped))


def blocked_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, delta_bias: Tensor) -> Tensor:
    """Arguments and result as of `selective_scan`; computes in float32, or in float64 where u is float64."""
    inputs = Inputs.of(u, delta, A, B, C, D, delta_bias, torch.float64 if u.dtype == torch.float64 else torch.float32)
    y = _Scan.apply(*inputs) if torch.is_grad_enabled() else scan_forward(inputs)
    return y.reshape(u.shape).to(u.dtype)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *inputs: Tensor) -> Tensor:
        starts = [] if any(ctx.needs_input_grad) else None
        y = scan_forward(Inputs(*inputs), starts)
        if starts is not None:
            ctx.save_for_backward(*inputs, *starts)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, ...]:
        saved = ctx.saved_tensors
        fields = len(Inputs._fields)
        return scan_backward(gradient, Inputs(*saved[:fields]), saved[fields:])


def _full_precision(device: str):
    """Autocast would turn the small products to half precision."""
    return torch.autocast(device, enabled=False) if device in ("cpu", "cuda") else nullcontext()


class _Part(NamedTuple):
    """Batch entries, groups and channels that are scanned together."""

    b: slice
    g: slice
    d: slice

    def wide(self, x: Tensor, time: slice) -> Tensor:
        """Of u, delta, y: [steps, b, G, 1, d]."""
        return time_first(x[self.b, self.g, self.d, time]).unsqueeze(-2)

    def narrow(self, x: Tensor, time: slice) -> Tensor:
        """Of B, C: [steps, b, G, N, 1]."""
        return time_first(x[self.b, self.g, :, time]).unsqueeze(-1)

    def each(self, x: Tensor) -> Tensor:
        """Of D, bias: [G, 1, d]."""
        return x[self.g, self.d].unsqueeze(-2)

    def decay_rates(self, A: Tensor) -> Tensor:
        """[G, N, d]."""
        return A[self.g, self.d].transpose(1, 2).contiguous()


def _parts(inputs: Inputs, lanes: int) -> Iterator[_Part]:
    (b, groups, d, _), states = inputs.u.shape, inputs.A.shape[-1]
    ds = max(1, min(d, lanes // states))
    gs = max(1, min(groups, lanes // (states * ds)))
    bs = max(1, min(b, lanes // (states * ds * gs)))
    for i in range(0, b, bs):
        for g in range(0, groups, gs):
            for c in range(0, d, ds):
                yield _Part(slice(i, min(i + bs, b)), slice(g, min(g + gs, groups)), slice(c, min(c + ds, d)))


class _Block:
    """Buffers for a block of steps: decays a (one more, for the way back), states or gradients x, and views of them."""

    def __init__(self, h: Tensor, cut: Plan):
        lanes = h.numel()
        self.segment = cut.segment(lanes)
        self.steps = max(1, min(self.segment, cut.block // lanes))
        self.width = min(cut.piece, isqrt(self.steps))
        self.a, self.x = h.new_empty(self.steps + 1, *h.shape), h.new_empty(self.steps, *h.shape)
        self.recurrences: dict[tuple, Recurrence] = {}

    def decay(self, size: Tensor, rates2: Tensor) -> Tensor:
        """exp(ΔA) for size Δ [steps, b, G, 1, d] and rates2 = A log₂e [G, N, d]."""
        return torch.mul(size, rates2, out=self.a[: len(size)]).exp2_()

    def forwards(self, states: Tensor, carry: Tensor) -> Tensor:
        """x_t += a_t x_{t−1}; the decays are used up."""
        key = states.data_ptr(), len(states)
        if key not in self.recurrences:
            self.recurrences[key] = Recurrence(self.a[: len(states)], states, self.width)
        return self.recurrences[key].run(carry)

    def backwards(self, steps: int, carry: Tensor) -> Tensor:
        """x_t += a_{t+1} x_{t+1}; the decays are used up."""
        key = "back", steps
        if key not in self.recurrences:
            self.recurrences[key] = Recurrence(self.a[1 : steps + 1], self.x[:steps], self.width, back=True)
        return self.recurrences[key].run(carry)

    def spans(self, steps: int) -> list[slice]:
        return [slice(s, min(s + self.steps, steps)) for s in range(0, steps, self.steps)]


def scan_forward(inputs: Inputs, starts: list[Tensor] | None = None) -> Tensor:
    """y [b, G, d, L]; the states before every segment are appended to `starts`, one tensor a part."""
    with _full_precision(inputs.u.device.type):
        y = torch.empty_like(inputs.u)
        cut = plan(inputs.u.device.type)
        for part in _parts(inputs, cut.lanes):
            kept = _forward_part(inputs, part, cut, y, starts is not None)
            if starts is not None:
                starts.append(kept)
        return y


def _forward_part(inputs: Inputs, part: _Part, cut: Plan, y: Tensor, keep: bool) -> Tensor | None:
    u, delta, A, B, C, D, bias = inputs
    length = u.shape[-1]
    rates2 = part.decay_rates(A) * LOG2E
    h = rates2.new_zeros(u[part.b].shape[0], *rates2.shape)
    block = _Block(h, cut)
    kept = []
    for start in range(0, length, block.segment):
        time = slice(start, min(start + block.segment, length))
        if keep:
            kept.append(h.clone())
        us = part.wide(u, time)
        size = softplus(part.wide(delta, time) + part.each(bias))
        Bs, Cs = part.narrow(B, time), part.narrow(C, time)
        ys, xs = us * part.each(D), us * size
        for span in block.spans(len(us)):
            block.decay(size[span], rates2)
            x = torch.mul(xs[span], Bs[span], out=block.x[: span.stop - span.start])
            h.copy_(block.forwards(x, h))
            ys[span] += Cs[span].transpose(-1, -2) @ x
        write_time_last(y[part.b, part.g, part.d, time], ys.squeeze(-2))
    return torch.stack(kept) if keep else None


def scan_backward(gradient: Tensor, inputs: Inputs, starts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    with _full_precision(gradient.device.type):
        out = Inputs(*(torch.zeros_like(x) for x in inputs))
        cut = plan(gradient.device.type)
        for part, kept in zip(_parts(inputs, cut.lanes), starts, strict=True):
            _backward_part(gradient, inputs, part, cut, kept, out)
        return tuple(out)


def _backward_part(gradient: Tensor, inputs: Inputs, part: _Part, cut: Plan, kept: Tensor, out: Inputs) -> None:
    """With g_t = dL/dh_t = C_t dL/dy_t + a_{t+1} g_{t+1}, everything else is a sum over g."""
    u, delta, A, B, C, D, bias = inputs
    length = u.shape[-1]
    rates = part.decay_rates(A)
    rates2 = rates * LOG2E
    g, g_rates = torch.zeros_like(kept[0]), torch.zeros_like(rates)
    after = torch.zeros_like(g)  # the decay after the last step of a block
    block = _Block(g, cut)
    q = torch.empty_like(block.x)
    states = kept.new_empty(min(block.segment, length) + 1, *kept.shape[1:])  # one before, then those of the segment
    for index in range(len(kept) - 1, -1, -1):
        time = slice(index * block.segment, min((index + 1) * block.segment, length))
        us, gy = part.wide(u, time), part.wide(gradient, time)
        raw = part.wide(delta, time) + part.each(bias)
        size = softplus(raw)
        Bs, Cs = part.narrow(B, time), part.narrow(C, time)
        xs = us * size
        spans = block.spans(len(us))
        states[0] = kept[index]
        for span in spans:
            block.decay(size[span], rates2)
            x = torch.mul(xs[span], Bs[span], out=states[span.start + 1 : span.stop + 1])
            block.forwards(x, states[span.start])
        g_x, g_size, g_B = torch.empty_like(us), torch.empty_like(us), torch.empty_like(Bs)
        for span in reversed(spans):
            n = span.stop - span.start
            a = block.decay(size[span], rates2)
            block.a[n] = after
            after.copy_(a[0])
            torch.mul(a, states[span], out=q[:n])
            G = torch.mul(gy[span], Cs[span], out=block.x[:n])
            g.copy_(block.backwards(n, g))
            g_x[span] = Bs[span].transpose(-1, -2) @ G
            g_B[span] = G @ xs[span].transpose(-1, -2)
            G.mul_(q[:n])
            torch.mul(G, rates, out=q[:n])
            torch.sum(q[:n], -2, keepdim=True, out=g_size[span])
            g_rates += G.mul_(size[span]).sum((0, 1))
        g_C = states[1 : len(us) + 1] @ gy.transpose(-1, -2)
        g_raw = g_size.addcmul_(g_x, us).mul_(torch.sigmoid(raw))
        out.D[part.g, part.d] += (gy * us).sum((0, 1)).squeeze(-2)
        out.bias[part.g, part.d] += g_raw.sum((0, 1)).squeeze(-2)
        out.B[part.b, part.g, :, time] += g_B.squeeze(-1).movedim(0, -1)
        out.C[part.b, part.g, :, time] += g_C.squeeze(-1).movedim(0, -1)
        write_time_last(out.delta[part.b, part.g, part.d, time], g_raw.squeeze(-2))
        write_time_last(out.u[part.b, part.g, part.d, time], g_x.mul_(size).addcmul_(gy, part.each(D)).squeeze(-2))
    out.A[part.g, part.d] += g_rates.transpose(1, 2)
