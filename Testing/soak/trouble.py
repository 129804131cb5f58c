"""A batch whose workers are killed at random, and which is killed itself a few times and resumed."""

from __future__ import annotations

import contextlib
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from .command import Batch

_LONGEST = 3600.0  # s: a batch that still runs has hung
_LOOK = 0.1  # s


@dataclass
class Trouble:
    """What was done to a batch, and how it ended."""

    workers_killed: int = 0
    batches_killed: int = 0
    orphans: int = 0  # processes that outlived a batch that was killed
    status: int | None = None  # of the last run
    seconds: float = 0.0
    done_at_kills: list[int] = field(default_factory=list)  # outputs finished when the batch was killed


def disturbed(
    tree: Path, outputs: Path, models: str, workers: int, series: int, *, every: float, batches: int, rng: random.Random
) -> Trouble:
    """Runs and resumes until the batch ends by itself.

    every    mean time between two kills of a worker, s
    batches  kills of the whole batch, spread over the work
    """
    trouble = Trouble()
    expected = series * len(models.split(","))
    # a kill comes when so much is done, at random within its share
    marks = [int(expected * (number + rng.random()) / (batches + 1)) for number in range(batches)]
    begun = time.monotonic()
    batch = Batch(tree, outputs, models, workers)
    next_kill = begun + rng.expovariate(1 / every)
    while (status := batch.status()) is None:
        now = time.monotonic()
        if now - begun > _LONGEST:
            trouble.orphans += len(batch.kill())
            break
        done = _done(outputs)
        if marks and done >= marks[0]:
            marks.pop(0)
            trouble.orphans += len(batch.kill())
            trouble.batches_killed += 1
            trouble.done_at_kills.append(done)
            batch = Batch(tree, outputs, models, workers, "--resume")
        elif now >= next_kill:
            trouble.workers_killed += _kill_one(batch, rng)
            next_kill = now + rng.expovariate(1 / every)
        time.sleep(_LOOK)
    trouble.status, trouble.seconds = status, time.monotonic() - begun
    return trouble


def _done(outputs: Path) -> int:
    """Outputs that are there; os.walk does not mind folders that vanish meanwhile."""
    return sum(name.endswith(".json") for _, _, files in os.walk(outputs) for name in files)


def _kill_one(batch: Batch, rng: random.Random) -> int:
    """kill -9 of a worker; 0 where there is none at the moment."""
    workers = batch.workers()
    if not workers:
        return 0
    with contextlib.suppress(psutil.Error):
        rng.choice(workers).kill()
        return 1
    return 0
