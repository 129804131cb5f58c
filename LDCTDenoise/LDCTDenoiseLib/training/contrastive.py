"""The objectives of perception: embeddings ordered by dose, grouped by anatomy, and prompts that know clean from noisy.

Rank-N-Contrast: Zha et al., arXiv 2210.01189 (2023). Supervised contrast: Khosla et al., arXiv 2004.11362 (2020). How
FoundDiff joins them is known by their names only; the prompt objective is ours.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def rank_contrast(embeddings: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Mean over i and j ≠ i of −log(exp(−d_ij/τ) / Σ_k exp(−d_ik/τ)), k ≠ i with |y_i − y_k| ≥ |y_i − y_j|.

    embeddings [n, features], d their Euclidean distances; labels y [n]. It asks that whoever is nearer by label is
    nearer by embedding; only the order of the differences of labels counts, not their size.
    """
    others = ~torch.eye(len(embeddings), dtype=torch.bool, device=embeddings.device)
    likeness = -_distances(embeddings) / temperature
    apart = (labels[:, None] - labels[None, :]).abs()
    further = (apart[:, None, :] >= apart[:, :, None]) & others[:, None, :]  # [i, j, k]
    among = likeness[:, None, :].masked_fill(~further, -torch.inf).logsumexp(dim=2)
    return (among - likeness)[others].mean()


def supervised_contrast(embeddings: Tensor, classes: Tensor, temperature: float) -> Tensor:
    """Mean over i of −1/|P_i| Σ_{p in P_i} log(exp(e_i·e_p/τ) / Σ_{k ≠ i} exp(e_i·e_k/τ)), P_i: the same class.

    embeddings [n, features] of length 1; classes [n] whole numbers. Whoever is alone in its class does not count.
    """
    others = ~torch.eye(len(embeddings), dtype=torch.bool, device=embeddings.device)
    likeness = embeddings @ embeddings.T / temperature
    log_share = likeness - likeness.masked_fill(~others, -torch.inf).logsumexp(dim=1, keepdim=True)
    same = (classes[:, None] == classes[None, :]) & others
    counts = same.sum(dim=1)
    means = (log_share * same).sum(dim=1) / counts.clamp_min(1)
    return -means[counts > 0].mean() if bool((counts > 0).any()) else likeness.sum() * 0


def prompt_loss(logits: Tensor, divisors: Tensor, most: float) -> Tensor:
    """Cross-entropy of clean against noisy, where 1/divisor of the dose is clean to the share 1 − log(d)/log(most).

    logits [n, 2]: clean, noisy; divisors [n]: up to 1 it is wholly clean, from `most` on wholly noisy.
    """
    clean = (1 - divisors.log() / torch.as_tensor(most, device=divisors.device).log()).clamp(0, 1)
    target = torch.stack([clean, 1 - clean], dim=1)
    return F.cross_entropy(logits, target.to(logits.dtype))


def _distances(embeddings: Tensor) -> Tensor:
    """Euclidean, [n, n]; the square root has a finite slope even where two are equal."""
    squares = (embeddings[:, None, :] - embeddings[None, :, :]).square().sum(dim=2)
    return (squares + 1e-12).sqrt()
