"""The two halves of DA-Diff's conditional block, as a processor computes them fastest; see dadiff_quick.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from .bands import squared_lengths
from .convolution_quick import QuickConv
from .dadiff_blocks import DIRECTIONS, ConditionalMamba, TransposedAttention
from .scan_bulk import bulk_scan
from .scan_in_place import scan_in_place

BAND = 1 << 19  # numbers of a map that are gated at once: what a cache holds
WIDE_BAND = 1 << 22  # where a row more is computed at each side of a band: those must be few
Norm = Callable[[Tensor], Tensor]


class QuickMamba:
    """See `ConditionalMamba`: adds the gated block to x, in place.

    Step sizes are two products of the scanned values, one after the other, and inputs and outputs another: here they
    are one product with one matrix for each direction.
    """

    def __init__(self, block: ConditionalMamba, dtype: torch.dtype):
        into_scan, into_gate = block.in_proj.weight.chunk(2)
        self._filtered = Filtered(into_scan, block.conv2d.weight, block.conv2d.bias, dtype)
        self._into_gate = pointwise(into_gate, dtype)
        self._norm = block.out_norm.weight, block.out_norm.bias, block.out_norm.eps
        self._out, self._anatomy = block.out_proj.weight, getattr(block, "attn", None)
        self._dtype, self._inner, self._states = dtype, block.inner, block.states
        low, others = block.x_proj_weight.split([block.rank, 2 * block.states], dim=1)
        self._projections = torch.cat([block.dt_projs_weight @ low, others], dim=1)  # [4, d + 2N, d]
        self._rates = -torch.exp(block.A_logs).view(DIRECTIONS, block.inner, block.states)
        self._skip, self._step_bias = block.Ds.view(DIRECTIONS, -1), block.dt_projs_bias

    def __call__(self, x: Tensor, norm: Norm, anatomy: Tensor | None, gate: Tensor) -> None:
        """x [1, C, H, W], gate [C]: x becomes x + gate · block(norm(x))."""
        y = None
        for rows, inside in bands(x, self._inner):
            a = F.silu(self._filtered(norm(x[:, :, rows])), inplace=True)
            y = put(a[:, :, inside], y, rows.start + inside.start, x)
        scan_in_place(y, self._scan, together=torch.get_num_threads())
        weight = gate[:, None] * self._out
        # the anatomy adds the same vector everywhere, before the last product: a bias after it
        bias = None if anatomy is None else weight @ self._anatomy(anatomy)[0]
        weight, bias = weight.to(self._dtype), None if bias is None else bias.to(self._dtype)
        rows = max(1, BAND // y[0, :, 0].numel())
        for x_band, y_band in zip(x.split(rows, dim=2), y.split(rows, dim=2), strict=True):
            gated = normed(y_band, *self._norm)
            gated *= F.silu(self._into_gate(norm(x_band)), inplace=True)
            add_product(x_band, gated, weight, bias)

    def _scan(self, u: Tensor, which: slice) -> None:
        """u [1, L, G, d] → y, written over it."""
        flat = u.flatten(2).unsqueeze(1).permute(0, 3, 1, 2)  # [1, G·d, 1, L]
        weights = self._projections[which]
        projected = product(flat, weights.flatten(0, 1), groups=len(weights))  # [1, G·(d + 2N), 1, L]
        projected = projected.permute(0, 2, 3, 1).squeeze(1).unflatten(2, (len(weights), -1))
        delta, inputs, outputs = projected.split([self._inner, self._states, self._states], dim=3)
        rates, skip, step_bias = self._rates[which], self._skip[which], self._step_bias[which]
        bulk_scan(u, delta, rates, inputs, outputs, skip, step_bias, out=u)


class QuickAttention:
    """See `TransposedAttention`: adds the gated attention to x, in place.

    Queries and keys are read for sums over the positions alone: they are made band by band, apart from the values, so
    that each lies in memory as the next product reads it.
    """

    def __init__(self, block: TransposedAttention, dtype: torch.dtype):
        self._channels = channels = block.project_out.out_channels
        self._heads, self._temperature, self._dtype = block.heads, block.temperature, dtype
        weights, filters = (w.split([2 * channels, channels]) for w in (block.qkv.weight, block.qkv_dwconv.weight))
        self._both, self._values = (
            Filtered(weight.flatten(1), filter, None, dtype) for weight, filter in zip(weights, filters, strict=True)
        )
        self._out = block.project_out.weight.reshape(channels, block.heads, -1)  # [C, heads, ·]

    def __call__(self, x: Tensor, norm: Norm, gate: Tensor) -> None:
        """x [1, C, H, W], gate [C]: x becomes x + gate · attention(norm(x))."""
        values, lengths, products = None, 0, 0
        for rows, inside in bands(x, 2 * self._channels):
            h = norm(x[:, :, rows])
            values = put(self._values(h)[:, :, inside], values, rows.start + inside.start, x)
            both = self._both(h)[:, :, inside].permute(0, 2, 3, 1).flatten(1, 2)  # [1, positions, 2C]
            lengths = lengths + squared_lengths(both)[0]
            products = products + self._products(both[0])
        matrix = torch.einsum("ohj,hjk->ohk", self._out, self._attention(lengths, products)).flatten(1)
        add_product(x, values, (gate[:, None] * matrix).to(self._dtype))

    def _products(self, both: Tensor) -> Tensor:
        """Of queries and keys, [positions, 2C] → [heads, ·, ·] float32."""
        q, k = both.view(len(both), 2, self._heads, -1).permute(1, 2, 0, 3)  # each [heads, positions, ·]
        return (q.transpose(1, 2) @ k).float()

    def _attention(self, lengths: Tensor, products: Tensor) -> Tensor:
        """Squared lengths of queries and keys [2C], their products [heads, ·, ·] → the same shape."""
        q_lengths, k_lengths = lengths.sqrt().clamp_min(1e-12).view(2, self._heads, -1)
        products = products / (q_lengths[:, :, None] * k_lengths[:, None])
        return torch.softmax(products * self._temperature, dim=-1)


class Filtered:
    """A product of the channels, then a 3×3 filter of every channel for itself: [1, C, H, W] → [1, D, H, W].

    weight [D, C], filters [D, 1, 3, 3], bias [D] of the filters
    """

    def __init__(self, weight: Tensor, filters: Tensor, bias: Tensor | None, dtype: torch.dtype):
        self._into = pointwise(weight, dtype)
        self._filters, self._bias = filters.to(dtype), None if bias is None else bias.to(dtype)

    def __call__(self, h: Tensor) -> Tensor:
        return F.conv2d(self._into(h), self._filters, self._bias, padding=1, groups=len(self._filters))


def bands(x: Tensor, channels: int) -> Iterator[tuple[slice, slice]]:
    """Rows of a map of which so many channels are made at once: those that a 3×3 filter reads, the band in them."""
    height, width = x.shape[2:]
    count = -(-height * width * channels // WIDE_BAND)
    rows = -(-height // count)
    for top in range(0, height, rows):
        end, above = min(top + rows, height), min(top, 1)
        yield slice(top - above, min(end + 1, height)), slice(above, above + end - top)


def put(band: Tensor, whole: Tensor | None, top: int, x: Tensor) -> Tensor:
    """A band of a map as high as x, put in its place; the first one makes the map, or is it."""
    if band.shape[2] == x.shape[2]:
        return band
    if whole is None:
        whole = band.new_empty(1, *x.shape[2:], band.shape[1]).permute(0, 3, 1, 2)
    whole[:, :, top : top + band.shape[2]] = band
    return whole


def normed(x: Tensor, gain: Tensor, offset: Tensor, eps: float) -> Tensor:
    """LN(x)·gain + offset over the channels of a map, in float32: torch norms few channels of bfloat16 half as fast."""
    h = F.layer_norm(x.permute(0, 2, 3, 1).float(), gain.shape, gain, offset, eps)
    return h.to(x.dtype).permute(0, 3, 1, 2)


def pointwise(weight: Tensor, dtype: torch.dtype) -> QuickConv:
    """weight [D, C] as a 1×1 convolution."""
    return QuickConv(None, dtype, "cpu", weight[:, :, None, None])


def product(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """x [1, G·C, H, W] by weight [G·D, C], each group of channels for itself → [1, G·D, H, W]."""
    return torch.ops.mkldnn._convolution_pointwise(x, *_place(weight, None), groups, "none", [], "")


def add_product(other: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> None:
    """other + weight·x + bias, written over `other` [1, D, H, W]; x [1, C, H, W], weight [D, C], bias [D]."""
    add = torch.ops.mkldnn._convolution_pointwise_.binary
    add(other, x, *_place(weight, bias), 1, "add", None, None, [], None)


def _place(weight: Tensor, bias: Tensor | None) -> tuple:
    """Arguments of a 1×1 convolution, without the groups: weight, bias, padding, stride, dilation."""
    return weight[:, :, None, None], bias, [0, 0], [1, 1], [1, 1]
