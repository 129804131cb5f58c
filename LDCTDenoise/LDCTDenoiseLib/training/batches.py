"""The batches of a run in their order, drawn ahead while the network works; each follows from seed and step alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .ahead import drawn_ahead
from .config import Phase, TrainingConfig
from .data import DoseSpread, PatchSampler
from .noise_bank import NoisySeries


@dataclass(frozen=True)
class Batch:
    """low, normal: float32 [batch, 1, patch, patch] HU, for step `number` of the phase, the `index`-th of the run."""

    phase: Phase
    index: int
    number: int
    low: np.ndarray
    normal: np.ndarray


def batches(
    config: TrainingConfig, series: Sequence[NoisySeries], start: int, rank: int = 0, threads: int = 1
) -> Iterator[Batch]:
    """From step `start` on; each rank of several devices has batches of its own."""
    plan = [(phase, index, number) for index, phase in enumerate(config.phases) for number in range(phase.steps)]

    def draw(step: int) -> Batch:
        phase, index, number = plan[step]
        paired = not phase.temperatures  # drifting compares residuals, and needs some in every sample
        spread = DoseSpread(config.dose, config.usual_dose, config.most_noise, config.whole_dose if paired else 0.0)
        sampler = PatchSampler(
            series, phase.patch, phase.batch, spread, expected_target=paired, texture=phase.texture,
            shapes=config.shapes if paired else 0.0, sampling=config.sampling, shift=config.shift, scale=config.scale,
        )  # fmt: skip
        seed = [config.seed, 1, step, rank] if rank else [config.seed, 1, step]
        low, normal = sampler.draw(np.random.default_rng(seed))
        return Batch(phase, index, number, np.ascontiguousarray(low), np.ascontiguousarray(normal))

    return drawn_ahead(draw, start, len(plan), threads)


def threads_for(device: str) -> int:
    """A processor that trains has no time to spare; a GPU waits for patches if one thread draws them."""
    return 1 if str(device) == "cpu" else max(1, min(8, (os.cpu_count() or 2) // 2))


def check_sizes(config: TrainingConfig, series: Sequence[NoisySeries]) -> None:
    """InputError where a patch is larger than the slices, or nothing is left to train on."""
    if not any(s.name not in config.validation for s in series):
        raise InputError("There is no series to train on.")
    smallest = min(series, key=lambda s: min(s.normal_dose.shape[1:]))
    side = min(smallest.normal_dose.shape[1:])
    for phase in config.phases:
        if phase.patch > side:
            raise InputError(
                f"The patch of the phase {phase.name!r} is {phase.patch}, larger than the slices of {smallest.name} "
                f"({side})."
            )
