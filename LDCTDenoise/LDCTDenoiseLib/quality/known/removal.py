"""Does the structure score say what it should? Structure is taken from clean slices in known amounts, under noise.

A method is shown clean + noise and gives its answer; the score sees those two. The truth is the same fit on the removed
part freed of noise, clean − E[answer]: known exactly where structure is taken by a formula, and the mean over other
draws of the noise for a filter. What a method leaves of the noise, and what of it happened to lie on edges, must not
move the score from the truth: slope 1, offset 0. The truth of an edge's width is measured on the noise-free images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..edges.places import GROUPS, Edges, find_edges
from ..edges.response import edge_response
from ..edges.structure import structure_score, wider

Filter = Callable[[np.ndarray], np.ndarray]

BLURS_MM = (0.6, 1.2)  # σ of what is taken: as of a mild filter, and of one that everybody sees
PARTS = (0.1, 0.25, 0.5, 1.0)  # of clean − blurred clean
KEPT_NOISE = 0.3
_SLOPE, _APODISATION, _FLOOR = 1.0, 0.38, 0.02  # noise power ~ (f + floor) · exp(−2 (f / 0.38)²): a soft kernel


@dataclass(frozen=True)
class Known:
    """One comparison: name of what was taken, noise in HU, group of edges; score ± error and its truth in %;
    wider and wider_true, the change of the edge's width in %."""

    case: str
    removal: str
    noise: float
    group: str
    edges: int
    truth: float
    score: float
    error: float
    wider_true: float
    wider: float


def ct_noise(shape: tuple[int, ...], spacing: tuple[float, float], sd: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise float32 [slices, rows, columns] with the power spectrum of a soft CT kernel, `noise_power`."""
    rows, columns = shape[-2:]
    frequency = np.hypot(np.fft.fftfreq(rows, spacing[1])[:, None], np.fft.rfftfreq(columns, spacing[0])[None])
    wave = np.fft.rfft2(rng.standard_normal(shape)) * np.sqrt(noise_power(frequency))
    noise = np.fft.irfft2(wave, s=(rows, columns))
    return (noise * (sd / noise.std())).astype(np.float32)


def noise_power(frequency: np.ndarray) -> np.ndarray:
    """Power of `ct_noise` at frequencies in 1/mm, in arbitrary units: a ramp that fades, as filtered back-projection
    leaves it."""
    return (_SLOPE * np.abs(frequency) + _FLOOR) * np.exp(-2 * (frequency / _APODISATION) ** 2)


def formula_removals(clean: np.ndarray, spacing: tuple[float, float]) -> Iterator[tuple[str, np.ndarray, float]]:
    """(name, what is left of the clean slices, what is left of the noise); the first two take noise alone."""
    yield "noise alone, all of it", clean, 0.0
    yield "noise alone, half of it", clean, 0.5
    for sigma in BLURS_MM:
        taken = clean - blurred(clean, sigma, spacing)
        for part in PARTS:
            yield f"{100 * part:.0f} % of a blur of {sigma:g} mm", clean - np.float32(part) * taken, KEPT_NOISE


def blurred(stack: np.ndarray, sigma_mm: float, spacing: tuple[float, float]) -> np.ndarray:
    """Every slice with a Gaussian of σ mm."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(stack, (0, sigma_mm / spacing[1], sigma_mm / spacing[0]), mode="nearest")


def compare_known(
    clean: np.ndarray,
    spacing: tuple[float, float],
    noises: list[float],
    filters: dict[str, Filter],
    *,
    case: str = "",
    seed: int = 0,
    draws: int = 3,
    progress: Callable[[int, int], None] | None = None,
) -> list[Known]:
    """Score and truth of everything that is taken from clean slices [slices, rows, columns], HU.

    filters  name → stack in, stack out; each also at half its strength
    draws    of the noise for a filter's mean answer
    Every comparison has noise of its own, so their errors are independent.
    """
    rows: list[Known] = []
    total = len(noises) * (2 + len(BLURS_MM) * len(PARTS) + len(filters))
    done = 0

    def noise_of(sd: float, number: int, draw: int) -> np.ndarray:
        return ct_noise(clean.shape, spacing, sd, np.random.default_rng([seed, int(10 * sd), number, draw]))

    for sd in noises:
        number = 0
        for name, left, kept in formula_removals(clean, spacing):
            noise = noise_of(sd, number, 0)
            rows += _compared((case, name, sd), clean, left, clean + noise, left + np.float32(kept) * noise, spacing)
            number, done = number + 1, done + 1
            if progress:
                progress(done, total)
        for name, denoise in filters.items():
            shown = clean + noise_of(sd, number, 0)
            answer = denoise(shown)
            mean = sum(denoise(clean + noise_of(sd, number, draw)) for draw in range(1, draws + 1)) / draws
            rows += _compared((case, name, sd), clean, mean, shown, answer, spacing)
            half = (clean + mean) / 2, (shown + answer) / 2
            rows += _compared((case, f"{name}, half", sd), clean, half[0], shown, half[1], spacing)
            number, done = number + 1, done + 1
            if progress:
                progress(done, total)
    return rows


def _compared(
    named: tuple[str, str, float],
    clean: np.ndarray,
    left: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    spacing: tuple[float, float],
) -> list[Known]:
    edges = find_edges(before, spacing)  # as in use: on the noisy image
    found = structure_score(before, after, edges, spacing)
    truth = structure_score(clean, left, edges, spacing)
    rows = []
    for group in GROUPS:
        score, error, true = (getattr(found, group), getattr(found, f"{group}_error"), getattr(truth, group))
        if np.isfinite(score) and np.isfinite(true):
            number = getattr(found, f"{group}_edges")
            rows.append(Known(*named, group, number, true, score, error, _widened(clean, left, edges, group, spacing),
                              wider(score)))  # fmt: skip
    return rows


def _widened(clean: np.ndarray, left: np.ndarray, edges: Edges, group: str, spacing: tuple[float, float]) -> float:
    before, after = (edge_response(hu, edges, group, spacing).width for hu in (clean, left))
    return 100 * (after / before - 1)


def fitted_line(rows: list[Known]) -> dict[str, float]:
    """Score = offset + slope · truth by least squares, weighted with the errors: slope, slope_error, offset,
    offset_error, and `within`, the share of scores no more than two errors from their truth; NaN for fewer than four.

    An error of 0.05 % is added to every row's, or the few best-known would be all that counts.
    """
    names = ("slope", "slope_error", "offset", "offset_error", "within")
    if len(rows) < 4:
        return dict.fromkeys(names, float("nan"))
    truth, score, error = (np.array([getattr(row, key) for row in rows]) for key in ("truth", "score", "error"))
    weight = 1 / np.hypot(error, 0.05)
    model = np.column_stack([truth, np.ones_like(truth)])
    covariance = np.linalg.pinv((model * weight[:, None] ** 2).T @ model)
    slope, offset = covariance @ (model.T @ (score * weight**2))
    slope_error, offset_error = np.sqrt(np.diag(covariance))
    within = float(np.mean(np.abs(score - truth) <= 2 * np.hypot(error, 0.05)))
    return dict(zip(names, map(float, (slope, slope_error, offset, offset_error, within)), strict=True))
