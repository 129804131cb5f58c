"""Convolutions for inference: weights in the order that the library wants, sums and biases added on the way.

oneDNN would bring the weights into its own order at every call. Its functions for packed weights are private to torch,
made for its compiler: they are looked up, and where they are missing torch's public ones compute the same.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .norm_silu_choice import chosen_kernels

ONE = (1, 1)
PLACE = ((1, 1), (0, 0), (2, 2), ONE, 1)  # of a transposed one: padding, output padding, stride, dilation, groups
# nearest neighbour, then a kernel of 3 = a transposed convolution of stride 2 with a kernel of 4: [4, 3] for each axis
SPREAD = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0))
_NEEDED = (
    "_convolution_pointwise",
    "_convolution_pointwise_",
    "_reorder_convolution_weight",
    "_convolution_transpose_pointwise",
    "_reorder_convolution_transpose_weight",
)


@cache
def packs() -> bool:
    """Whether this torch has oneDNN and its functions for convolutions with packed weights."""
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in _NEEDED)


class QuickConv:
    """A convolution with fixed weights in a precision; `plus` and `onto` add its result to another map.

    conv          None: with a kernel of 1×1
    weight, bias  instead of the layer's own, for a part of it
    """

    def __init__(
        self,
        conv: nn.Conv2d | None,
        dtype: torch.dtype,
        device: torch.device | str,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
    ):
        if weight is None:
            weight, bias = conv.weight, conv.bias
        self._weight, self._bias = (None if x is None else x.detach().to(device, dtype) for x in (weight, bias))
        self._padding, self._stride = ([0, 0], [1, 1]) if conv is None else (list(conv.padding), list(conv.stride))
        self._packs = self._weight.device.type == "cpu" and packs()
        if self._packs:
            self._weight = torch.ops.mkldnn._reorder_convolution_weight(
                self._weight, self._padding, self._stride, ONE, 1, None
            )
        elif self._weight.is_cuda:  # or cuDNN would bring them into this order at every call
            self._weight = self._weight.contiguous(memory_format=torch.channels_last)

    def __call__(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, D, H', W']."""
        if not self._packs:
            return F.conv2d(x, self._weight, self._bias, self._stride, self._padding)
        return torch.ops.mkldnn._convolution_pointwise(*self._arguments(x), "none", [], "")

    def bare(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The result without the bias, and the bias [D] that is still to be added; None where it is in it already.

        On CUDA torch adds a bias in a pass over memory of its own, where a fused kernel that reads the result anyway
        adds it for nothing.
        """
        if self._bias is None or chosen_kernels(x) is None:
            return self(x), None
        return F.conv2d(x, self._weight, None, self._stride, self._padding), self._bias

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """The result and `other`, a new tensor."""
        y, pending = self.bare(x)
        return y.add_(other) if pending is None else chosen_kernels(x).add(y, other, pending)

    def onto(self, x: Tensor, other: Tensor) -> Tensor:
        """The same, written over `other`."""
        if self._packs:  # as oneDNN writes its result
            binary = torch.ops.mkldnn._convolution_pointwise_.binary
            return binary(other, *self._arguments(x), "add", None, None, [], None)
        y, pending = self.bare(x)
        return other.add_(y) if pending is None else chosen_kernels(x).add(other, y, pending)

    def _arguments(self, x: Tensor) -> tuple:
        return x, self._weight, self._bias, self._padding, self._stride, ONE, 1


class QuickUpsample:
    """Twice the resolution by nearest neighbour and a 3×3 convolution, as one transposed convolution of 4×4.

    Each of its results reads 2×2 pixels where the two steps read 3×3, most of them twice: 4/9 of the multiplications.
    The weights that met the same pixel are summed, in float32 before any rounding. On the processor; a GPU has its own
    rules of which convolutions are quick, and there the two steps stay.
    """

    def __init__(self, conv: nn.Conv2d, dtype: torch.dtype, device: torch.device | str):
        self._conv = None
        if torch.device(device).type != "cpu":
            self._conv = QuickConv(conv, dtype, device)
            return
        spread = torch.tensor(SPREAD)
        weight = torch.einsum("ai,bj,dcij->cdab", spread, spread, conv.weight.detach().float())
        self._weight, self._bias = weight.to(dtype).contiguous(), conv.bias.detach().to(dtype)
        if packs():
            self._weight = torch.ops.mkldnn._reorder_convolution_transpose_weight(self._weight, *PLACE, None)

    def __call__(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, D, 2H, 2W]."""
        if self._conv is not None:
            return self._conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        if not packs():
            return F.conv_transpose2d(x, self._weight, self._bias, stride=2, padding=1)
        return torch.ops.mkldnn._convolution_transpose_pointwise(x, self._weight, self._bias, *PLACE, "none", [], "")
