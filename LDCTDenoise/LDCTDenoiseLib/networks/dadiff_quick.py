"""DA-Diff as a processor computes it fastest: for inference alone, the same numbers within rounding as `DADiffUNet`.

Not a network of its own: it walks the blocks of a folded `DADiffUNet` and has a quick way for each kind. Slices go
through it one by one, so that what is said of a slice (its gates, its attention) can be multiplied into the weights.
Maps are [1, C, H, W] with their channels innermost in memory.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .convolution_quick import QuickConv, QuickUpsample
from .dadiff import DADiffUNet
from .dadiff_blocks import ConditionalBlock, ResidualBlock
from .dadiff_quick_blocks import QuickAttention, QuickMamba, normed
from .norm_silu import norm_silu


class QuickDADiff:
    """Called like the network, on the processor: [B, 2, H, W] float32 → the residual [B, 1, H, W], float32.

    network  folded, with float32 weights; its small layers are used as they are, the others copied
    """

    def __init__(self, network: DADiffUNet, dtype: torch.dtype):
        self._network, self._dtype = network, dtype
        self.multiple = network.multiple
        # first and last layer stay float32, as `DADiffUNet.with_body` has it
        self._first, self._last = (
            QuickConv(conv, torch.float32, "cpu") for conv in (network.init_conv, network.final_conv)
        )
        self._down = [self._level(level) for level in network.downs]
        self._middle = QuickResidual(network.mid_block, dtype), QuickConditional(network.mid_attn, dtype)
        self._up = [self._level(level) for level in network.ups]
        self._end = QuickResidual(network.final_res_block, dtype)

    def _level(self, layers: nn.ModuleList) -> tuple:
        block, conditional, resample = layers
        if isinstance(resample, nn.Sequential):
            resampled = QuickUpsample(resample[1], self._dtype, "cpu")
        else:
            resampled = QuickConv(resample, self._dtype, "cpu")
        return QuickResidual(block, self._dtype), QuickConditional(conditional, self._dtype), resampled

    def __call__(self, x: Tensor, time: Tensor, dose: Tensor | None = None, anatomy: Tensor | None = None) -> Tensor:
        conditioning, anatomy = self._network._conditions(time, dose, anatomy)
        slices = [
            self._slice(x[i : i + 1], conditioning[i : i + 1], None if anatomy is None else anatomy[i : i + 1])
            for i in range(len(x))
        ]
        return torch.cat(slices)

    def _slice(self, x: Tensor, conditioning: Tensor, anatomy: Tensor | None) -> Tensor:
        fold = self._network.fold
        h = self._first(F.pixel_unshuffle(x, fold).contiguous(memory_format=torch.channels_last)).to(self._dtype)
        first, kept = h, []
        h = h.clone()  # the conditional blocks overwrite what they are given
        for block, conditional, resample in self._down:
            h = block(conditional(h, conditioning, anatomy))
            kept.append(h)
            h = resample(h)
        block, conditional = self._middle
        h = conditional(block(h), conditioning, anatomy)
        for block, conditional, resample in self._up:
            h = torch.cat([h, kept.pop()], dim=1)  # the one before it is let go
            h = block(h)
            h = resample(conditional(h, conditioning, anatomy))
        h = torch.cat([h, first], dim=1)
        del first
        h = self._end(h)
        return F.pixel_shuffle(self._last(h.float()), fold)


class QuickResidual:
    """See `ResidualBlock`; the 1×1 convolution of a wider input adds itself."""

    def __init__(self, block: ResidualBlock, dtype: torch.dtype):
        self._conv, self._norm = QuickConv(block.block1.proj, dtype, "cpu"), _copied(block.block1.norm, dtype)
        self._skip = None if isinstance(block.res_conv, nn.Identity) else QuickConv(block.res_conv, dtype, "cpu")

    def __call__(self, x: Tensor) -> Tensor:
        h = norm_silu(self._conv(x), self._norm)
        return h.add_(x) if self._skip is None else self._skip.onto(x, h)


class QuickConditional:
    """See `ConditionalBlock`: state-space block and attention, each adding itself, its gate in its last weights.

    In place: x is overwritten and given back.
    """

    def __init__(self, block: ConditionalBlock, dtype: torch.dtype):
        self._modulation, self._norm = block.adaLN_modulation, block.norm1
        self._mamba, self._attention = QuickMamba(block.mamba, dtype), QuickAttention(block.attn_blk, dtype)

    def __call__(self, x: Tensor, conditioning: Tensor, anatomy: Tensor | None) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self._modulation(conditioning)[0].chunk(6)
        gain, offset = self._norm.weight * (1 + scale1), self._norm.bias * (1 + scale1) + shift1
        self._mamba(x, lambda band: normed(band, gain, offset, eps=1e-5), anatomy, gate1)
        self._attention(x, lambda band: normed(band, 1 + scale2, shift2, eps=1e-6), gate2)
        return x


def _copied(norm: nn.GroupNorm, dtype: torch.dtype) -> nn.GroupNorm:
    copied = nn.GroupNorm(norm.num_groups, norm.num_channels, norm.eps).requires_grad_(False)
    copied.load_state_dict(norm.state_dict())
    return copied.to(dtype)
