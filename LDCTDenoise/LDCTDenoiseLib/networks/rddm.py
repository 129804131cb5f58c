"""The RDDM U-Net: Gaussian noise and a low-dose slice in, the residual (before tanh) out. Read it top to bottom.

Wang, Lyu, Wang: Residual-Driven Drifting Model, arXiv 2605.17188. Written from the description of the network;
the names of parameters are those of the authors' checkpoints, so that these can be loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GROUPS = 32


def group_norm(channels: int) -> nn.GroupNorm:
    """32 groups, or for narrower networks the most that divide the channels evenly."""
    return nn.GroupNorm(gcd(GROUPS, channels), channels, eps=1e-5)


def zeroed(layer: nn.Module) -> nn.Module:
    """A layer that starts as zero, so that its branch starts as the identity."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class ResidualBlock(nn.Module):
    """norm, SiLU, conv, + embedding, norm, SiLU, conv; added to the input (through a 1×1 conv if the width changes)."""

    def __init__(self, channels: int, out_channels: int, embedding: int):
        super().__init__()
        self.in_layers = nn.Sequential(group_norm(channels), nn.SiLU(), nn.Conv2d(channels, out_channels, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, out_channels))
        self.out_layers = nn.Sequential(
            group_norm(out_channels),
            nn.SiLU(),
            nn.Identity(),  # the authors' dropout of 0; it keeps the numbering of the names
            zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1)),
        )
        self.skip_connection = nn.Identity() if channels == out_channels else nn.Conv2d(channels, out_channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.in_layers(x)
        if self.emb_layers is not None:
            h = h + self.emb_layers(embedding)[:, :, None, None].to(h.dtype)
        return self.skip_connection(x) + self.out_layers(h)

    @torch.no_grad()
    def fold(self, embedding: Tensor) -> None:
        """The embedding is the same for every input: move what it adds into the bias of the convolution before it."""
        if self.emb_layers is not None:
            self.in_layers[2].bias += self.emb_layers(embedding)[0]
            self.emb_layers = None


class SelfAttention(nn.Module):
    """Single-head attention over all positions, added to the input; used once, at the coarsest resolution."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = group_norm(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        b, c, h, w = x.shape
        flat = x.reshape(b, c, h * w)
        q, k, v = self.qkv(self.norm(flat)).transpose(1, 2).chunk(3, dim=-1)  # each [B, positions, C]
        attended = F.scaled_dot_product_attention(q, k, v)  # softmax(q kᵀ/√C) v
        return (flat + self.proj_out(attended.transpose(1, 2))).reshape(b, c, h, w)


class Downsample(nn.Module):
    """Half the resolution by a 3×3 convolution of stride 2."""

    def __init__(self, channels: int):
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return self.op(x)


class Upsample(nn.Module):
    """Twice the resolution: nearest neighbour, then a 3×3 convolution."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Stem(nn.Conv2d):
    """The first convolution, with the call of a block."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return super().forward(x)


class Blocks(nn.ModuleList):
    """Blocks one after the other; all take the embedding, few use it."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        for block in self:
            x = block(x, embedding)
        return x


class RDDMUNet(nn.Module):
    """The drifting generator f(ε, x).

    width        base width; level l has width · multipliers[l] channels
    multipliers  one per resolution, from full resolution down; (0.5, 1, 1, 2, 2, 4, 4) is the authors' network
    blocks       residual blocks a level on the way down (one more on the way up)

    Height and width of the input must be multiples of `multiple`; GroupNorm takes its statistics over the whole
    slice, so cutting a slice into tiles changes the answer.

    mixed        for training: the precision in which float32 weights compute; None for float32 throughout. Stem and
                 head stay float32, as `with_body` has it for inference
    """

    mixed: torch.dtype | None = None

    def __init__(self, width: int = 64, multipliers: Sequence[float] = (0.5, 1, 1, 2, 2, 4, 4), blocks: int = 2):
        super().__init__()
        widths = [int(width * m) for m in multipliers]
        embedding = 4 * width
        self.width, self.multiple = width, 2 ** (len(widths) - 1)
        self.time_embed = nn.Sequential(nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding))

        # down: the output of every entry is kept for the way up
        channels = widths[0]
        self.input_blocks = nn.ModuleList([Blocks([Stem(2, channels, 3, padding=1)])])
        kept = [channels]
        for level, out_channels in enumerate(widths):
            for _ in range(blocks):
                self.input_blocks.append(Blocks([ResidualBlock(channels, out_channels, embedding)]))
                channels = out_channels
                kept.append(channels)
            if level < len(widths) - 1:
                self.input_blocks.append(Blocks([Downsample(channels)]))
                kept.append(channels)

        self.middle_block = Blocks(
            [
                ResidualBlock(channels, channels, embedding),
                SelfAttention(channels),
                ResidualBlock(channels, channels, embedding),
            ]
        )

        # up: every block reads its input together with what was kept at the same resolution
        self.output_blocks = nn.ModuleList()
        for level, out_channels in reversed(list(enumerate(widths))):
            for i in range(blocks + 1):
                entry = [ResidualBlock(channels + kept.pop(), out_channels, embedding)]
                channels = out_channels
                if level > 0 and i == blocks:
                    entry.append(Upsample(channels))
                self.output_blocks.append(Blocks(entry))

        self.out = nn.Sequential(group_norm(channels), nn.SiLU(), zeroed(nn.Conv2d(channels, 1, 3, padding=1)))

    def forward(self, noise: Tensor, low_dose: Tensor) -> Tensor:
        """noise, low_dose [B, 1, H, W], low dose in [−1, 1] → the residual before tanh, [B, 1, H, W]."""
        if noise.shape != low_dose.shape or low_dose.ndim != 4 or low_dose.shape[1] != 1:
            raise ValueError(f"expected two tensors [B, 1, H, W], got {list(noise.shape)} and {list(low_dose.shape)}")
        if any(side % self.multiple for side in low_dose.shape[2:]):
            raise ValueError(f"height and width must be multiples of {self.multiple}, got {list(low_dose.shape[2:])}")
        embedding = self.embedding()
        h = self.input_blocks[0](torch.cat([noise, low_dose], dim=1), embedding)
        if self.mixed is None:
            h = self._between(h.to(self.body), embedding)
        else:
            with torch.autocast(h.device.type, self.mixed):
                h = self._between(h.to(self.mixed), embedding)
        return self.out(h.to(self.out[-1].weight.dtype))

    def _between(self, h: Tensor, embedding: Tensor | None) -> Tensor:
        """All layers but the first and the last."""
        kept = [h]
        for block in self.input_blocks[1:]:
            h = block(h, embedding)
            kept.append(h)
        h = self.middle_block(h, embedding)
        for block in self.output_blocks:
            h = block(torch.cat([h, kept.pop()], dim=1), embedding)
        return h

    @property
    def body(self) -> torch.dtype:
        """The precision of all layers but the first and the last."""
        return self.middle_block[0].in_layers[-1].weight.dtype

    def with_body(self, dtype: torch.dtype) -> RDDMUNet:
        """Compute in another precision, but for stem and head: bfloat16 would round the image itself by 4 to 8 HU."""
        self.to(dtype)
        self.input_blocks[0].float()
        self.out.float()
        return self

    def embedding(self) -> Tensor | None:
        """[1, 4·width]: the published network embeds a zero vector, so this is a constant; None once it is folded."""
        if self.time_embed is None:
            return None
        weight = self.time_embed[0].weight
        return self.time_embed(torch.zeros(1, self.width, device=weight.device, dtype=weight.dtype))

    def fold_embedding(self) -> RDDMUNet:
        """For inference: the constant embedding becomes part of the biases. Exact; the network is changed in place."""
        embedding = self.embedding()
        if embedding is not None:
            for block in self.modules():
                if isinstance(block, ResidualBlock):
                    block.fold(embedding)
            self.time_embed = None
        return self
