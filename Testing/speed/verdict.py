"""Rows of figures before and now, and which of them are worse by more than their scatter."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

# what nobody feels, whatever its ratio; in the unit of the figure
LEAST = {"s": 0.02, "s a slice": 0.0005, "MB": 10.0}
_SHARE = {"s": "{:.3f}", "s a slice": "{:.4f}", "MB": "{:.0f}"}


@dataclass
class Row:
    """One figure, measured in rounds: in each of them once before and once now, one right after the other."""

    what: str
    unit: str  # a key of LEAST
    rounds: list[tuple[float, float]] = field(default_factory=list)  # (before, now)

    @property
    def before(self) -> float:
        return statistics.median(one for one, _ in self.rounds)

    @property
    def now(self) -> float:
        return statistics.median(other for _, other in self.rounds)

    @property
    def ratio(self) -> float:
        """now ÷ before, of the medians."""
        return self.now / self.before if self.before else float("inf")

    @property
    def scatter(self) -> tuple[float, float]:
        """Lower and upper quartile of the rounds' own ratios: a change of the machine meets both sides of a round."""
        ratios = [now / before if before else float("inf") for before, now in self.rounds]
        if len(ratios) == 1:
            return ratios[0], ratios[0]
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return low, high

    def is_worse(self, tolerance: float) -> bool:
        """Whether it has grown by more than `tolerance`, in three of four rounds too, and by enough to be felt."""
        felt = self.now - self.before > LEAST[self.unit]
        return felt and min(self.ratio, self.scatter[0]) > 1 + tolerance

    def sentence(self) -> str:
        verb = "takes more memory" if self.unit == "MB" else "is slower"
        low, high = self.scatter
        return (
            f"{self.what} {verb} than before: {self.shown(self.now)} instead of {self.shown(self.before)} {self.unit}, "
            f"{self.ratio:.2f} times as much (quartiles of the rounds {low:.2f} to {high:.2f})."
        )

    def shown(self, value: float) -> str:
        return _SHARE[self.unit].format(value)

    def cells(self) -> list[str]:
        low, high = self.scatter
        figures = [self.shown(self.before), self.shown(self.now), f"{self.ratio:.2f}", f"{low:.2f}–{high:.2f}"]
        return [self.what, self.unit, *figures]


TITLES = ["what", "unit", "before", "now", "now ÷ before", "its quartiles"]


def worse(rows: list[Row], tolerance: float, memory: float) -> list[str]:
    """Sentences; none where nothing is. `tolerance` for times and `memory`: growth that is let pass, 0.05 is 5 %."""
    return [row.sentence() for row in rows if row.is_worse(memory if row.unit == "MB" else tolerance)]
