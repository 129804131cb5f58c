"""What was perceived of a volume's slices: a dose and an anatomy for each, and the ranges that they make."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

LEAST_RANGE_MM = 20.0  # no anatomy that a scan shows is shorter; what seems so is a slice that looks like another
LEAST_RANGE = 3  # slices, where they are thick; of slices picked from a volume two are enough, each stands for many
FLOOR = 0.01  # a probability is not taken for less: one slice that is quite sure must not outvote its neighbours
CHANGE = 2.0  # nats that the slices of a range must gain together over the anatomy beside them
SURE = 0.6  # mean probability below which a range's anatomy is only the likeliest

_FRACTIONS = (1.0, 3 / 4, 2 / 3, *(1 / n for n in (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)))


@dataclass(frozen=True)
class Dose:
    """Estimated fractions of the usual dose over some slices: their median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, fractions: np.ndarray) -> Dose:
        low, median, high = (float(v) for v in np.exp(np.quantile(np.log(fractions), (0.25, 0.5, 0.75))))
        return cls(median, low, high)

    def __str__(self) -> str:
        """ "1/4 (1/5–1/3)"; without the quartiles where they read the same."""
        low, median, high = (fraction_text(v) for v in (self.low, self.median, self.high))
        return median if low == high else f"{median} ({low}–{high})"


@dataclass(frozen=True)
class Range:
    """Neighbouring slices of one anatomy: `first` up to but without `last`, counted as the volume is stored."""

    first: int
    last: int
    anatomy: str
    probability: float  # mean over the slices
    dose: Dose

    @property
    def is_sure(self) -> bool:
        return self.probability >= SURE


@dataclass(frozen=True)
class Perceived:
    """Per slice, in the order in which the volume is stored.

    model          id of the model that perceived
    slices         numbers of the slices that were looked at, rising
    extent         half-open range of slices for which they stand
    dose           [n], estimated fraction of the usual dose; an estimate by the look of the noise, not a measurement
    anatomies      the names that the model can tell apart; it knows no others, and gives one of them to every slice
    probabilities  [n, anatomies]
    thickness      mm from one slice of the volume to the next
    """

    model: str
    slices: np.ndarray
    extent: tuple[int, int]
    dose: np.ndarray
    anatomies: tuple[str, ...]
    probabilities: np.ndarray
    thickness: float = 1.0

    @property
    def whole_dose(self) -> Dose:
        """Over all slices."""
        return Dose.of(self.dose)

    @property
    def ranges(self) -> list[Range]:
        """The anatomies along the volume, smoothed: no range is shorter than an anatomy can be."""
        step = self.thickness * (self.extent[1] - self.extent[0]) / len(self.slices)
        least = max(LEAST_RANGE if self._are_neighbours else 2, math.ceil(LEAST_RANGE_MM / max(step, 1e-3)))
        found = []
        for start, stop, number in segments(self.probabilities, least):
            found.append(
                Range(
                    self.extent[0] if start == 0 else self._border(start),
                    self.extent[1] if stop == len(self.slices) else self._border(stop),
                    self.anatomies[number],
                    float(self.probabilities[start:stop, number].mean()),
                    Dose.of(self.dose[start:stop]),
                )
            )
        return found

    @property
    def _are_neighbours(self) -> bool:
        return len(self.slices) == self.extent[1] - self.extent[0]

    def _border(self, index: int) -> int:
        """The slice with which a range begins: half-way between two that were looked at."""
        return int(self.slices[index - 1] + self.slices[index] + 1) // 2

    def to_dict(self) -> dict:
        """Everything, for JSON."""
        slices = [
            {
                "slice": int(number),
                "dose": float(dose),
                "anatomy": self.anatomies[int(np.argmax(chances))],
                "probabilities": dict(zip(self.anatomies, map(float, chances), strict=True)),
            }
            for number, dose, chances in zip(self.slices, self.dose, self.probabilities, strict=True)
        ]
        return {**self.summary(), "per_slice": slices}

    def summary(self) -> dict:
        """The dose of the whole and the ranges, for JSON."""
        ranges = [
            {
                "slices": [found.first, found.last],
                "anatomy": found.anatomy,
                "probability": round(found.probability, 4),
                "sure": found.is_sure,
                "dose": _plain(found.dose),
            }
            for found in self.ranges
        ]
        return {
            "model": self.model,
            "slices": [int(v) for v in self.extent],
            "looked_at": len(self.slices),
            "tells_apart": list(self.anatomies),
            "dose": _plain(self.whole_dose),
            "ranges": ranges,
        }


def segments(probabilities: np.ndarray, least: int) -> list[tuple[int, int, int]]:
    """The likeliest runs (first, last, class) of at least `least` slices, half-open, that cover all slices.

    probabilities  [n, classes]; slices count as independent given their class, and each change of class costs CHANGE
    """
    logs = np.log(np.clip(probabilities, FLOOR, None))
    count = len(logs)
    sums = np.concatenate([np.zeros((1, logs.shape[1])), np.cumsum(logs, axis=0)])
    best, came_from = np.full(count + 1, -np.inf), np.zeros(count + 1, int)
    best[0] = CHANGE  # the first run is no change
    for stop in range(min(least, count), count + 1):
        starts = np.arange(max(1, stop - least + 1))
        gains = best[starts] + (sums[stop] - sums[starts]).max(axis=1) - CHANGE
        came_from[stop] = int(np.argmax(gains))
        best[stop] = gains[came_from[stop]]
    runs, stop = [], count
    while stop > 0:
        start = came_from[stop]
        runs.append((start, stop, int(np.argmax(sums[stop] - sums[start]))))
        stop = start
    return _joined(runs[::-1])


def _joined(runs: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Neighbouring runs of one class as one: runs as likely as one another may be cut anywhere."""
    joined: list[tuple[int, int, int]] = []
    for start, stop, number in runs:
        if joined and joined[-1][2] == number:
            start = joined.pop()[0]
        joined.append((int(start), int(stop), number))
    return joined


def fraction_text(fraction: float) -> str:
    """The nearest of the fractions that people use, such as "1/4"; "1" for the usual dose."""
    nearest = min(_FRACTIONS, key=lambda known: abs(math.log(known / max(fraction, 1e-6))))
    if nearest > 0.6:
        return {1.0: "1", 3 / 4: "3/4", 2 / 3: "2/3"}[nearest]
    return f"1/{round(1 / nearest)}"


def _plain(dose: Dose) -> dict[str, float]:
    return {"median": dose.median, "low": dose.low, "high": dose.high}
