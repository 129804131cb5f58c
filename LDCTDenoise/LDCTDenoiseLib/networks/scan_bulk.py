"""The selective scan on a processor where no gradient is wanted: every operation is one over a whole block of steps.

As in scan_blocked.py the time comes first in memory, decays exp(ΔA) and inputs ΔBu of a block are made at once and stay
in the cache, and so are the outputs. Here the recurrence, too, is one operation (`sweep`) and not one a step, and the
states come before the channels, so that what differs from channel to channel alone runs along memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial

import torch
from torch import Tensor

from .scan_steps import LOG2E, softplus
from .side_by_side import side_by_side

BLOCK = 1 << 19  # numbers of a block, a thread: few operations, and the last cache still holds it
LANES = 1 << 15  # scanned together; a lane is a channel and a state of it
SEGMENT = 1 << 17  # numbers of u and Δ that are made ready at once
UNSPLIT = (1 << 15) - 1  # numbers that torch leaves to one thread
MATMUL = 16  # states from which outputs are quicker as matrix products
GAP = 16  # numbers between two steps: torch refuses to write where it reads in a tensor without gaps


def scan_without_gradients(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, delta_bias: Tensor
) -> Tensor:
    """Arguments and result as of `selective_scan`; float32 tensors on the processor, gradients not wanted."""
    groups, states = B.shape[1:3]
    u, delta = (x.unflatten(1, (groups, -1)).permute(0, 3, 1, 2).float().contiguous() for x in (u, delta))
    B, C = (x.permute(0, 3, 1, 2).float() for x in (B, C))
    A, D, bias = (
        A.float().reshape(groups, -1, states),
        D.float().reshape(groups, -1),
        delta_bias.float().reshape(groups, -1),
    )
    return bulk_scan(u, delta, A, B, C, D, bias).permute(0, 2, 3, 1).flatten(1, 2)


def bulk_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, bias: Tensor, out: Tensor | None = None
) -> Tensor:
    """u, delta [b, L, G, d]; A [G, d, N], negative; B, C [b, L, G, N]; D, bias [G, d] → y [b, L, G, d] float32.

    All float32, in any order in memory; quickest as written here. No gradients.
    out  where y is written, may be u itself: a value is read for the last time before it is written over
    """
    y = torch.empty(u.shape, dtype=u.dtype) if out is None else out
    work = []
    for entry in range(len(u)):
        for g, d in _parts(A.shape, torch.get_num_threads()):
            arguments = (
                u[entry, :, g, d], delta[entry, :, g, d], A[g, d], B[entry, :, g], C[entry, :, g], D[g, d], bias[g, d],
                y[entry, :, g, d],
            )  # fmt: skip
            work.append(partial(_scan, *arguments))
    side_by_side(work)
    return y


def _parts(shape: torch.Size, threads: int) -> Iterator[tuple[slice, slice]]:
    """Groups and channels that are scanned together: enough parts for all threads, none too wide."""
    groups, channels, states = shape
    cuts = max(-(-threads // groups), -(-channels * states // LANES))  # of the channels of a group
    wide = -(-channels // cuts)
    together = max(1, min(groups // threads, LANES // (wide * states)))
    for g in range(0, groups, together):
        for d in range(0, channels, wide):
            yield slice(g, g + together), slice(d, d + wide)


def _scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, bias: Tensor, y: Tensor) -> None:
    """One part of one entry: as `bulk_scan` without the batch; writes y."""
    length, groups, channels = u.shape
    states, wide = A.shape[-1], groups * channels
    lanes = states * wide
    rates2 = (A * LOG2E).permute(2, 0, 1).contiguous().view(states, wide)
    steps = min(length, max(1, BLOCK // lanes))
    segment = min(length, steps * max(1, SEGMENT // (steps * wide)))
    decays = u.new_empty(steps, lanes)
    path = u.new_empty(steps + 1, lanes + GAP)[:, :lanes]  # the states, that before the block first
    path[0] = 0
    sweep = Sweep(path, decays)
    for start in range(0, length, segment):
        time = slice(start, min(start + segment, length))
        us = u[time]
        size = softplus(delta[time] + bias)
        Bs, Cs = (x[time].transpose(1, 2).contiguous().unsqueeze(-1) for x in (B, C))  # [steps, N, G, 1]
        xs, ys = (us * size).unsqueeze(1), torch.empty_like(size)
        size = size.view(-1, 1, wide)
        for first in range(0, len(us), steps):
            span = slice(first, min(first + steps, len(us)))
            n = span.stop - first
            a, x = decays[:n], path[1 : n + 1].view(n, states, groups, channels)
            torch.mul(size[span], rates2, out=a.view(n, states, wide)).exp2_()
            torch.mul(xs[span], Bs[span], out=x)
            sweep(n)
            if states < MATMUL:
                torch.sum(torch.mul(x, Cs[span], out=a.view(x.shape)), 1, out=ys[span])  # the decays are used up
            else:
                for g in range(groups):
                    ys[span, g] = torch.bmm(Cs[span, :, g].transpose(1, 2), x[:, :, g]).squeeze(1)
            path[0] = path[n]
        torch.addcmul(ys, us, D, out=y[time])


class Sweep:
    """path_{t+1} += decays_t · path_t in place, t = 0, 1, …; path [steps + 1, lanes], decays [steps, lanes].

    As many steps at once as torch leaves to one thread: it goes through them in the order of memory, so that it reads
    each state after it has written it. That is nowhere promised. So it is tried once for every shape, and where it
    does not hold the steps go one after the other.
    """

    def __init__(self, path: Tensor, decays: Tensor):
        self.path, self.decays = path, decays
        steps, lanes = decays.shape
        self.at_once = max(1, min(steps, UNSPLIT // lanes))
        if self.at_once > 1 and not _runs_in_order(self.at_once, lanes, path.stride(0), path.dtype):
            self.at_once = 1
        self.views = self._views(steps)

    def _views(self, steps: int) -> list[tuple[Tensor, Tensor, Tensor]]:
        views = []
        for t in range(0, steps, self.at_once):
            end = min(t + self.at_once, steps)
            views.append((self.path[t + 1 : end + 1], self.decays[t:end], self.path[t:end]))
        return views

    def __call__(self, steps: int) -> None:
        for after, decays, before in self.views if steps == len(self.decays) else self._views(steps):
            after.addcmul_(decays, before)


@lru_cache(maxsize=256)
def _runs_in_order(steps: int, lanes: int, stride: int, dtype: torch.dtype) -> bool:
    """Whether one operation over so many steps comes to the same as one a step."""
    random = torch.Generator().manual_seed(0)
    path = torch.randn(steps + 1, stride, generator=random, dtype=dtype)[:, :lanes]
    decays = torch.rand(steps, lanes, generator=random, dtype=dtype)
    alone = list(path.clone().unbind())
    for before, after, decay in zip(alone[:-1], alone[1:], decays, strict=True):
        after.addcmul_(decay, before)
    try:
        path[1:].addcmul_(decays, path[:-1])
    except RuntimeError:  # refused
        return False
    return torch.allclose(path, torch.stack(alone), rtol=1e-5, atol=1e-6)
