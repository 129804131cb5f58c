"""Fréchet inception distance: how far apart two sets of slices are in the features of a network.

Heusel et al., NeurIPS 2017:  d² = |m₁ − m₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½), means and covariances of the features of
both sets. The network saw photographs, not CT; it knows texture, but no HU and no anatomy. The figure depends on the
window that turns HU into grey, on the number of slices and on the weights, so it compares methods on the same slices
only, and never replaces the figures against the reference. Its weights are for the user to bring.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import InputError
from ..stacks import as_stack, check_same_shape
from .metrics import WINDOWS

FID_WINDOW = "soft"  # where texture is seen; −160…240 HU becomes 0…1, the same in all three colours
FEATURES = 2048
_BATCH = 4

Features = Callable[[np.ndarray], np.ndarray]


def fid(image: np.ndarray, reference: np.ndarray, features: Features, window: str = FID_WINDOW) -> float:
    """FID between the slices of an image and those of its reference; no unit, 0 for the same set.

    image, reference  [slices, rows, columns], HU, at least two slices
    features          float32 [n, 3, rows, columns] in [0, 1] → [n, k], see `inception_features`
    Raises InputError for shapes that differ or a single slice.
    """
    check_same_shape(image, reference)
    if len(as_stack(image)) < 2:
        raise InputError("FID compares two sets of slices: it needs at least two slices.")
    return distance_of_features(*(_of_stack(v, features, window) for v in (image, reference)))


def sample_size_warning(slices: int) -> str | None:
    """What to say beside the figure: with few slices FID is biased, and too large."""
    if slices > FEATURES:
        return None
    return (
        f"FID from {slices} slices is biased towards large values, because the covariance of {FEATURES} features needs "
        "more slices than that: compare it only between methods on these very slices."
    )


def frechet_distance(mean_1: np.ndarray, cov_1: np.ndarray, mean_2: np.ndarray, cov_2: np.ndarray) -> float:
    """Squared Fréchet distance of two normal distributions: means [k], covariances [k, k]."""
    root = _root(cov_1)
    # C₁ C₂ has the eigenvalues of the symmetric C₁^½ C₂ C₁^½, whose root is safe where covariances are singular.
    both = np.linalg.eigvalsh(root @ cov_2 @ root)
    apart = np.sum((np.asarray(mean_1, np.float64) - mean_2) ** 2)
    return float(apart + np.trace(cov_1) + np.trace(cov_2) - 2 * np.sum(np.sqrt(np.maximum(both, 0))))


def distance_of_features(first: np.ndarray, second: np.ndarray) -> float:
    """`frechet_distance` of the means and sample covariances of features [n, k] and [m, k], without the covariances.

    With Cᵢ = Aᵢᵀ Aᵢ the roots of the eigenvalues of C₁ C₂ are the singular values of A₁ A₂ᵀ, which is [n, m]: for
    fewer slices than features that is smaller by far.
    """
    first, second = (np.asarray(v, np.float64) for v in (first, second))
    if max(len(first), len(second)) > first.shape[1]:
        covariances = [np.atleast_2d(np.cov(v, rowvar=False)) for v in (first, second)]
        return frechet_distance(first.mean(axis=0), covariances[0], second.mean(axis=0), covariances[1])
    apart = first.mean(axis=0) - second.mean(axis=0)
    a, b = ((v - v.mean(axis=0)) / np.sqrt(len(v) - 1) for v in (first, second))
    shared = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(np.sum(apart**2) + np.sum(a**2) + np.sum(b**2) - 2 * shared)


def inception_features(network: Callable, device: str = "cpu") -> Features:
    """The features function of a loaded network (`weights.fid_weights.load_fid_inception`)."""
    import torch

    network = network.to(device)

    def features(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(images).to(device)).float().cpu().numpy()

    return features


def to_colours(slices_hu: np.ndarray, window: str = FID_WINDOW) -> np.ndarray:
    """float32 [n, 3, rows, columns] in [0, 1] from HU [n, rows, columns]. Raises InputError for an unknown window."""
    if window not in WINDOWS:
        raise InputError(f"There is no window {window!r}; choose one of {', '.join(WINDOWS)}.")
    chosen = WINDOWS[window]
    grey = (np.clip(np.asarray(slices_hu, np.float32), chosen.low, chosen.high) - chosen.low) / chosen.span
    return np.ascontiguousarray(np.repeat(grey[:, None], 3, axis=1), dtype=np.float32)


def _of_stack(hu: np.ndarray, features: Features, window: str) -> np.ndarray:
    stack = as_stack(hu)
    parts = [features(to_colours(stack[i : i + _BATCH], window)) for i in range(0, len(stack), _BATCH)]
    return np.concatenate(parts).astype(np.float64)


def _root(covariance: np.ndarray) -> np.ndarray:
    """Symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(np.asarray(covariance, np.float64))
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
