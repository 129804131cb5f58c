"""Pairs of low-dose and normal-dose patches, made afresh for every batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .noise_bank import NoisySeries

HU_RANGE = (-1024, 3071)


@dataclass(frozen=True)
class DoseSpread:
    """How much noise a batch shows.

    dose    dose fractions, drawn log-uniformly: noise variance of low over normal dose is 1/dose
    extra   most noise added to the normal dose itself, as a multiple of its own, so that noisier scanners are seen too
    """

    dose: tuple[float, float] = (0.08, 0.6)
    extra: float = 2.0


@dataclass(frozen=True)
class PatchSampler:
    """Draws [batch, 1, patch, patch] float32 HU pairs (low dose, normal dose) from the series.

    expected_target  the normal dose of a pair is noise like any other. A network trained to its mean may be shown the
                     mean of that noise given the low dose, which has the same minimum and less scatter; a network that
                     learns the distribution must be shown a sample.
    """

    series: Sequence[NoisySeries]
    patch: int
    batch: int
    spread: DoseSpread = DoseSpread()
    expected_target: bool = True

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        counts = np.array([len(s.normal_dose) for s in self.series])
        pairs = []
        while len(pairs) < self.batch:
            series = self.series[rng.choice(len(counts), p=counts / counts.sum())]
            pair = self._pair(series, rng.integers(len(series.normal_dose)), rng)
            if pair is not None:
                pairs.append(pair)
        low, normal = (np.stack(half)[:, None].astype(np.float32) for half in zip(*pairs, strict=True))
        return low, normal

    def _pair(self, series: NoisySeries, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray] | None:
        rows, columns = series.normal_dose.shape[1:]
        y, x = rng.integers(rows - self.patch + 1), rng.integers(columns - self.patch + 1)
        window = np.s_[y : y + self.patch, x : x + self.patch]
        normal = series.normal_dose[index][window].astype(np.float32)
        if (normal > -900).mean() < 0.1 and rng.random() > 0.1:
            return None  # mostly air outside the patient: a tenth of such patches is enough
        dose = np.exp(rng.uniform(*np.log(self.spread.dose)))
        level = series.level[index]
        extra = level * max(0.0, rng.uniform(-self.spread.extra, self.spread.extra))
        inserted = np.sqrt((level**2 + extra**2) * (1 / dose - 1))
        first, second = series.noise[index, rng.permutation(len(series.noise[index]))[:2]][:, window[0], window[1]]
        if self.expected_target:
            noise = np.hypot(extra, inserted) * first.astype(np.float32)
            low, normal = normal + noise, normal + extra**2 / (extra**2 + inserted**2) * noise
        else:
            normal = normal + extra * second.astype(np.float32)
            low = normal + inserted * first.astype(np.float32)
        low, normal = np.clip(low, *HU_RANGE), np.clip(normal, *HU_RANGE)
        turn, flip = rng.integers(4), rng.random() < 0.5
        return tuple(np.rot90(a[:, ::-1] if flip else a, turn) for a in (low, normal))
