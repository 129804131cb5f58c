"""RDDM as a method: HU slices in, HU slices out, one network evaluation a slice."""

from __future__ import annotations

from torch import Tensor

LOWEST, RANGE = -1024.0, 4096.0  # HU window of the network


def to_network(hu: Tensor) -> Tensor:
    """HU → network units: [−1024, 3072] becomes [−1, 1], values outside are clipped."""
    return ((hu - LOWEST) * (2 / RANGE) - 1).clamp(-1, 1)


def from_network(x: Tensor) -> Tensor:
    """Network units → HU."""
    return (x + 1) * (RANGE / 2) + LOWEST
