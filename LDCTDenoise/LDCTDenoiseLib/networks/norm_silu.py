"""SiLU(GroupNorm(x)), the pair before every convolution of the U-Nets, in as few passes over memory as there are."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .norm_silu_choice import chosen_norm_silu


def norm_silu(x: Tensor, norm: nn.GroupNorm, pending: Tensor | None = None) -> Tensor:
    """[B, C, H, W] → the same shape. By the fused kernel where one was checked, else by torch's own functions.

    The SiLU overwrites what the norm gave; under autograd torch keeps what its gradient needs.

    pending  a bias [C] that is still to be added to x, see `QuickConv.bare`
    """
    fused = chosen_norm_silu(x, norm)
    if fused is not None:
        return fused(x, norm.weight, norm.bias, norm.num_groups, norm.eps, pending)
    if pending is not None:
        x = x + pending[:, None, None]
    return F.silu(norm(x), inplace=True)
