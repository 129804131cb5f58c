"""What perception learns from: two views of a slice at a known dose, of a known anatomy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .ahead import drawn_ahead
from .anatomy import UNKNOWN, AnatomyLabels
from .config import SAMPLING, Phase, TrainingConfig
from .data import HU_RANGE
from .noise_bank import NoisySeries
from .windows import drawn_side, place, resized, window

BODY = 0.3  # least share of a view that is not air: less tells nobody the anatomy
TRIES = 20  # to find such a place
BRIGHTNESS = (0.97, 1.03)  # factors of the density


@dataclass(frozen=True)
class PerceptionBatch:
    """views: float32 [2·batch, 1, patch, patch] HU, first all first views, then all second ones;
    divisors: float32 [batch], 1 for a usual dose, see UsualNoise; classes: int64 [batch], of AnatomyLabels.names;
    scaled: how many of the batch, the first ones, are scaled: their noise tells nothing of a dose."""

    phase: Phase
    index: int
    number: int
    views: np.ndarray
    divisors: np.ndarray
    classes: np.ndarray
    scaled: int


class UsualNoise:
    """How noisy slices of an anatomy usually are: the geometric mean over the series of their median levels, HU.

    The series differ in noise by a factor of 5 at their own full dose, for scanners, kernels and doses differ, and a
    slice does not tell which part of its noise was simulated. What it can tell is how its noise compares with what is
    usual: so 1/n of the dose means n times the usual variance. With series of one scanner and one dose, as the authors
    had, it is the simulated divisor.
    """

    def __init__(self, series: Sequence[NoisySeries], labels: AnatomyLabels):
        medians: dict[int, list[float]] = {}
        for one in series:
            classes = labels.of(one.name, len(one.normal_dose))
            for number in set(classes.tolist()) - {UNKNOWN}:
                medians.setdefault(number, []).append(float(np.median(np.log(one.level[classes == number]))))
        self._levels = {number: float(np.exp(np.mean(values))) for number, values in medians.items()}

    def divisor(self, level: float, anatomy: int, simulated: float) -> float:
        """Of the usual dose, for a slice of noise `level` whose dose was divided by `simulated`."""
        return simulated * (float(level) / self._levels[anatomy]) ** 2


class ViewSampler:
    """Draws anatomies evenly, within one a series as `sampling` says, its slices and the doses evenly.

    divisors  by which doses are divided: 1 is the slice as it is
    scale     factors by which half of the slices are magnified, drawn log-uniformly: a few patients must stand for
              all sizes of patient and picture. Their brightness varies a little too, as contrast agents make it
    """

    def __init__(
        self,
        series: Sequence[NoisySeries],
        labels: AnatomyLabels,
        divisors: Sequence[float],
        sampling: str = "sqrt",
        scale: tuple[float, float] = (1.0, 1.0),
    ):
        self.series, self.divisors, self.scale = series, np.array(divisors, np.float32), scale
        self._usual = UsualNoise(series, labels)
        classes = [labels.of(one.name, len(one.normal_dose)) for one in series]
        self._places = []  # for each anatomy: (series, its slices), and how likely a series is
        for number in range(len(labels.names)):
            slices = [(i, np.flatnonzero(found == number)) for i, found in enumerate(classes)]
            slices = [(i, found) for i, found in slices if len(found)]
            weights = np.array([len(found) for _, found in slices], np.float64) ** SAMPLING[sampling]
            if slices:
                self._places.append((number, slices, weights / weights.sum()))

    def draw(self, batch: int, patch: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """views, divisors, classes and scaled as in PerceptionBatch."""
        first, second, divisors, classes = [], [], [], []
        scaled = 0 if self.scale == (1.0, 1.0) else batch // 2
        for drawn in range(batch):
            number, slices, chances = self._places[rng.integers(len(self._places))]
            which, places = slices[rng.choice(len(slices), p=chances)]
            series, index, divisor = self.series[which], rng.choice(places), rng.choice(self.divisors)
            angle = rng.uniform(
                0, 2 * np.pi
            )  # a mixture of the two noise fields is a third; at a right angle, a fourth
            for views, turned in ((first, angle), (second, angle + np.pi / 2)):
                if drawn < scaled:
                    views.append(_scaled_view(series, index, float(divisor), turned, patch, self.scale, rng))
                else:
                    views.append(_view(series, index, float(divisor), turned, patch, rng))
            divisors.append(self._usual.divisor(series.level[index], number, float(divisor)))
            classes.append(number)
        views = np.stack(first + second)[:, None].astype(np.float32)
        return views, np.array(divisors, np.float32), np.array(classes, np.int64), scaled


def slice_at_dose(series: NoisySeries, index: int, divisor: float, angle: float = 0.0, where=np.s_[:, :]) -> np.ndarray:
    """float32 HU: normal dose and noise of SD level·√(divisor − 1), as at 1/divisor of the dose.

    angle  mixes the two independent noise fields of the slice; where: a part of the slice
    """
    normal = series.normal_dose[index][where].astype(np.float32)
    if divisor == 1:
        return normal
    one, two = (series.noise[index, k][where].astype(np.float32) for k in (0, 1))
    noise = float(series.level[index]) * np.sqrt(divisor - 1) * (np.cos(angle) * one + np.sin(angle) * two)
    return np.clip(normal + noise, *HU_RANGE).astype(np.float32)


def _view(
    series: NoisySeries, index: int, divisor: float, angle: float, patch: int, rng: np.random.Generator
) -> np.ndarray:
    """A square of the slice at this dose where there is something to see, flipped."""
    rows, columns = series.normal_dose.shape[1:]
    for _ in range(TRIES):
        y, x = rng.integers(rows - patch + 1), rng.integers(columns - patch + 1)
        where = np.s_[y : y + patch, x : x + patch]
        if (series.normal_dose[index][where] > -900).mean() >= BODY:
            break
    return _flipped(slice_at_dose(series, index, divisor, angle, where), rng)


def _scaled_view(
    series: NoisySeries, index: int, divisor: float, angle: float, patch: int, scale: tuple, rng: np.random.Generator
) -> np.ndarray:
    """As _view, magnified, of varied brightness; beyond the slice is air."""
    whole = slice_at_dose(series, index, divisor, angle)
    for _ in range(TRIES):
        side = drawn_side(patch, scale, rng)
        y, x = (place(length, side, 0, rng) for length in whole.shape)
        view = window(whole, y, x, side, fill=HU_RANGE[0])
        if (view > -900).mean() >= BODY * min(1.0, whole.size / side**2):
            break
    view = (view - HU_RANGE[0]) * rng.uniform(*BRIGHTNESS) + HU_RANGE[0]
    return _flipped(resized(view[None], patch, HU_RANGE)[0], rng)


def _flipped(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Perhaps: patients lie on their backs or bellies, and come head or feet first."""
    down, across = 1 - 2 * rng.integers(2, size=2)
    return view[::down, ::across]


def perception_batches(
    config: TrainingConfig, sampler: ViewSampler, start: int, rank: int = 0, threads: int = 1
) -> Iterator[PerceptionBatch]:
    """From step `start` on; each follows from seed, step and rank alone."""
    plan = [(phase, index, number) for index, phase in enumerate(config.phases) for number in range(phase.steps)]

    def draw(step: int) -> PerceptionBatch:
        phase, index, number = plan[step]
        rng = np.random.default_rng([config.seed, 1, step, rank])
        return PerceptionBatch(phase, index, number, *sampler.draw(phase.batch, phase.patch, rng))

    return drawn_ahead(draw, start, len(plan), threads)


def labelled_slices(series: Sequence[NoisySeries], labels: AnatomyLabels, most: int) -> list[tuple[int, int, int]]:
    """(series, slice, class): at most `most` of each series and anatomy, spread evenly over the series."""
    found = []
    for i, one in enumerate(series):
        classes = labels.of(one.name, len(one.normal_dose))
        for number in sorted(set(classes.tolist()) - {UNKNOWN}):
            places = np.flatnonzero(classes == number)
            chosen = places[np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(int)]
            found += [(i, int(place), number) for place in chosen]
    return found
