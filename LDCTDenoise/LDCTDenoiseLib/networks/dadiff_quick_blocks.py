"""The two halves of DA-Diff's conditional block, as a processor computes them fastest; see dadiff_quick.py."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .bands import squared_lengths
from .convolution_quick import QuickConv
from .dadiff_blocks import DIRECTIONS, ConditionalMamba, TransposedAttention
from .scan_bulk import bulk_scan
from .scan_order import from_sequences, to_sequences

BAND = 1 << 19  # numbers of a map that are gated at once: what a cache holds
ALL_HEADS = 4  # up to so many, all products of queries and keys at once are quicker than those of each head


class QuickMamba:
    """See `ConditionalMamba`: adds the gated block to x.

    Step sizes are two products of the scanned values, one after the other, and inputs and outputs another: here they
    are one product with one matrix for each direction.
    """

    def __init__(self, block: ConditionalMamba, dtype: torch.dtype):
        into_scan, into_gate = block.in_proj.weight.chunk(2)
        self._into_scan, self._into_gate = (pointwise(weight, dtype) for weight in (into_scan, into_gate))
        self._filters, self._bias = block.conv2d.weight.to(dtype), block.conv2d.bias.to(dtype)
        self._norm = block.out_norm.weight, block.out_norm.bias, block.out_norm.eps
        self._out, self._anatomy = block.out_proj.weight, getattr(block, "attn", None)
        self._dtype, self._inner, self._states = dtype, block.inner, block.states
        low, others = block.x_proj_weight.split([block.rank, 2 * block.states], dim=1)
        self._projections = torch.cat([block.dt_projs_weight @ low, others], dim=1).flatten(0, 1)  # [4·(d + 2N), d]
        self._rates = -torch.exp(block.A_logs).view(DIRECTIONS, block.inner, block.states)
        self._skip, self._step_bias = block.Ds.view(DIRECTIONS, -1), block.dt_projs_bias

    def __call__(self, h: Tensor, anatomy: Tensor | None, gate: Tensor, x: Tensor) -> Tensor:
        """h, x [1, C, H, W]; gate [C] → x + gate · block(h), a new map."""
        a = self._into_scan(h)
        a = F.conv2d(a, self._filters, self._bias, padding=1, groups=self._inner)
        y = self._scan(F.silu(a, inplace=True))
        weight = gate[:, None] * self._out
        # the anatomy adds the same vector everywhere, before the last product: a bias after it
        bias = None if anatomy is None else weight @ self._anatomy(anatomy)[0]
        weight, bias = weight.to(self._dtype), None if bias is None else bias.to(self._dtype)
        rows = max(1, BAND // y[0, :, 0].numel())
        result = torch.empty_like(x)
        for top in range(0, x.shape[2], rows):
            band = slice(top, top + rows)
            gated = normed(y[:, :, band], *self._norm)
            gated *= F.silu(self._into_gate(h[:, :, band]), inplace=True)
            result[:, :, band] = plus_product(x[:, :, band], gated, weight, bias)
        return result

    def _scan(self, a: Tensor) -> Tensor:
        """[1, d, H, W] → the same, each sub-grid scanned for itself, in float32."""
        rows, columns = a.shape[2:]
        sequences = to_sequences(a)  # [1, 4, d, L], the time outermost in memory
        u = sequences.permute(0, 3, 1, 2)  # [1, L, 4, d]
        flat = u.flatten(2).unsqueeze(1).permute(0, 3, 1, 2)  # [1, 4·d, 1, L]
        projected = product(flat, self._projections, groups=DIRECTIONS)  # [1, 4·(d + 2N), 1, L]
        projected = projected.permute(0, 2, 3, 1).squeeze(1).unflatten(2, (DIRECTIONS, -1))
        delta, inputs, outputs = projected.split([self._inner, self._states, self._states], dim=3)
        y = bulk_scan(u, delta, self._rates, inputs, outputs, self._skip, self._step_bias)
        return from_sequences(y.permute(0, 2, 3, 1), rows, columns, a.dtype)


class QuickAttention:
    """See `TransposedAttention`: adds the gated attention to x, in place.

    Queries and keys are made apart from the values, so that each lies in memory as the next product reads it.
    """

    def __init__(self, block: TransposedAttention, dtype: torch.dtype):
        channels = block.project_out.out_channels
        self._heads, self._temperature, self._dtype = block.heads, block.temperature, dtype
        self._into = [pointwise(w, dtype) for w in block.qkv.weight.flatten(1).split([2 * channels, channels])]
        self._filters = [w.to(dtype) for w in block.qkv_dwconv.weight.split([2 * channels, channels])]
        self._out = block.project_out.weight.reshape(channels, block.heads, -1)  # [C, heads, ·]

    def __call__(self, h: Tensor, gate: Tensor, x: Tensor) -> Tensor:
        """h, x [1, C, H, W]; gate [C] → x + gate · attention(h), written over x."""
        both, values = (
            F.conv2d(into(h), filters, padding=1, groups=len(filters))
            for into, filters in zip(self._into, self._filters, strict=True)
        )
        matrix = torch.einsum("ohj,hjk->ohk", self._out, self._attention(both)).flatten(1)
        return add_product(x, values, (gate[:, None] * matrix).to(self._dtype))

    def _attention(self, both: Tensor) -> Tensor:
        """Queries and keys as one map [1, 2C, H, W] → [heads, ·, ·] float32."""
        flat = both.permute(0, 2, 3, 1).flatten(1, 2)  # [1, positions, 2C]
        q_lengths, k_lengths = squared_lengths(flat)[0].sqrt().clamp_min(1e-12).view(2, self._heads, -1)
        q, k = flat[0].view(-1, 2, self._heads, q_lengths.shape[1]).permute(1, 2, 0, 3)  # each [heads, positions, ·]
        products = (q.transpose(1, 2) @ k).float() / (q_lengths[:, :, None] * k_lengths[:, None])
        return torch.softmax(products * self._temperature, dim=-1)


def normed(x: Tensor, gain: Tensor, offset: Tensor, eps: float) -> Tensor:
    """LN(x)·gain + offset over the channels of a map, in float32: torch norms few channels of bfloat16 half as fast."""
    h = F.layer_norm(x.permute(0, 2, 3, 1).float(), gain.shape, gain, offset, eps)
    return h.to(x.dtype).permute(0, 3, 1, 2)


def pointwise(weight: Tensor, dtype: torch.dtype) -> QuickConv:
    """weight [D, C] as a 1×1 convolution."""
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], 1).requires_grad_(False)
    conv.weight.copy_(weight[:, :, None, None])
    conv.bias.zero_()
    return QuickConv(conv, dtype, "cpu")


def product(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """x [1, G·C, H, W] by weight [G·D, C], each group of channels for itself → [1, G·D, H, W]."""
    return torch.ops.mkldnn._convolution_pointwise(x, *_place(weight, None), groups, "none", [], "")


def plus_product(other: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """other + weight·x + bias, a new map; other [1, D, H, W], x [1, C, H, W], weight [D, C], bias [D]."""
    add = torch.ops.mkldnn._convolution_pointwise.binary
    return add(x, other, *_place(weight, bias), 1, "add", None, None, [], None)


def add_product(other: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """The same, written over `other`."""
    add = torch.ops.mkldnn._convolution_pointwise_.binary
    return add(other, x, *_place(weight, None), 1, "add", None, None, [], None)


def _place(weight: Tensor, bias: Tensor | None) -> tuple:
    """Arguments of a 1×1 convolution, without the groups: weight, bias, padding, stride, dilation."""
    return weight[:, :, None, None], bias, [0, 0], [1, 1], [1, 1]
