"""The training loop: phases of patches, one objective, a moving average of the weights, and what is left to read."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

from ..errors import Cancelled, InputError
from .batches import check_sizes, threads_for
from .checkpoint import BEST, LAST, begin_run, check_start, recipe, resume_run, save_checkpoint
from .config import TrainingConfig
from .distributed import Alone
from .log import RunLog
from .noise_bank import NoisySeries
from .state import TrainingState, averaged_network, check_run, new_state
from .step import take_step
from .watch import Watch

LOG_EVERY = 25
SAVE_SECONDS = 120.0


def train(
    config: TrainingConfig,
    series: list[NoisySeries],
    *,
    engine: Alone | None = None,
    resume: bool | Path = False,
    report: Callable[[str], None] = print,
    notice: Callable[[str], None] | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, stage: None,
    cancel: Callable[[], bool] = lambda: False,
) -> TrainingState:
    """Run (or go on with) the phases of `config`; checkpoints and logs go to its folder. Returns the final state.

    engine    the device, or one of several; the processor if not given
    resume    True goes on from the last checkpoint, a file from that one, bit for bit on a processor
    report    hears how it goes, `notice` what should worry; progress(step, steps, "train") every step
    Raises InputError where it cannot begin, and when the loss is no longer a number; Cancelled after saving.
    """
    engine = engine or Alone()
    names = [s.name for s in series]
    check_run(config, engine.device)
    check_sizes(config, series)
    check_start(config, names, engine.size, resume)
    run = _Run(config, series, engine, report, notice or report)
    run.start(names, resume)
    for batch in run.state.family.batches(run.training, run.state.step, engine.rank, threads_for(engine.device)):
        if engine.any(cancel()):
            run.save()
            raise Cancelled
        run.step(batch)
        if engine.leads:
            progress(run.state.step, config.steps, "train")
    engine.wait()
    return run.state


class _Run:
    """A run in progress: the state, and when to log, validate and save."""

    def __init__(self, config: TrainingConfig, series: list[NoisySeries], engine: Alone, report, notice):
        self.config, self.engine, self.report, self.notice = config, engine, report, notice
        self.state = new_state(config, engine.device)
        held_out = [s for s in series if s.name in config.validation]
        self.training = [s for s in series if s.name not in config.validation]
        self.validation = self.state.family.validation(held_out, self.training)
        self.watch, self.saved = Watch(), time.monotonic()

    def start(self, names: list[str], resume: bool | Path) -> None:
        config, device = self.config, self.engine.device
        self.recipe = recipe(config, names, self.engine.size)
        said = ""
        if resume:
            resume_run(self.state, config, self.recipe, resume, device)
        elif config.begin is not None:
            said = begin_run(self.state, config, device)
        self.engine.prepare(self.state.network)
        self.begun = time.monotonic() - self.state.seconds
        if self.engine.leads:
            config.folder.mkdir(parents=True, exist_ok=True)
            self.log = RunLog(config.folder, self.notice, self.state.step)
            if said:
                self.report(said)

    def step(self, batch) -> None:
        state = self.state
        if batch.number == 0:  # gradients of another objective have another size: forget their second moments
            state.optimizer = state.family.optimizer(state.network)
        figures = take_step(state, batch, self.config, self.engine)
        if not math.isfinite(figures["gradient"]):  # the same in every process
            kept = (self.config.folder / LAST).exists()
            raise InputError(
                f"The loss is no longer a number at step {state.step + 1}: lower the learning rate"
                + (f"; the last good checkpoint is kept in {self.config.folder}." if kept else ".")
            )
        state.step += 1
        state.seconds = time.monotonic() - self.begun
        if self.engine.leads:
            self._write(batch, figures)

    def _write(self, batch, figures: dict[str, float]) -> None:
        state, config, last = self.state, self.config, self.state.step == self.config.steps
        self.watch.phase(batch.index)
        for text in self.watch.step(state.step, figures):
            self.log.notice(text)
        self.log.add(figures)
        if state.step % LOG_EVERY == 0:
            means = self.log.write_means(state.step, state.seconds)
            left = state.seconds / state.step * (config.steps - state.step)
            shown = f"{state.family.shown(means)}  about {left:.0f} s left"
            self.report(f"{batch.phase.name} {state.step}/{config.steps}  {shown}")
        if state.step % config.validate_every == 0 or last:
            self._validate(batch)
        if config.sample_every and state.step % config.sample_every == 0 and self.log.pictures and len(self.validation):
            state.family.draw_samples(config.folder, state.step, self.validation, averaged_network(state))
        if time.monotonic() - self.saved > SAVE_SECONDS or last:
            self.save()

    def _validate(self, batch) -> None:
        state, config = self.state, self.config
        figures = self.validation.evaluate(averaged_network(state), self.engine.device)
        if not figures:
            return
        self.log.write_validation(state.step, state.seconds, figures)
        self.report("validation  " + "  ".join(f"{k} {v:.3f}" for k, v in figures.items()))
        for text in self.watch.validation(state.step, figures, bool(batch.phase.temperatures)):
            self.log.notice(text)
        # each phase has a best of its own: drifting gives up decibels for texture, and must not lose to what it began
        # with
        score = state.family.score
        if state.best.get("phase") != batch.index or figures[score] > state.best[score]:
            state.best = {"phase": batch.index, score: figures[score]}
            save_checkpoint(config.folder / BEST, state, self.recipe)
        ends = accumulate(phase.steps for phase in config.phases)
        self.log.draw_curves([(phase.name, end) for phase, end in zip(config.phases, ends, strict=True)])

    def save(self) -> None:
        if self.engine.leads:
            save_checkpoint(self.config.folder / LAST, self.state, self.recipe)
            self.saved = time.monotonic()
