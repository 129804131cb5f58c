"""The selective scan of the state-space blocks: a linear recurrence along the pixels of each quarter-grid.

For every batch entry and channel i of group g, with h₀ = 0 and N states n:

    Δ_l = softplus(delta_il + bias_i)
    h_l[n] = exp(Δ_l A_i[n]) h_{l−1}[n] + Δ_l B_g[n, l] u_il
    y_il = Σ_n C_g[n, l] h_l[n] + D_i u_il

Gu and Dao: Mamba, arXiv 2312.00752, with the input matrix in Euler form.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .scan_choice import chosen_scan


def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, delta_bias: Tensor, scan: str | None = None
) -> Tensor:
    """u, delta [b, G·d, L]; A [G·d, N], negative; B, C [b, G, N, L]; D, delta_bias [G·d] → y [b, G·d, L], type of u.

    Fastest on a processor where the channels are innermost in memory: u and delta made as [b, L, G·d] and transposed.
    Computes in float32 (float64 where u is float64), whatever the type of the arguments. Differentiable once.
    scan  one of `available_scans(device)`; None for the best
    """
    b, channels, length = u.shape
    groups, states = B.shape[1], A.shape[-1]
    expected = ((b, channels, length), (channels, states), *[(b, groups, states, length)] * 2, (channels,), (channels,))
    shapes = tuple(tuple(x.shape) for x in (delta, A, B, C, D, delta_bias))
    if shapes != expected or channels % groups or not u.numel():
        raise ValueError(f"the shapes of a scan do not fit: u {tuple(u.shape)}, the others {shapes}")
    return chosen_scan(u.device, u.dtype, scan)(u, delta, A, B, C, D, delta_bias).to(u.dtype)


def reference_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, delta_bias: Tensor) -> Tensor:
    """The definition, one step after the other: slow, and what every other scan is held against."""
    groups, states = B.shape[1:3]
    A, D = A.reshape(groups, -1, states), D.reshape(groups, -1)
    u = u.reshape(len(u), *D.shape, -1)
    size = F.softplus(delta.reshape(u.shape) + delta_bias.reshape(groups, -1, 1))
    h = u.new_zeros(*u.shape[:3], states)  # [b, G, d, N]
    y = []
    for t in range(u.shape[-1]):
        decay = torch.exp(size[..., t, None] * A)
        h = decay * h + (size[..., t] * u[..., t]).unsqueeze(-1) * B[:, :, None, :, t]
        y.append((h * C[:, :, None, :, t]).sum(-1) + D * u[..., t])
    return torch.stack(y, dim=-1).reshape(delta.shape)
