"""The drifting objective of RDDM (arXiv 2605.17188): generated residuals drift towards the real ones.

All in residual space, normal dose − low dose in network units, one flattened row a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

FLOOR = (2 * 2 / 4096) ** 2  # 2 HU, squared: below it errors count for what they are, not for what they are a share of
COARSE = 16  # pixels over which errors are averaged to see a bias
CHUNK = 1 << 14  # dimensions at once: some MB for a batch of 24


@dataclass(frozen=True)
class DriftingLoss:
    """`loss` carries the gradient; the rest are detached figures for the log."""

    loss: Tensor
    drift: Tensor  # the drifting part of the loss
    l1: Tensor  # mean |generated − real|, not yet weighted
    drift_norm: Tensor  # mean |V| over samples, pixels and temperatures


@torch.no_grad()
def drift(generated: Tensor, real: Tensor, temperature: float) -> Tensor:
    """The drift V of every generated sample, [B, …] like `generated`; no gradient flows through it.

    V_i = Σ_j K⁺_ij S⁻_i r_j − Σ_j K⁻_ij S⁺_i g_j: pulled towards real residuals, pushed away from generated ones,
    each weighted by a kernel exp(−distance/temperature) that is normalised over rows and columns.
    """
    return _drifts(generated, real, [temperature])[0].reshape(generated.shape)


def drifting_loss(
    generated: Tensor, real: Tensor, temperatures: Sequence[float] = (0.2, 1.0), l1_weight: float = 0.0
) -> DriftingLoss:
    """Σ_τ MSE(g, g + V_τ) + l1_weight · L1(g, r); with no temperatures it is plain paired regression.

    generated, real [B, …] of the same shape; B ≥ 2 where there is a temperature.
    """
    if generated.shape != real.shape:
        raise ValueError(f"generated {list(generated.shape)} and real {list(real.shape)} differ in shape")
    if temperatures and len(generated) < 2:
        raise ValueError("drifting compares samples with each other: a batch needs at least two")
    drifts = _drifts(generated.detach(), real, temperatures)
    flat = generated.flatten(1)
    zero = generated.new_zeros(())
    drifting = sum((F.mse_loss(flat, flat.detach() + v) for v in drifts), zero)
    l1 = F.l1_loss(generated, real)
    norm = sum((v.abs().mean() for v in drifts), zero) / max(len(drifts), 1)
    return DriftingLoss(drifting + l1_weight * l1, drifting.detach(), l1.detach(), norm)


def decibel_loss(generated: Tensor, real: Tensor) -> Tensor:
    """Mean over the samples of ln(mean squared error), and a quarter of the same for means over 16 × 16 pixels.

    generated, real  [B, 1, H, W] residuals. The first part is −PSNR up to factor and constant: every slice counts
    alike, however noisy it is, as it does in a mean gain in dB. Unlike L1 its minimum is the mean and not the median,
    which is biased where HU are clipped (air). A bias of some HU is lost in the error of noisy pixels; in the error of
    a mean over many it is nearly all there is.
    """
    error = generated - real
    loss = _log_square(error, FLOOR)
    if min(error.shape[-2:]) >= COARSE:
        loss = loss + _log_square(F.avg_pool2d(error, COARSE), FLOOR / COARSE) / 4
    return loss


def _log_square(error: Tensor, floor: float) -> Tensor:
    return torch.log(error.square().flatten(1).mean(1) + floor).mean()


@torch.no_grad()
def _drifts(generated: Tensor, real: Tensor, temperatures: Sequence[float]) -> list[Tensor]:
    """One [B, D] drift for each temperature; the distances are the same for all of them."""
    if not temperatures:
        return []
    g, r = generated.flatten(1), real.flatten(1)
    distances = _feature_distances(g, r)
    batch = len(g)
    drifts = []
    for temperature in temperatures:
        kernel = torch.exp(-distances / temperature)
        rows, columns = kernel.sum(1, keepdim=True), kernel.sum(0, keepdim=True)
        kernel = kernel / (rows * columns).clamp_min(1e-12).sqrt()
        away, towards = kernel[:, :batch], kernel[:, batch:]
        pull = towards * away.sum(1, keepdim=True)
        push = away * towards.sum(1, keepdim=True)
        drifts.append(pull @ r - push @ g)
    return drifts


def _feature_distances(g: Tensor, r: Tensor) -> Tensor:
    """Euclidean distances [B, 2B] from every generated feature to the generated, then the real ones.

    g, r [B, D]. A feature is the sample at unit norm, each dimension divided by its spread over {g, r, g}, then by √D.
    Squared distances are summed over chunks of dimensions, so that beside the samples nothing of their size is made;
    within a chunk `cdist` multiplies matrices, as the authors' code does.
    """
    batch, dimensions = g.shape
    norms = [samples.norm(dim=1, keepdim=True).clamp_min(1e-8) for samples in (g, r)]
    squared = g.new_zeros(batch, 2 * batch)
    for start in range(0, dimensions, CHUNK):
        own, other = (s[:, start : start + CHUNK] / norm for s, norm in zip((g, r), norms, strict=True))
        spread = torch.cat([own, other, own]).std(dim=0, correction=0).clamp_min(1e-8)
        scale = spread * dimensions**0.5
        own, other = own / scale, other / scale
        squared += torch.cdist(own, torch.cat([own, other])).square()
    return squared.sqrt()
