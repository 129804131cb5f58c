"""What is measured: the same slices of several images, as the standard orientation shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..stacks import as_stack, check_same_shape

INPUT, REFERENCE = "input", "reference"
MOST_SLICES = 40  # evenly from the whole volume: enough for the figures, and a matter of seconds


@dataclass(frozen=True)
class Subject:
    """One volume before and after, and its normal dose where there is one.

    stacks   name → HU float32 [slices, rows, columns]; "input" always, "reference" where there is one
    spacing  mm, (between columns, between rows, between slices of the volume)
    numbers  of the slices that the stacks hold, as the file stores them; counted from 0 where not given
    shape    (columns, rows, slices) of the whole volume
    measured bool like a stack, False where the scanner measured nothing; None: everywhere
    rois     up to two regions of the user, bool like a stack: noise and NPS in the first, CNR against the second
    most     slices that were asked for at most; the stacks may hold fewer
    """

    stacks: dict[str, np.ndarray]
    spacing: tuple[float, float, float]
    name: str = ""
    titles: dict[str, str] = field(default_factory=dict)
    numbers: tuple[int, ...] = ()
    shape: tuple[int, int, int] | None = None
    measured: np.ndarray | None = None
    rois: tuple[np.ndarray, ...] = ()
    most: int = MOST_SLICES
    records: dict[str, dict] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if INPUT not in self.stacks:
            raise ValueError('a subject needs the image "input"')
        stacks = {name: as_stack(hu) for name, hu in self.stacks.items() if name != REFERENCE}
        if self.stacks.get(REFERENCE) is not None:
            stacks[REFERENCE] = as_stack(self.stacks[REFERENCE])  # always the last
        for hu in stacks.values():
            check_same_shape(hu, stacks[INPUT])
        object.__setattr__(self, "stacks", stacks)
        object.__setattr__(self, "numbers", tuple(self.numbers) or tuple(range(len(self.input))))
        object.__setattr__(self, "shape", self.shape or self.input.shape[::-1])

    @property
    def input(self) -> np.ndarray:
        return self.stacks[INPUT]

    @property
    def reference(self) -> np.ndarray | None:
        return self.stacks.get(REFERENCE)

    @property
    def standard_name(self) -> str:
        """The image that decides where things are measured, and against which: the cleaner where there is a choice."""
        return INPUT if self.reference is None else REFERENCE

    @property
    def standard(self) -> np.ndarray:
        return self.stacks[self.standard_name]

    @property
    def pixel(self) -> tuple[float, float]:
        """mm, (between columns, between rows)."""
        return self.spacing[:2]


def spread_evenly(total: int, most: int = MOST_SLICES) -> np.ndarray:
    """Numbers of at most `most` of `total` slices, evenly from the first to the last; the middle one for one."""
    if most == 1 < total:
        return np.array([total // 2])
    return np.unique(np.linspace(0, total - 1, min(most, total)).round().astype(int))
