"""The window of Hounsfield units that a network sees as −1 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # torch is imported where it computes: the classical methods live without it
    from torch import Tensor


class Window(NamedTuple):
    """lowest, highest: HU that become −1 and 1."""

    lowest: float
    highest: float

    def to_network(self, hu: Tensor) -> Tensor:
        """HU → network units, values outside are clipped."""
        return ((hu - self.lowest) * (2 / (self.highest - self.lowest)) - 1).clamp(-1, 1)

    def from_network(self, x: Tensor) -> Tensor:
        """Network units → HU."""
        return (x + 1) * ((self.highest - self.lowest) / 2) + self.lowest
