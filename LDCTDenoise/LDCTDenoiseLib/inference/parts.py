"""Which slices come next, draw by draw, and what has come of their draws."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass
class Part:
    """Neighbouring slices `start` up to but without `stop` on their way through all draws; nothing but them is held.

    shown   what the method sees of them, once it is made
    asked   draws that have been handed out; `taken`: those that have come back
    mean    over the draws taken; `squares`: the sum of the squared differences from it, for several draws
    """

    start: int
    stop: int
    shown: np.ndarray | None = None
    asked: int = 0
    taken: int = 0
    mean: np.ndarray | None = None
    squares: np.ndarray | None = None

    def __len__(self) -> int:
        return self.stop - self.start

    def take(self, output: np.ndarray, draws: int) -> None:
        """Another draw, of `draws` in all."""
        self.taken += 1
        if draws == 1:
            self.mean = output
        elif self.taken == 1:
            self.mean, self.squares = np.array(output, np.float32), np.zeros(output.shape, np.float32)
        else:  # Welford: numerically safe, and no draw is kept
            change = output - self.mean
            self.mean += change / self.taken
            self.squares += change * (output - self.mean)

    def spread(self) -> np.ndarray:
        """The standard deviation between the draws."""
        return np.sqrt(np.maximum(self.squares, 0) / (self.taken - 1))

    def split(self, size: int) -> list[Part]:
        """The same in parts of at most `size` slices; what was handed out and has not come back is asked for anew."""
        return [self._piece(first, min(len(self), first + size)) for first in range(0, len(self), size)]

    def _piece(self, first: int, last: int) -> Part:
        cut = (None if array is None else array[first:last] for array in (self.mean, self.squares))
        shown = None if self.shown is None else self.shown[first:last]
        return Part(self.start + first, self.start + last, shown, self.taken, self.taken, *cut)


class Task(NamedTuple):
    """One draw of a part."""

    part: Part
    draw: int


class Plan:
    """The slices 0 … count − 1 in order, each part through all its draws before the next."""

    def __init__(self, count: int, draws: int):
        self.count, self.draws = count, draws
        self.open: deque[Part] = deque()  # begun and not finished, in order
        self._next = 0  # the first slice that is in no part yet

    @property
    def finished(self) -> int:
        """Slices whose draws are done."""
        return self._next - sum(map(len, self.open))

    @property
    def is_done(self) -> bool:
        return not self.open and self._next == self.count

    def next(self, batch: int) -> Task | None:
        """What to compute next, at most `batch` slices; None where everything has been handed out."""
        part = next((part for part in self.open if part.asked < self.draws), None)
        if part is None:
            if self._next == self.count:
                return None
            part = Part(self._next, min(self.count, self._next + batch))
            self._next = part.stop
            self.open.append(part)
        part.asked += 1
        return Task(part, part.asked - 1)

    def take(self, part: Part, output: np.ndarray) -> bool:
        """The next draw of the oldest part. Whether it was its last."""
        part.take(output, self.draws)
        if part.taken == self.draws:
            self.open.remove(part)
            return True
        return False

    def again(self, batch: int) -> None:
        """After a step down: what has not come back is handed out once more, at most `batch` slices at a time."""
        self.open = deque(piece for part in self.open for piece in part.split(batch))
