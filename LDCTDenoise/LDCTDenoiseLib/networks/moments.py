"""GroupNorm and SiLU in two passes: mean and variance of every channel, then scale, shift and SiLU at once.

torch's own functions take four (two that read and two that write), and where two maps are joined on the way up a fifth
to copy them side by side. Moments belong to a channel, so they are reckoned once for a map that is kept, and maps need
not lie side by side to be normalised together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn

from .convolution_quick import ONE

WIDE = 128  # channels from which torch reckons moments quickly


class Map:
    """Slices' maps [B, C, H, W]; of one slice with channels innermost, its moments too, reckoned when first asked for.

    pending  a bias [C] that is still to be added, see `QuickConv.bare`; never where moments are asked for
    """

    def __init__(self, x: Tensor, pending: Tensor | None = None):
        self.x, self.pending = x, pending
        self._moments: tuple[Tensor, Tensor] | None = None

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance (over all pixels, divided by their number) of every channel, float32 [C]."""
        if self._moments is None:
            _, channels, rows, columns = self.x.shape
            beside = math.gcd(columns, max(1, WIDE // channels))
            # pixels that lie side by side count as further channels: of narrow maps torch reckons slowly
            wide = self.x.permute(0, 2, 3, 1).reshape(1, rows, columns // beside, beside * channels)
            like = _zeros(beside * channels)  # float32, so that the results are
            each = torch.ops.aten.batch_norm_update_stats(wide.permute(0, 3, 1, 2), *like, 0.0)
            self._moments = merged(*(x.view(beside, channels) for x in each), dim=0)
        return self._moments


def merged(mean: Tensor, variance: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Moments of equally many values each → those of all of them, along an axis."""
    if mean.shape[dim] == 1:
        return mean.squeeze(dim), variance.squeeze(dim)
    of_all = mean.mean(dim, keepdim=True)
    return of_all.squeeze(dim), (variance + (mean - of_all).square_()).mean(dim)


@cache
def _zeros(count: int) -> tuple[Tensor, Tensor]:
    """Running moments that nobody reads: torch asks for them, and adds nothing to them."""
    with torch.inference_mode(False):
        return torch.zeros(count), torch.zeros(count)


class MomentsNorm:
    """SiLU(GroupNorm(x)) for maps of one slice that count as joined along their channels."""

    def __init__(self, norm: nn.GroupNorm, dtype: torch.dtype):
        self._groups, self._eps, self._dtype = norm.num_groups, norm.eps, dtype
        self._weight, self._bias = (x.detach().float().view(norm.num_groups, -1) for x in (norm.weight, norm.bias))

    def __call__(self, maps: Sequence[Map]) -> list[Tensor]:
        """Each map normalised, a new tensor in the precision of this norm."""
        weight, bias = self._line(maps)
        normed, first = [], 0
        for map in maps:
            channels = map.x.shape[1]
            own = slice(first, first + channels)
            # a convolution of each channel with itself alone: oneDNN scales, shifts and takes the SiLU in one pass
            normed.append(
                torch.ops.mkldnn._convolution_pointwise(
                    map.x, weight[own], bias[own], (0, 0), ONE, ONE, channels, "swish", [], ""
                )
            )
            first += channels
        return normed

    def _line(self, maps: Sequence[Map]) -> tuple[Tensor, Tensor]:
        """Scale [C, 1, 1, 1] in the precision of the maps and shift [C] in float32, so that the norm is their line."""
        mean, variance = (
            torch.cat(parts) if len(maps) > 1 else parts[0]
            for parts in zip(*(map.moments() for map in maps), strict=True)
        )
        mean, variance = merged(*(x.view(self._groups, -1) for x in (mean, variance)), dim=1)
        # the shift makes up for the rounding of the scale: where a map lies far from zero it would become an offset
        scale = (self._weight * (variance + self._eps).rsqrt_()[:, None]).to(self._dtype)
        shift = torch.addcmul(self._bias, mean[:, None], scale.float(), value=-1)
        return scale.view(-1, 1, 1, 1), shift.view(-1)
