"""Whether fused kernels compute what lies between convolutions: where triton is there and they agree with torch.

As with the scan, a kernel is used only after a check, once for each card. LDCT_DENOISE_FUSED=0 switches them off.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

VARIABLE = "LDCT_DENOISE_FUSED"
# largest difference from float64, of the largest value: some roundings of each type
AGREEMENT = {torch.float32: 2e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}
# entries, channels, groups, sides: whole tiles of pixels and others, channels that are a power of two and others
PROBLEMS = ((2, 32, 32, (40, 24)), (1, 96, 32, (17, 19)), (3, 24, 8, (5, 1)))
log = logging.getLogger(__name__)


class Kernels(NamedTuple):
    """The functions of these names in `norm_silu_triton`."""

    norm_silu: Callable[..., Tensor]
    add: Callable[[Tensor, Tensor, Tensor], Tensor]


def chosen_kernels(x: Tensor) -> Kernels | None:
    """The fused kernels for maps like x; None where torch's own functions are the way."""
    if not x.is_cuda:
        return None
    kernels = _checked(torch.cuda.current_device() if x.device.index is None else x.device.index)
    if kernels is None:
        return None
    from .norm_silu_triton import takes

    return kernels if takes(x) else None


def chosen_norm_silu(x: Tensor, norm: nn.GroupNorm) -> Callable[..., Tensor] | None:
    """The fused norm for a map and a norm, see `norm_silu_triton.norm_silu`; None where torch's own is the way."""
    kernels = chosen_kernels(x)
    if kernels is None or norm.weight is None or (torch.is_grad_enabled() and norm.weight.requires_grad):
        return None
    return kernels.norm_silu


@cache
def _checked(index: int) -> Kernels | None:
    """The kernels, or None if they are switched off, not installed, fail or compute something else."""
    if os.environ.get(VARIABLE) == "0":
        return None
    try:
        from . import norm_silu_triton
    except Exception:  # most often not installed; a broken installation is none either
        return None
    kernels = Kernels(norm_silu_triton.norm_silu, norm_silu_triton.add)
    try:
        with torch.inference_mode():
            wrong = disagreement(kernels, torch.device("cuda", index))
    except Exception as error:
        log.warning("The fused norm fails on cuda:%d and is not used: %s", index, error)
        return None
    if wrong:
        log.warning("The fused norm differs on cuda:%d and is not used: %s.", index, wrong)
        return None
    return kernels


def disagreement(kernels: Kernels, device: torch.device | str, problems: Sequence[tuple] = PROBLEMS) -> str:
    """Where the kernels differ from torch in float64 by more than rounding, in words; empty where nowhere."""
    for dtype, limit in AGREEMENT.items():
        for entries, channels, groups, sides in problems:
            x, norm = example(entries, channels, groups, sides)
            x = x.to(device, dtype).contiguous(memory_format=torch.channels_last)
            norm = norm.to(device, dtype)
            pending = norm.bias.flip(0)
            more = x.double() + pending.double()[:, None, None]
            cases = {
                "norm": (kernels.norm_silu(x, *_facts(norm)), _exactly(x.double(), norm)),
                "norm with a bias": (kernels.norm_silu(x, *_facts(norm), pending), _exactly(more, norm)),
                "sum": (kernels.add(x.clone(), x.flip(2), pending), more + x.double().flip(2)),
            }
            for case, (got, expected) in cases.items():
                if got.shape != expected.shape:
                    return f"the {case} has another shape"
                difference = float((got.double() - expected).abs().max() / expected.abs().max())
                if not difference <= limit:  # NaN too
                    return f"the {case} by {difference:.1e} in {dtype} for {channels} channels"
    return ""


def _facts(norm: nn.GroupNorm) -> tuple:
    return norm.weight, norm.bias, norm.num_groups, norm.eps


def _exactly(x: Tensor, norm: nn.GroupNorm) -> Tensor:
    return F.silu(F.group_norm(x.contiguous(), norm.num_groups, norm.weight.double(), norm.bias.double(), norm.eps))


def example(entries: int, channels: int, groups: int, sides: tuple[int, int]) -> tuple[Tensor, nn.GroupNorm]:
    """A map far from zero, with another mean and spread in every channel and entry, and a norm for it; float32."""
    random = torch.Generator().manual_seed(channels)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    norm = nn.GroupNorm(groups, channels, eps=1e-5).requires_grad_(False)
    norm.weight.copy_(1 + 0.2 * normal(channels))
    norm.bias.copy_(0.2 * normal(channels))
    spread = torch.exp(0.5 * normal(entries, channels, 1, 1))
    return 4 + normal(entries, channels, 1, 1) + spread * normal(entries, channels, *sides), norm
