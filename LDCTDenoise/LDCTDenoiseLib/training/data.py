"""Pairs of low-dose and normal-dose patches, made afresh for every batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .config import SAMPLING
from .noise_bank import NoisySeries
from .shapes import drawn_patch
from .windows import drawn_side, place, resized, window

HU_RANGE = (-1024, 3071)
SHAPES_NOISE = (1.0, 60.0)  # HU, of the normal dose in every other drawn patch


@dataclass(frozen=True)
class DoseSpread:
    """How much noise a batch shows.

    dose    dose fractions, drawn log-uniformly: noise variance of low over normal dose is 1/dose
    usual   where not None, fractions near this one are drawn more often (a triangle over the logarithm). A slice does
            not tell how far its dose was lowered, only how noisy it is: what a network keeps of the noise follows from
            what is usual
    whole   the share of pairs whose dose is not lowered: a slice as it is, which a network should leave as it is. Only
            slices with no more than their own noise, so that what is noisy still counts as low dose
    noise   most noise of a normal dose, HU in soft tissue: a third of the pairs keep their own, the others get more,
            up to this, log-uniformly, since thin slices and sharp kernels are noisier than the training series
    """

    dose: tuple[float, float] = (0.05, 0.9)
    usual: float | None = None
    noise: float = 60.0
    whole: float = 0.0

    def draw_dose(self, rng: np.random.Generator) -> float:
        low, high = np.log(self.dose)
        if self.usual is None or low == high:
            return float(np.exp(rng.uniform(low, high)))
        return float(np.exp(rng.triangular(low, np.log(self.usual), high)))

    def draw_extra(self, level: float, rng: np.random.Generator) -> float:
        """SD of the noise, HU, that is added to a normal dose whose own is `level`."""
        wanted = level * max(self.noise / max(level, 1e-3), 1.0) ** max(0.0, rng.uniform(-0.5, 1.0))
        return float(np.sqrt(max(wanted**2 - level**2, 0.0)))


@dataclass(frozen=True)
class PatchSampler:
    """Draws [batch, 1, patch, patch] float32 HU pairs (low dose, normal dose) from the series.

    expected_target  the normal dose of a pair is noise like any other. A network trained to its mean may be shown the
                     mean of that noise given the low dose, which has the same minimum and less scatter; a network that
                     learns the distribution must be shown a sample.
    texture          from 0 to 1, how much of the normal dose's texture an expected target is to keep. At 0 the network
                     learns the normal dose itself, and the answer nearest to it keeps the share a of the noise that it
                     sees, a the dose fraction: less than a normal dose has, by √a. The normal dose and β of the
                     difference to the low dose, β = √a/(1 + √a), has an expectation that keeps √a: as noisy as a
                     normal dose. In between it is that much of the way
    sampling         a series is drawn in proportion to its slices ("slices"), their root ("sqrt") or as often as any
                     other ("series"); its slices and places in them evenly, which is the integer shift of a patch
    shift            pixels by which a patch may reach into air beyond the slice: the shift of whole slices
    scale            isotropic, drawn log-uniformly from this range; low and normal dose are interpolated alike
    shapes           the share of patches that are drawn shapes, whose normal dose has no noise at all

    Every patch is turned by quarters and flipped at random.
    """

    series: Sequence[NoisySeries]
    patch: int
    batch: int
    spread: DoseSpread = DoseSpread()
    expected_target: bool = True
    texture: float = 0.0
    sampling: str = "sqrt"
    shift: int = 0
    scale: tuple[float, float] = (1.0, 1.0)
    shapes: float = 0.0

    @property
    def chances(self) -> np.ndarray:
        """How likely each series is to be drawn, [series]; the sum is 1."""
        weights = np.array([len(s.normal_dose) for s in self.series], np.float64) ** SAMPLING[self.sampling]
        return weights / weights.sum()

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        pairs, chances = [], self.chances
        while len(pairs) < self.batch:
            series = self.series[rng.choice(len(chances), p=chances)]
            pair = self._pair(series, rng.integers(len(series.normal_dose)), rng)
            if pair is not None:
                pairs.append(pair)
        low, normal = (np.stack(half)[:, None].astype(np.float32) for half in zip(*pairs, strict=True))
        return low, normal

    def _pair(self, series: NoisySeries, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray] | None:
        side = drawn_side(self.patch, self.scale, rng)
        rows, columns = series.normal_dose.shape[1:]
        y, x = (place(length, side, self.shift, rng) for length in (rows, columns))
        normal = window(series.normal_dose[index], y, x, side, fill=HU_RANGE[0])
        if (normal > -900).mean() < 0.1 and rng.random() > 0.1:
            return None  # mostly air outside the patient: a tenth of such patches is enough
        fields = rng.permutation(len(series.noise[index]))[:2]
        first, second = (window(series.noise[index, k], y, x, side, fill=0) for k in fields)
        if self.shapes and rng.random() < self.shapes:
            normal, level = drawn_patch(side, rng), 0.0
            extra = np.exp(rng.uniform(*np.log(SHAPES_NOISE))) * (rng.random() > 0.5)
        else:
            level = float(series.level[index])
            extra = self.spread.draw_extra(level, rng)
        dose = self.spread.draw_dose(rng)
        if self.spread.whole and rng.random() < self.spread.whole:
            dose, extra = 1.0, 0.0
        inserted = np.sqrt((level**2 + extra**2) * (1 / dose - 1))
        if self.expected_target:
            noise = np.hypot(extra, inserted) * first
            kept = extra**2 / (extra**2 + inserted**2) if extra else 0.0
            low, normal = normal + noise, normal + kept * noise
            normal += self.texture * np.sqrt(dose) / (1 + np.sqrt(dose)) * (low - normal)
        else:
            normal = normal + extra * second
            low = normal + inserted * first
        low, normal = resized(np.clip([low, normal], *HU_RANGE), self.patch, HU_RANGE)
        turn, flip = rng.integers(4), rng.random() < 0.5
        return tuple(np.rot90(a[:, ::-1] if flip else a, turn) for a in (low, normal))
