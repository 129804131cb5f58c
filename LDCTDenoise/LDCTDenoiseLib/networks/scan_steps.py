"""What a scan in pure torch is made of: time first in memory, and the recurrence over a block of steps."""

from __future__ import annotations

from itertools import pairwise
from math import log

from torch import Tensor

LOG2E = 1 / log(2)  # exp(x) = 2^(x log₂e), which torch computes four times faster on x86


def softplus(x: Tensor) -> Tensor:
    """log(1 + eˣ), in float32 x itself above 20 as the definition has it; faster than torch's own, x86 again."""
    return x.abs().mul_(-LOG2E).exp2_().log1p_().add_(x.clamp_min(0))


def time_first(x: Tensor) -> Tensor:
    """[…, L] → [L, …], contiguous; a view of x where it lies so already."""
    if x.stride(-1) != 1:
        return x.movedim(-1, 0).contiguous()
    # a contiguous copy comes first: rows that lie a power of two apart throw each other out of the cache
    return x.contiguous().view(-1, x.shape[-1]).t().contiguous().view(x.shape[-1], *x.shape[:-1])


def write_time_last(target: Tensor, x: Tensor) -> None:
    """target […, L] becomes x [L, …]."""
    x = x.movedim(0, -1)
    target.copy_(x.contiguous() if target.stride(-1) == 1 else x)


class Recurrence:
    """state_t += decay_t · state_{t−1} in place over states [steps, …], all views made once.

    width  steps of a piece. Wider than 1: the pieces run side by side, the decays become their products up to each
           step (of numbers in (0, 1]; nothing is ever divided), the last state of a piece is handed to the next, and
           what came into a piece is added to its other steps. More arithmetic, fewer operations. Products of decays
           that all but equal 1 lose a little: scans of very small steps are some 1e-5 off.
    back   from the last step to the first
    """

    def __init__(self, decays: Tensor, states: Tensor, width: int = 1, back: bool = False):
        steps = len(states)
        count = steps // width if width > 1 else 0
        self.pieces = count > 1
        cut = count * width if self.pieces else 0  # the steps beyond fill no piece
        alone = range(steps - cut - 1, -1, -1) if back else range(cut, steps)
        self.alone = [(decays[t], states[t]) for t in alone]
        if not self.pieces:
            return
        whole = slice(steps - cut, steps) if back else slice(0, cut)
        s = states[whole].view(count, width, *states.shape[1:])
        p = decays[whole].view_as(s)
        inside = range(width - 1, -1, -1) if back else range(width)
        self.inside = [(p[:, t], s[:, t], p[:, e], s[:, e]) for e, t in pairwise(inside)]
        order, end = range(count - 1, -1, -1) if back else range(count), inside[-1]
        self.first = p[order[0]], s[order[0]], s[order[0], end]
        self.ends = [(p[k, end], s[k, end]) for k in order[1:]]
        if back:
            self.others = p[:-1, 1:], s[:-1, 1:], s[1:, :1]
        else:
            self.others = p[1:, :-1], s[1:, :-1], s[:-1, -1:]

    def run(self, carry: Tensor) -> Tensor:
        """`carry` is the state before the first; returns the last."""
        if self.pieces:
            for decay, state, earlier_decay, earlier in self.inside:
                state.addcmul_(decay, earlier)
                decay.mul_(earlier_decay)
            decay, state, last = self.first
            state.addcmul_(decay, carry)
            carry = last
            for decay, state in self.ends:
                carry = state.addcmul_(decay, carry)
            decay, state, came_in = self.others
            state.addcmul_(decay, came_in)
        for decay, state in self.alone:
            carry = state.addcmul_(decay, carry)
        return carry
