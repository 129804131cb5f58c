"""The blocks of DA-Diff: a residual block, and a conditional block made of a state-space scan and a channel attention.

Chen et al.: FoundDiff, arXiv 2508.17299. Written from a description of the network; the names of parameters are those
of the authors' checkpoints. Maps have their channels innermost in memory, also where their shape is [B, C, H, W].
"""

from __future__ import annotations

from math import gcd, log

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .bands import by_bands, full_precision, precise, squared_lengths
from .scan_order import from_sequences, to_sequences
from .selective_scan import selective_scan

GROUPS = 8  # of the group normalisation
HEAD = 32  # channels of an attention head in the published network
DIRECTIONS = 4  # sub-grids, each scanned on its own
STEP_SIZES = (1e-3, 0.1)  # Δ at the start of training, log-uniform


class StandardisedConv(nn.Conv2d):
    """3×3 convolution whose filters have mean 0 and variance 1 (weight standardisation, Qiao et al. 2019)."""

    is_standard = False  # True once `fold` has made it a plain convolution

    def __init__(self, channels: int, out_channels: int):
        super().__init__(channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight if self.is_standard else self.standard_weight(), self.bias)

    def standard_weight(self) -> Tensor:
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), correction=0, keepdim=True)
        return (self.weight - mean) * (variance + 1e-5).rsqrt()

    @torch.no_grad()
    def fold(self) -> None:
        """For inference: standardise once and not at each evaluation."""
        if not self.is_standard:
            self.weight.copy_(self.standard_weight())
            self.is_standard = True


class Pointwise(nn.Conv2d):
    """1×1 convolution; with the channels innermost it is a matrix product, which is faster on a processor."""

    def __init__(self, channels: int, out_channels: int, bias: bool = True):
        super().__init__(channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


class ConvNormAct(nn.Module):
    """standardised convolution, group norm, SiLU."""

    def __init__(self, channels: int, out_channels: int):
        super().__init__()
        self.proj = StandardisedConv(channels, out_channels)
        self.norm = nn.GroupNorm(gcd(GROUPS, out_channels), out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.norm(self.proj(x)), inplace=True)


class ResidualBlock(nn.Module):
    """One `ConvNormAct`, added to the input (through a 1×1 convolution if the width changes). [B, C, H, W]."""

    def __init__(self, channels: int, out_channels: int):
        super().__init__()
        self.block1 = ConvNormAct(channels, out_channels)
        self.res_conv = nn.Identity() if channels == out_channels else Pointwise(channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.block1(x).add_(self.res_conv(x))


class TransposedAttention(nn.Module):
    """Attention between channels over all positions (Restormer, Zamir et al. 2022). [B, C, H, W] → the same.

    Queries and keys are normalised over the positions. What the attention does to the values, and the 1×1 convolution
    after it, are both a matrix on the channels: they are multiplied first, and the map is passed through once.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.heads = heads(channels)
        self.temperature = nn.Parameter(torch.ones(self.heads, 1, 1))
        self.qkv = Pointwise(channels, 3 * channels, bias=False)
        self.qkv_dwconv = nn.Conv2d(3 * channels, 3 * channels, 3, padding=1, groups=3 * channels, bias=False)
        self.project_out = Pointwise(channels, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        parts = self.qkv_dwconv(self.qkv(x)).permute(0, 2, 3, 1).reshape(b, h * w, 3 * c)
        lengths = squared_lengths(parts[:, :, : 2 * c]).sqrt().clamp_min(1e-12).reshape(b, 2, self.heads, -1)
        q, k, v = parts.split(c, dim=2)  # each [B, positions, C]
        q, k = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (q, k))  # [B, heads, positions, ·]
        products = precise(q.transpose(2, 3) @ k) / (lengths[:, 0, :, :, None] * lengths[:, 1, :, None])
        attention = torch.softmax(products * precise(self.temperature), dim=-1)
        out = precise(self.project_out.weight).reshape(c, self.heads, -1)  # [C, heads, ·]
        matrix = torch.einsum("ohj,bhjk->bhko", out, attention).reshape(b, c, c).to(v.dtype)
        return (v @ matrix).unflatten(1, (h, w)).permute(0, 3, 1, 2)


def heads(channels: int) -> int:
    """32 channels each, or for widths that 32 does not divide fewer heads of equal width."""
    wanted = max(1, channels // HEAD)
    return next(n for n in range(wanted, 0, -1) if channels % n == 0)


class ConditionalMamba(nn.Module):
    """The state-space block: a selective scan over four interleaved sub-grids, gated.

    [B, H, W, C] and the anatomy [B, A] → [B, H, W, C]. The anatomy adds the same vector everywhere.
    d = 2C is the inner width, R = ⌈C/16⌉ the rank of the step sizes.
    states            N of every channel
    anatomy_features  A; None for a block without it
    """

    scan_by: str | None = None  # see `selective_scan`

    def __init__(self, channels: int, states: int, anatomy_features: int | None):
        super().__init__()
        inner, rank = 2 * channels, -(-channels // 16)
        self.inner, self.states, self.rank = inner, states, rank
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.conv2d = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        self.x_proj_weight = nn.Parameter(torch.empty(DIRECTIONS, rank + 2 * states, inner))
        self.dt_projs_weight = nn.Parameter(torch.empty(DIRECTIONS, inner, rank))
        self.dt_projs_bias = nn.Parameter(torch.empty(DIRECTIONS, inner))
        self.A_logs = nn.Parameter(torch.empty(DIRECTIONS * inner, states))
        self.Ds = nn.Parameter(torch.ones(DIRECTIONS * inner))
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, channels, bias=False)
        if anatomy_features is not None:
            self.attn = nn.Sequential(nn.Linear(anatomy_features, inner, bias=False), nn.SiLU())
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Mamba's start: decays 1 … N and step sizes log-uniform, the rest like any linear layer."""
        nn.init.uniform_(self.x_proj_weight, -(self.inner**-0.5), self.inner**-0.5)
        nn.init.uniform_(self.dt_projs_weight, -(self.rank**-0.5), self.rank**-0.5)
        lowest, highest = (log(size) for size in STEP_SIZES)
        step = torch.empty_like(self.dt_projs_bias).uniform_(lowest, highest).exp().clamp_min(1e-4)
        self.dt_projs_bias.copy_(step + torch.log(-torch.expm1(-step)))  # the inverse of softplus
        self.A_logs.copy_(torch.arange(1, self.states + 1).log().expand_as(self.A_logs))
        self.Ds.fill_(1)

    def forward(self, x: Tensor, anatomy: Tensor | None = None) -> Tensor:
        into_scan, into_gate = self.in_proj.weight.chunk(2)
        a = F.linear(x, into_scan).permute(0, 3, 1, 2)
        y = self.scan(F.silu(self.conv2d(a), inplace=True))
        constant = None if anatomy is None else self.attn(anatomy)[:, None, None].to(x.dtype)

        def gated(y: Tensor, x: Tensor) -> Tensor:
            y = self.out_norm(y) * F.silu(F.linear(x, into_gate), inplace=True)
            return self.out_proj(y if constant is None else y + constant)

        return by_bands(gated, y, x)

    def scan(self, a: Tensor) -> Tensor:
        """[B, d, H, W] → [B, H, W, d], each sub-grid scanned for itself, in float32."""
        rows, columns = a.shape[2:]
        sequences = to_sequences(a)  # [B, 4, d, L]
        with full_precision(a.device):
            projected = sequences.transpose(2, 3) @ precise(self.x_proj_weight).transpose(1, 2)  # [B, 4, L, ·]
            low, inputs, outputs = projected.split([self.rank, self.states, self.states], dim=3)
            # all directions as one matrix: a few more products, but the time stays outermost
            steps = low.permute(0, 2, 1, 3).flatten(2) @ torch.block_diag(*precise(self.dt_projs_weight)).T
            y = selective_scan(
                sequences.flatten(1, 2),
                steps.transpose(1, 2),
                -torch.exp(precise(self.A_logs)),
                inputs.transpose(2, 3),
                outputs.transpose(2, 3),
                precise(self.Ds),
                precise(self.dt_projs_bias).flatten(),
                scan=self.scan_by,
            )
        return from_sequences(y.unflatten(1, (DIRECTIONS, self.inner)), rows, columns, a.dtype).permute(0, 2, 3, 1)


class ConditionalBlock(nn.Module):
    """DACB: state-space block, then transposed attention, each shifted, scaled and gated by time and dose (adaLN-zero).

    [B, C, H, W], conditioning [B, E] (time and dose), anatomy [B, A] → [B, C, H, W]. Starts as the identity.
    """

    def __init__(self, channels: int, states: int, conditioning: int, anatomy_features: int | None):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.mamba = ConditionalMamba(channels, states, anatomy_features)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(conditioning, 6 * channels))
        self.attn_blk = TransposedAttention(channels)
        for parameter in self.adaLN_modulation[1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, conditioning: Tensor, anatomy: Tensor | None = None) -> Tensor:
        modulation = self.adaLN_modulation(conditioning)[:, None, None]  # [B, 1, 1, 6C]
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.chunk(6, dim=-1)
        gain, offset = precise(self.norm1.weight), precise(self.norm1.bias)
        x = x.permute(0, 2, 3, 1)
        h = modulated_norm(x, gain * (1 + scale1), offset * (1 + scale1) + shift1, eps=1e-5)
        x = torch.addcmul(x, gate1.to(x.dtype), self.mamba(h, anatomy))
        h = modulated_norm(x, 1 + scale2, shift2, eps=1e-6)
        h = self.attn_blk(h.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return torch.addcmul(x, gate2.to(x.dtype), h).permute(0, 3, 1, 2)


def modulated_norm(x: Tensor, gain: Tensor, offset: Tensor, eps: float) -> Tensor:
    """LN(x)·gain + offset for x [B, H, W, C]; gain and offset [B, 1, 1, C] differ from slice to slice."""
    gain, offset, width = gain.to(x.dtype), offset.to(x.dtype), x.shape[-1:]
    if len(x) == 1:  # then the norm can do it
        return F.layer_norm(x, width, gain.flatten(), offset.flatten(), eps)
    return torch.addcmul(offset, F.layer_norm(x, width, eps=eps), gain)
