"""The RDDM U-Net as it computes fastest: for inference alone, the same numbers within rounding as `RDDMUNet`.

Not a network of its own: it walks the blocks of a folded `RDDMUNet` and has a quick way for each kind. A kind that it
does not know computes as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from .convolution_quick import QuickConv, QuickUpsample, packs
from .moments import Map, MomentsNorm
from .norm_silu import norm_silu
from .rddm import Downsample, RDDMUNet, ResidualBlock, Upsample

Layer = Callable[[Sequence[Map]], Tensor]


class QuickRDDM:
    """Called like the network: noise and low dose [B, 1, H, W] float32 → the residual before tanh, float32.

    network  folded, with float32 weights on the processor; it is copied, not changed
    """

    def __init__(self, network: RDDMUNet, dtype: torch.dtype, device: str):
        if network.time_embed is not None:
            raise ValueError("fold the embedding first")
        self._how = how = _How(dtype, device)
        # the stem stays float32, as `with_body` has it: bfloat16 would round the image itself
        self._stem = how.placed(network.input_blocks[0][0], torch.float32)
        self._down = [[how.layer(layer) for layer in blocks] for blocks in network.input_blocks[1:]]
        self._middle = [how.layer(layer) for layer in network.middle_block]
        self._up = []
        widths = [_width(blocks[-1]) for blocks in network.input_blocks]
        for blocks in network.output_blocks:
            own = blocks[0].in_layers[2].in_channels - widths[-1]
            self._up.append([how.layer(blocks[0], (own, widths.pop())), *(how.layer(layer) for layer in blocks[1:])])
        # the head may be rounded: it gives the residual, some HU of noise, of which bfloat16 keeps a 256th
        self._norm, self._head = how.norm(network.out[0]), QuickConv(network.out[2], dtype, device)

    def __call__(self, noise: Tensor, low_dose: Tensor) -> Tensor:
        if self._how.by_moments and len(noise) > 1:  # those are of one slice
            return torch.cat([self(noise[i : i + 1], low_dose[i : i + 1]) for i in range(len(noise))])
        both = torch.cat([noise, low_dose], dim=1).contiguous(memory_format=self._how.layout)
        h = Map(self._stem(both, None).to(self._how.dtype))
        kept = [h]
        for layers in self._down:
            h = through(layers, [h])
            kept.append(h)
        kept.append(through(self._middle, [h]))
        for layers in self._up:  # nothing else holds the maps, so that their memory is free as soon as they are read
            kept.append(through(layers, self._how.joined(kept.pop(), kept.pop())))
        return self._head(*self._norm([kept.pop()])).float()


class _How:
    """What is the same for all layers: precision, device, and how norms are computed.

    by_moments  see `moments`: quicker in bfloat16 on a processor, where torch's own functions are slow. In float32
                they are not, and a GPU has its fused kernel
    """

    def __init__(self, dtype: torch.dtype, device: str):
        self.dtype, self.device = dtype, device
        self.layout = torch.contiguous_format if device == "mps" else torch.channels_last
        self.by_moments = device == "cpu" and dtype == torch.bfloat16 and packs()

    def placed(self, module: nn.Module, dtype: torch.dtype | None = None) -> nn.Module:
        return copy.deepcopy(module).to(self.device, dtype or self.dtype, memory_format=self.layout)

    def joined(self, h: Map, kept: Map) -> list[Map]:
        """What a block on the way up reads: one map, or two that count as one."""
        return [h, kept] if self.by_moments else [Map(torch.cat([h.x, kept.x], dim=1))]

    def norm(self, norm: nn.GroupNorm) -> Callable[[Sequence[Map]], list[Tensor]]:
        if self.by_moments:
            return MomentsNorm(norm, self.dtype)
        placed = self.placed(norm)
        return lambda maps: [norm_silu(map.x, placed, map.pending) for map in maps]

    def layer(self, layer: nn.Module, widths: tuple[int, ...] = ()) -> Layer:
        """The quick way for one layer. widths: of the maps that it reads, if several."""
        if isinstance(layer, ResidualBlock):
            return QuickResidualBlock(layer, widths if self.by_moments else (), self)
        if isinstance(layer, Downsample):
            one = QuickConv(layer.op, self.dtype, self.device)
        elif isinstance(layer, Upsample):
            one = QuickUpsample(layer.conv, self.dtype, self.device)
        else:
            placed = self.placed(layer)
            return lambda maps: placed(maps[0].x, None)
        return lambda maps: one(maps[0].x)


class QuickResidualBlock:
    """norm, SiLU, conv, norm, SiLU, conv, and the input (through its 1×1 conv) added by the last convolution."""

    def __init__(self, block: ResidualBlock, widths: tuple[int, ...], how: _How):
        self._first_norm, self._second_norm = how.norm(block.in_layers[0]), how.norm(block.out_layers[0])
        self._first = SplitConv(block.in_layers[2], widths, how)
        self._second = QuickConv(block.out_layers[3], how.dtype, how.device)
        skip = block.skip_connection
        self._skip = None if isinstance(skip, nn.Identity) else SplitConv(skip, widths, how)

    def __call__(self, maps: Sequence[Map]) -> Tensor:
        h = Map(*self._first.bare(self._first_norm(maps)))
        (h,) = self._second_norm([h])
        if self._skip is None:  # the input may be kept for the way up
            return self._second.plus(h, maps[0].x)
        return self._second.onto(h, self._skip([map.x for map in maps]))


class SplitConv:
    """A convolution of maps that count as joined along their channels; widths: their channels, if they are several."""

    def __init__(self, conv: nn.Conv2d, widths: tuple[int, ...], how: _How):
        parts = conv.weight.split(widths or (conv.in_channels,), dim=1)
        self._first, *self._others = [
            QuickConv(conv, how.dtype, how.device, weight=part, bias=None if number else conv.bias)
            for number, part in enumerate(parts)
        ]

    def __call__(self, maps: Sequence[Tensor]) -> Tensor:
        h = self._first(maps[0])
        for conv, map in zip(self._others, maps[1:], strict=True):
            h = conv.onto(map, h)
        return h

    def bare(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        """See `QuickConv.bare`."""
        return (self(maps), None) if self._others else self._first.bare(maps[0])


def through(layers: list[Layer], maps: Sequence[Map]) -> Map:
    """Maps through layers one after the other, without holding what lies between."""
    for layer in layers:
        maps = [Map(layer(maps))]
    return maps[0]


def _width(layer: nn.Module) -> int:
    """Channels that a layer of the way down gives."""
    if isinstance(layer, ResidualBlock):
        return layer.in_layers[2].out_channels
    return layer.op.out_channels if isinstance(layer, Downsample) else layer.out_channels
