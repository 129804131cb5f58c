"""A batch around which processes are killed at random, and which is killed itself a few times and resumed."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from .command import Batch

_LONGEST = 3600.0  # s: a batch that still runs has hung
_LOOK = 0.1  # s


@dataclass
class Trouble:
    """What was done to a batch, and how it ended."""

    killed: int = 0  # processes that worked for it
    batches_killed: int = 0
    done_at_kills: list[int] = field(default_factory=list)  # outputs that were there when the batch was killed
    orphans: int = 0  # processes that outlived a batch that was killed
    status: int | None = None  # of the last run
    seconds: float = 0.0


def disturbed(
    start: Callable[..., Batch],
    victims: Callable[[Batch], list[psutil.Process]],
    tend: Callable[[], None],
    outputs: Path,
    expected: int,
    *,
    every: float,
    batches: int,
    rng: random.Random,
) -> Trouble:
    """Runs and resumes until the batch ends by itself.

    start     starts it; called with the argument --resume after a kill
    victims   processes to be killed, one at a time
    tend      called ten times a second
    expected  number of outputs
    every     mean time between two kills, s; something is always done between them
    batches   kills of the whole batch, spread over the work
    """
    trouble = Trouble()
    # a kill comes when so much is done, at random within its share, and never before anything is
    marks = [max(1, int(expected * (number + rng.random()) / (batches + 1))) for number in range(batches)]
    begun = time.monotonic()
    batch = start()
    next_kill, last = begun + rng.expovariate(1 / every), -1
    while (status := batch.status()) is None:
        now, done = time.monotonic(), _done(outputs)
        if now - begun > _LONGEST:
            trouble.orphans += len(batch.kill())
            break
        tend()
        if marks and done >= marks[0]:
            marks.pop(0)
            trouble.orphans += len(batch.kill())
            trouble.batches_killed += 1
            trouble.done_at_kills.append(done)
            batch = start("--resume")
        # on a slow machine nothing would ever be done between two kills; where nobody is there yet, one comes later
        elif now >= next_kill and done > last and _kill_one(victims(batch), rng):
            trouble.killed += 1
            next_kill, last = now + rng.expovariate(1 / every), done
        time.sleep(_LOOK)
    trouble.status, trouble.seconds = status, time.monotonic() - begun
    return trouble


def _done(outputs: Path) -> int:
    """Outputs that are there; os.walk does not mind folders that vanish meanwhile."""
    return sum(name.endswith(".json") for _, _, files in os.walk(outputs) for name in files)


def _kill_one(victims: list[psutil.Process], rng: random.Random) -> bool:
    """kill -9 of one of them; False where there is none."""
    with contextlib.suppress(psutil.Error, IndexError):
        rng.choice(victims).kill()
        return True
    return False
