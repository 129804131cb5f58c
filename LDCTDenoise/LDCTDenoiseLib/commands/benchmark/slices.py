"""The slices that every row computes: of a volume, or made."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

AIR = -1024.0
SIDE = 512
NOISE_HU = 60.0
_TISSUES = ((0, 0.9, -100), (0, 0.8, 50), (-0.4, 0.3, -800), (0.4, 0.3, 120), (0, 0.12, 800))  # x, radius, HU


class Slices(NamedTuple):
    """hu float32 [n, rows, columns], axial; `told` says where they come from."""

    hu: np.ndarray
    spacing: tuple[float, float, float]
    told: str

    @property
    def size(self) -> str:
        count, rows, columns = self.hu.shape
        return f"{columns}×{rows}×{count}"


def made_slices(count: int) -> Slices:
    """Fat, soft tissue, lung, liver and bone as discs, each slice under white noise of its own."""
    y, x = (np.mgrid[:SIDE, :SIDE] - SIDE / 2) / (SIDE / 2)
    clean = np.full(x.shape, -1000, np.float32)
    for centre, radius, value in _TISSUES:
        clean[(x - centre) ** 2 + y**2 < radius**2] = value
    hu = np.empty((count, SIDE, SIDE), np.float32)
    for number in range(count):
        noise = np.random.default_rng(number).standard_normal(clean.shape, np.float32)
        hu[number] = np.clip(np.rint(clean + NOISE_HU * noise), -1024, 3071)
    return Slices(hu, (0.75, 0.75, 3.0), f"made: discs of tissue under noise of {NOISE_HU:.0f} HU")


def slices_of(path: Path, count: int, progress) -> Slices:
    """The middle `count` axial slices of a volume, repeated in order where it has fewer. Its name is not told."""
    from ...files import read_volume

    volume = read_volume(path, progress=progress).standard()
    hu = volume.hu if volume.padding is None else np.where(volume.padding, np.float32(AIR), volume.hu)
    there = len(hu)
    first = max(0, (there - count) // 2)
    chosen = first + np.arange(count) % there if there < count else np.arange(first, first + count)
    repeated = f", repeated from {there}" if there < count else ""
    return Slices(np.array(hu[chosen], np.float32, order="C"), volume.spacing, f"of the volume given{repeated}")
