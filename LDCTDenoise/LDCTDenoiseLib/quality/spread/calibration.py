"""Does the spread of several draws predict the real error? Measured before it is called an uncertainty.

The real error is that of the mean of the draws, M, against the noise-free truth. The reference R has noise of its own,
n, of which the input L may hold a part (all of it where a low dose was made by adding noise), so that M does too:

    mean (M − truth)²  =  mean (M − R)²  −  mean n²  +  2 mean (M − truth)·n

With d = L − R, which holds noise and no anatomy, and e = M − R, both corrections are averages of what is known:

    mean n² = r d²          r, q: variance of the noise of R, of L, over that of d
    mean (M − truth)·n = s r (e·d + (s − 1) r d²) / (q − s r)        s = (q + r − 1) / 2r, the share of n in L

(a response of M to noise that is the same for all noise of one texture). A scan of its own has s = 0, noise that was
added s = 1. `spread_case` computes this voxel by voxel; every figure here is an average of such voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..generalisation.figures import rank_correlation
from ..stacks import as_stack, check_same_shape, pixel_size
from ..texture.noise import local_sd
from ..tissue import TISSUES

SMOOTHING_MM = 5.0  # the standard deviation of eight values is itself uncertain by a quarter: neighbours are averaged
REGION_MM = 20.0  # smaller ones tell their mean squared error too roughly
BINS = 10  # of equally many voxels
_BODY_HU = TISSUES["air"][1]  # what is denser than air
_LEAST_BODY = 0.5  # of a region
_COARSE_MM = 2.0  # blur before calm places are chosen
_FINE_PIXELS = 3.0  # slower than this is left out of the regression: anatomy there would only add scatter
_LEAST_CALM = 200  # windows of calm soft tissue that tell the noise of a reference


@dataclass(frozen=True)
class ReferenceNoise:
    """r, q, s of this module: variances over that of input − reference, and the share of R's noise in the input."""

    reference: float
    low: float
    shared: float

    @classmethod
    def of_dose(cls, fraction: float) -> ReferenceNoise:
        """Of a reference to which the noise of a lower dose was added: `fraction` of its dose, 0…1."""
        own = fraction / (1 - fraction)
        return cls(own, own + 1, 1.0)

    @classmethod
    def none(cls) -> ReferenceNoise:
        """Of a reference that is the truth itself, such as a drawn phantom."""
        return cls(0.0, 1.0, 0.0)

    @classmethod
    def measured(cls, low: np.ndarray, reference: np.ndarray, spacing: float | Sequence[float]) -> ReferenceNoise:
        """From input and reference. Raises InputError where there is too little soft tissue or no noise.

        r is the median ratio of local variances in calm soft tissue; how the reference follows the difference,
        (s − 1) r, is a regression, which anatomy does not disturb since the difference holds none.
        """
        from scipy.ndimage import gaussian_filter

        ratios, follows, power = [np.empty(0)], 0.0, 0.0
        for image, other in zip(as_stack(low), as_stack(reference), strict=True):
            difference = np.asarray(image, np.float32) - other
            calm = _calm_soft_tissue(np.asarray(other, np.float32), spacing)
            own, its = local_sd(other, spacing)[calm] ** 2, local_sd(difference, spacing)[calm] ** 2
            ratios.append((own[its > 0] / its[its > 0]).astype(np.float64))
            fine = [(v - gaussian_filter(v, _FINE_PIXELS))[calm] for v in (np.asarray(other, np.float32), difference)]
            follows, power = follows + float(np.sum(fine[0] * fine[1])), power + float(np.sum(fine[1] ** 2))
        ratios = np.concatenate(ratios)
        if len(ratios) < _LEAST_CALM or power <= 0:
            raise InputError("The noise of the reference cannot be measured: there is too little soft tissue, or none.")
        r = float(np.median(ratios))
        shared = float(np.clip(1 + follows / power / r, 0, 1)) if r > 0 else 0.0
        return cls(r, 1 + r + 2 * (shared - 1) * r, shared)

    def added(self, error: np.ndarray, difference: np.ndarray) -> np.ndarray:
        """What R's noise adds to the square of M − R, in the mean; error = M − R, difference = L − R."""
        if self.reference == 0:
            return np.zeros_like(error)
        own = self.reference * difference**2
        response = (error * difference + (self.shared - 1) * own) / max(self.low - self.shared * self.reference, 1e-3)
        return own - 2 * self.shared * self.reference * response


@dataclass(frozen=True)
class SpreadCase:
    """Voxels of the body of one case, flat.

    spread      of the draws, HU, root mean square over 5 mm
    difference  M − R, HU
    squared     real error squared, HU², right in the mean
    region      number of each voxel's region
    is_truth    whether R is the truth, without noise
    """

    name: str
    spread: np.ndarray
    difference: np.ndarray
    squared: np.ndarray
    region: np.ndarray
    is_truth: bool


@dataclass(frozen=True)
class SpreadFigures:
    """Of one method on cases that had no part in finding the factor.

    factor         what the spread was multiplied by
    curve_spread, curve_error   float64 [bins], HU: root mean square of the scaled spread, and of the real error, of
                   voxels of rising spread
    slope          of the error over the scaled spread along that curve; 1 when right
    rank           Spearman's correlation of error and spread over the regions of 20 mm of one case, median over cases
    rank_pooled    the same over the regions of all cases: also which case is the noisier
    coverage       % of the voxels whose real error is less than the scaled spread; 68 % for an uncertainty
    coverages      % for each case by name
    spread, error  root mean square over all voxels, HU, the spread before scaling
    regions        how many
    """

    factor: float
    curve_spread: np.ndarray
    curve_error: np.ndarray
    slope: float
    rank: float
    rank_pooled: float
    coverage: float
    coverages: dict[str, float]
    spread: float
    error: float
    regions: int


def spread_case(
    mean: np.ndarray,
    spread: np.ndarray,
    reference: np.ndarray,
    low: np.ndarray,
    spacing: float | Sequence[float],
    *,
    noise: ReferenceNoise | None = None,
    name: str = "",
) -> SpreadCase:
    """What one case tells.

    mean, spread     of the draws, HU, [slices, rows, columns] or [rows, columns]
    reference, low   normal dose and input, the same shape
    spacing          pixel size in mm, (between columns, between rows)
    noise            of the reference; None to measure it
    Raises InputError for shapes that differ, or where the noise of the reference cannot be measured.
    """
    for image in (spread, reference, low):
        check_same_shape(image, mean)
    mean, spread, reference, low = (as_stack(v).astype(np.float32) for v in (mean, spread, reference, low))
    noise = ReferenceNoise.measured(low, reference, spacing) if noise is None else noise
    error, body = mean - reference, _body(reference)
    added = noise.added(error, low - reference)
    region = _regions(mean.shape, spacing)
    share = np.bincount(region.ravel(), body.ravel()) / np.bincount(region.ravel())
    inside = body & (share[region] >= _LEAST_BODY)
    _, number = np.unique(region[inside], return_inverse=True)
    squared = error[inside].astype(np.float64) ** 2 - added[inside]
    return SpreadCase(
        name, _smoothed(spread, inside, spacing)[inside], error[inside], squared, number, noise.reference == 0
    )


def spread_factor(cases: Sequence[SpreadCase]) -> float:
    """Real error over spread: least squares through zero along the curve of the cases. NaN without any spread."""
    spread, error = _curve(cases)
    power = float(np.sum(spread**2))
    return float(np.sum(spread * error)) / power if power > 0 else float("nan")


def spread_figures(cases: Sequence[SpreadCase], factor: float) -> SpreadFigures:
    """How well factor × spread predicts the error of cases that had no part in finding the factor."""
    spread, error = _curve(cases)
    scaled = factor * spread
    varies = len(scaled) > 1 and np.all(np.isfinite(scaled)) and np.ptp(scaled) > 0
    slope = float(np.polyfit(scaled, error, 1)[0]) if varies else float("nan")
    by_region = [_of_regions(case) for case in cases]
    pooled = np.concatenate(by_region, axis=1)
    coverages = {case.name: _coverage([case], factor) for case in cases}
    return SpreadFigures(
        factor=factor,
        curve_spread=scaled,
        curve_error=error,
        slope=slope,
        rank=float(np.median([rank_correlation(*regions) for regions in by_region])),
        rank_pooled=rank_correlation(*pooled),
        coverage=_coverage(cases, factor),
        coverages=coverages,
        spread=float(np.sqrt(np.mean(np.concatenate([case.spread for case in cases]).astype(np.float64) ** 2))),
        error=float(np.sqrt(max(0.0, np.mean(np.concatenate([case.squared for case in cases]))))),
        regions=pooled.shape[1],
    )


def _coverage(cases: Sequence[SpreadCase], factor: float) -> float:
    """% of the voxels whose real error is within ± factor × spread.

    Counted where the reference is the truth. A noisy reference hides the single error and shows only its mean square
    over a region: there errors are taken as normal, of that variance. (Widening the limits by the reference's noise
    instead would pull every coverage towards 68 %.)
    """
    from scipy.special import erf

    hit = total = 0.0
    for case in cases:
        limit = factor * case.spread.astype(np.float64)
        if case.is_truth:
            hit += np.count_nonzero(np.abs(case.difference) <= limit)
        else:
            variance = np.maximum(_of_regions(case)[1], 1e-6)[case.region]
            hit += float(np.sum(erf(limit / np.sqrt(2 * variance))))
        total += len(limit)
    return 100 * hit / total if total else float("nan")


def _curve(cases: Sequence[SpreadCase]) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square of spread and real error in bins of rising spread; an error² below zero is noise, and zero."""
    spread = np.concatenate([case.spread for case in cases]).astype(np.float64)
    squared = np.concatenate([case.squared for case in cases])
    parts = [part for part in np.array_split(np.argsort(spread, kind="stable"), BINS) if len(part)]
    error = [np.sqrt(max(0.0, np.mean(squared[part]))) for part in parts]
    return np.array([np.sqrt(np.mean(spread[part] ** 2)) for part in parts]), np.array(error)


def _of_regions(case: SpreadCase) -> np.ndarray:
    """float64 [2, regions]: mean squared spread and mean squared real error of each."""
    count = np.bincount(case.region)
    return np.stack([np.bincount(case.region, v) / count for v in (case.spread.astype(np.float64) ** 2, case.squared)])


def _regions(shape: tuple[int, ...], spacing: float | Sequence[float]) -> np.ndarray:
    """int [slices, rows, columns]: the number of each voxel's square of about 20 mm in its slice."""
    slices, rows, columns = shape
    x, y = pixel_size(spacing)
    down, across = (np.arange(n) // max(1, round(REGION_MM / d)) for n, d in ((rows, y), (columns, x)))
    plane = down[:, None] * (across[-1] + 1) + across
    return np.arange(slices)[:, None, None] * (plane[-1, -1] + 1) + plane


def _smoothed(spread: np.ndarray, inside: np.ndarray, spacing: float | Sequence[float]) -> np.ndarray:
    """Root mean square over squares of 5 mm, of the voxels inside alone."""
    from scipy.ndimage import uniform_filter

    x, y = pixel_size(spacing)
    size = (1, *(max(1, round(SMOOTHING_MM / d)) for d in (y, x)))
    power, share = (
        uniform_filter(v.astype(np.float64), size) for v in (inside * spread.astype(np.float64) ** 2, inside)
    )
    return np.sqrt(np.maximum(power, 0) / np.maximum(share, 1e-6)).astype(np.float32)


def _calm_soft_tissue(image: np.ndarray, spacing: float | Sequence[float]) -> np.ndarray:
    """Mask bool [rows, columns]: the calmer half of the soft tissue after a blur, which fine noise does not decide."""
    from scipy.ndimage import gaussian_filter

    x, y = pixel_size(spacing)
    smooth = gaussian_filter(image, (_COARSE_MM / y, _COARSE_MM / x))
    low, high = TISSUES["soft"]
    soft, rough = (smooth >= low) & (smooth < high), local_sd(smooth, spacing)
    return soft & (rough <= np.median(rough[soft])) if soft.any() else soft


def _body(reference: np.ndarray) -> np.ndarray:
    """What is denser than air in the 5 × 5 mean of the reference: noise must not choose voxels."""
    from scipy.ndimage import uniform_filter

    return uniform_filter(reference, (1, 5, 5)) > _BODY_HU
