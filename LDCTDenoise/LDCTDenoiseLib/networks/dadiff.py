"""The DA-Diff U-Net: a noisy state and the low-dose slice in, the residual low dose − normal dose out.

Chen et al.: FoundDiff, arXiv 2508.17299. Read it top to bottom. Written from a description of the network; the names
of parameters are those of the authors' checkpoints after `model.unet0.`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .dadiff_blocks import ConditionalBlock, ConditionalMamba, Pointwise, ResidualBlock, StandardisedConv

FEWEST_STATES = 4  # of the scan at full resolution; twice as many at every further level
# first and last layer, and the small layers on time, dose and anatomy: float32 in every precision
FLOAT32 = {"init_conv", "final_conv", "time_mlp", "text_mlp", "prompt_mlp", "adaLN_modulation", "attn"}


class Sinusoid(nn.Module):
    """[B] → [B, features]: sines, then cosines, of the time at frequencies from 1 down to 1/10000."""

    def __init__(self, features: int):
        super().__init__()
        self.count = features // 2

    def forward(self, time: Tensor) -> Tensor:
        steps = torch.arange(self.count, device=time.device, dtype=torch.float32)
        angles = time.float()[:, None] * torch.exp(steps * (-log(10000) / (self.count - 1)))
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class DADiffUNet(nn.Module):
    """f([x_t, I], 1000·Ā_t; dose, anatomy).

    dim               base width; level l has dim · multipliers[l] channels
    multipliers       one per resolution; (1, 2, 4, 8) is the published network
    fold              2: the picture is folded to half its side with 4 times the channels, so that everything costs a
                      quarter; 1 is the published network
    dose_features     width of the dose embedding, anatomy_features of the anatomy embedding
    conditioning      False: neither is looked at, the network without perception
    mixed             for training: the precision in which float32 weights compute; None for float32 throughout

    Height and width of the input must be multiples of `multiple`. Norms and attention look at the whole slice, so
    cutting a slice into tiles changes the answer.
    """

    mixed: torch.dtype | None = None

    def __init__(
        self,
        dim: int = 64,
        multipliers: Sequence[int] = (1, 2, 4, 8),
        fold: int = 1,
        dose_features: int = 1024,
        anatomy_features: int = 256,
        conditioning: bool = True,
    ):
        super().__init__()
        widths = [dim, *(int(dim * m) for m in multipliers)]
        levels = list(pairwise(widths))  # (width at a level, width of the next)
        states = [FEWEST_STATES * 2**level for level in range(len(levels))]
        embedding = 4 * dim
        self.dim, self.fold, self.is_conditioned = dim, fold, conditioning
        self.multiple = 2 ** (len(levels) - 1) * fold

        self.init_conv = nn.Conv2d(2 * fold**2, dim, 7, padding=3)
        self.time_mlp = nn.Sequential(
            Sinusoid(dim), nn.Linear(dim, embedding), nn.GELU(), nn.Linear(embedding, embedding)
        )
        if conditioning:
            self.text_mlp = nn.Sequential(
                nn.Linear(dose_features, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
            )
            self.prompt = nn.Parameter(torch.rand(1, embedding))
            self.prompt_mlp = nn.Linear(embedding, embedding)

        def conditional(channels: int, states: int) -> ConditionalBlock:
            return ConditionalBlock(channels, states, embedding, anatomy_features if conditioning else None)

        self.downs = nn.ModuleList()
        for level, (channels, next_channels) in enumerate(levels):
            is_last = level == len(levels) - 1
            resample = nn.Conv2d(channels, next_channels, 3, padding=1) if is_last else Halve(channels, next_channels)
            self.downs.append(
                nn.ModuleList([ResidualBlock(channels, channels), conditional(channels, states[level]), resample])
            )

        self.mid_block = ResidualBlock(widths[-1], widths[-1])
        self.mid_attn = conditional(widths[-1], states[-1])

        self.ups = nn.ModuleList()
        for level, (channels, next_channels) in reversed(list(enumerate(levels))):
            resample = nn.Conv2d(next_channels, channels, 3, padding=1)
            if level > 0:
                resample = nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), resample)
            self.ups.append(
                nn.ModuleList(
                    [
                        ResidualBlock(next_channels + channels, next_channels),
                        conditional(next_channels, states[level]),
                        resample,
                    ]
                )
            )

        self.final_res_block = ResidualBlock(2 * dim, dim)
        self.final_conv = Pointwise(dim, fold**2)

    def forward(
        self, x: Tensor, time: Tensor, dose_embedding: Tensor | None = None, anatomy_embedding: Tensor | None = None
    ) -> Tensor:
        """x [B, 2, H, W] = (noisy state, low dose) in [−1, 1], time [B] = 1000·Ā_t, embeddings [B, ·] of unit length.

        Returns the residual, [B, 1, H, W] float32. A network without conditioning ignores the embeddings.
        """
        if x.ndim != 4 or x.shape[1] != 2:
            raise ValueError(f"expected a state and a low-dose slice, [B, 2, H, W], got {list(x.shape)}")
        if any(side % self.multiple for side in x.shape[2:]):
            raise ValueError(f"height and width must be multiples of {self.multiple}, got {list(x.shape[2:])}")
        conditioning, anatomy = self._conditions(time, dose_embedding, anatomy_embedding)
        h = self.init_conv(F.pixel_unshuffle(x, self.fold).contiguous(memory_format=torch.channels_last))
        if self.mixed is None:
            h = self._between(h.to(self.body), conditioning, anatomy)
        else:
            with torch.autocast(h.device.type, self.mixed):
                h = self._between(h.to(self.mixed), conditioning, anatomy)
        return F.pixel_shuffle(self.final_conv(h.to(self.final_conv.weight.dtype)), self.fold)

    def _conditions(self, time: Tensor, dose: Tensor | None, anatomy: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Time and dose as one vector [B, 4·dim], and the anatomy; float32 in every precision."""
        conditioning = self.time_mlp(time)
        if not self.is_conditioned:
            return conditioning, None
        weights = torch.softmax(self.text_mlp(dose), dim=-1)
        return conditioning + self.prompt_mlp(weights * self.prompt), anatomy

    def _between(self, h: Tensor, conditioning: Tensor, anatomy: Tensor | None) -> Tensor:
        """All layers but the first and the last."""
        first, kept = h, []
        for block, conditional, resample in self.downs:
            h = block(conditional(h, conditioning, anatomy))
            kept.append(h)
            h = resample(h)
        h = self.mid_attn(self.mid_block(h), conditioning, anatomy)
        for block, conditional, resample in self.ups:
            h = conditional(block(torch.cat([h, kept.pop()], dim=1)), conditioning, anatomy)
            h = resample(h)
        return self.final_res_block(torch.cat([h, first], dim=1))

    @property
    def body(self) -> torch.dtype:
        """The precision of all layers but the first, the last and the conditions."""
        return self.mid_block.block1.proj.weight.dtype

    def with_body(self, dtype: torch.dtype) -> DADiffUNet:
        """Compute in another precision, but for what must not be rounded (FLOAT32) and the scan."""
        for name, layer in self.named_modules():
            is_layer = isinstance(layer, (nn.Conv2d, nn.Linear, nn.GroupNorm, nn.LayerNorm))
            if is_layer and FLOAT32.isdisjoint(name.split(".")):
                layer.to(dtype)
        return self

    def with_scan(self, name: str | None) -> DADiffUNet:
        """Scan by one of `available_scans`; None for the best."""
        for layer in self.modules():
            if isinstance(layer, ConditionalMamba):
                layer.scan_by = name
        return self

    def fold_weights(self) -> DADiffUNet:
        """For inference: what depends on the weights alone is computed once. The network is changed in place."""
        for layer in self.modules():
            if isinstance(layer, StandardisedConv):
                layer.fold()
        return self


class Halve(nn.Conv2d):
    """Half the resolution by a 4×4 convolution of stride 2."""

    def __init__(self, channels: int, out_channels: int):
        super().__init__(channels, out_channels, 4, stride=2, padding=1)
