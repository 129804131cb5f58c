"""A channelised Hotelling observer: how well can a given lesion be told from its background?

Myers, Barrett, JOSA A 4 (1987) 2447; Gallas, Barrett, JOSA A 20 (2003) 1725 (Laguerre-Gauss channels).
The observer looks at a window through a few channels u_j and knows the mean and the scatter of what they show:

    v_j = Σ u_j · window,     d′² = Δv^T S⁻¹ Δv,     S = (S_absent + S_present) / 2

d′ 1 is hardly seen (76 % right when two windows are shown and one holds the lesion), 2 mostly (92 %), 3 nearly always
(98 %). The observer has no internal noise: d′ says what is left in the image, not what a tired reader makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..stacks import pixel_size
from .lesions import FWHM, half_window, room

CHANNELS = 5


def templates(
    diameter_mm: float,
    spacing_xy_mm: float | Sequence[float],
    resolution_mm: float,
    channels: int = CHANNELS,
    background: bool = True,
) -> np.ndarray:
    """Channels for a disc of this diameter, float64 [channels, rows, columns] in the window of `lesions.room`.

    Laguerre-Gauss functions whose first has the width of the lesion,
    u_j(r) = exp(−πr²/a²) L_j(2πr²/a²), a² = 2π (D²/16 + σ²): a disc's variance along an axis is D²/16.
    background  project out a constant and a tilt, which then count as unknown: organs differ in HU, and shading is no
                lesion. The channels are made orthogonal to them, which gives the same v as removing from each window
                its least-squares plane.
    """
    x, y = pixel_size(spacing_xy_mm)
    radius = room(diameter_mm)
    half = half_window(radius, (x, y))
    rows, columns = np.arange(-half[0], half[0] + 1)[:, None] * y, np.arange(-half[1], half[1] + 1) * x
    squared = rows**2 + columns**2
    inside = squared <= radius**2
    width = 2 * np.pi * (diameter_mm**2 / 16 + (resolution_mm / FWHM) ** 2)
    made = np.array([np.polynomial.laguerre.lagval(2 * np.pi * squared / width, c) for c in np.eye(channels)])
    made = (made * np.exp(-np.pi * squared / width))[:, inside]
    if background:
        plane = np.stack([np.ones_like(squared), rows + 0 * columns, columns + 0 * rows])[:, inside]
        basis, _ = np.linalg.qr(plane.T)
        made -= (made @ basis) @ basis.T
    out = np.zeros((channels, *squared.shape))
    out[:, inside] = made / np.linalg.norm(made, axis=1, keepdims=True)
    return out


def see(windows: np.ndarray, channels: np.ndarray) -> np.ndarray:
    """What the channels [k, rows, columns] show of windows [n, rows, columns]: float64 [n, k]."""
    return np.tensordot(windows, channels, axes=([1, 2], [1, 2]))


def resampled(count: int, times: int, rng: np.random.Generator) -> np.ndarray:
    """Weights float64 [times + 1, count]: all ones, then how often a bootstrap draws each of `count` places."""
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=times)
    return np.concatenate([np.ones((1, count)), drawn])


def d_prime(absent: np.ndarray, present: np.ndarray, own: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """d′ for each row of weights, float64 [rows of weights]; one value without weights.

    absent   [n, k], seen at n places without a lesion
    present  [m, k], seen with it at m of these places, `own` int [m]: the same noise, so that Δv is the mean of
             present − absent at the same place, which noise hardly disturbs
    weights  [b, n], how often each place counts, see `resampled`
    Unbiased for d′² where v is Gaussian: (ν − k − 1)/ν for the inverse of a covariance of ν degrees of freedom
    (Wishart), and less what the error of Δv adds. Negative d′² count as 0. Without any scatter d′ is 0 where nothing
    is left of the lesion and infinite otherwise.
    """
    weights = np.ones((1, len(absent))) if weights is None else weights
    chosen = weights[:, own]
    _, scatter, n = _moments(absent, weights)
    _, with_lesion, _ = _moments(present, chosen)
    _, without, _ = _moments(absent[own], chosen)
    delta, delta_scatter, m = _moments(present - absent[own], chosen)
    # The lesion's own effect on the scatter from the same places, where the shared noise cancels: the mean of S_absent
    # and S_present has then nearly the n − 1 degrees of freedom of all places.
    pooled = scatter + (with_lesion - without) / 2
    freedom = n - 1
    k = absent.shape[1]
    factor = (freedom - k - 1) / freedom
    result = np.empty(len(weights))
    for i in range(len(weights)):
        if not np.isfinite(pooled[i]).all():
            result[i] = np.nan
            continue
        if np.trace(pooled[i]) < 1e-9 * k:  # HU²
            result[i] = np.inf if np.abs(delta[i]).max() > 1e-3 else 0.0
            continue
        inverse = np.linalg.pinv(pooled[i], rcond=1e-9, hermitian=True)
        squared = delta[i] @ inverse @ delta[i] - np.trace(inverse @ delta_scatter[i]) / m[i]
        result[i] = np.sqrt(max(0.0, factor[i] * squared))
    return result


def least_places(channels: int = CHANNELS) -> int:
    """Of fewer lesions the covariance of so many channels says too little."""
    return 4 * channels


def _moments(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted means [b, k], unbiased covariances [b, k, k] and sums of weights [b]."""
    k = values.shape[1]
    total = weights.sum(axis=1)
    centre = values.mean(axis=0)  # for precision: what is squared should be small
    values = values - centre
    mean = weights @ values / total[:, None]
    square = (weights @ (values[:, :, None] * values[:, None, :]).reshape(-1, k * k)).reshape(-1, k, k)
    covariance = square / total[:, None, None] - mean[:, :, None] * mean[:, None, :]
    return mean + centre, covariance * (total / np.maximum(total - 1, 1))[:, None, None], total
