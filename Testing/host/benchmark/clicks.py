"""From the click on Denoise: to the first picture, to the whole result, and back when it is cancelled."""

from __future__ import annotations

from collections.abc import Iterator

from .stage import Stage, StandStill, Watch
from .start import choose


def cold(stage: Stage) -> Iterator[tuple[str, float]]:
    """The first click of a session, while no process runs beside Slicer."""
    yield from _denoised(stage, "worker cold")


def again(stage: Stage) -> Iterator[tuple[str, float]]:
    """The same once more, by the worker that has just done it."""
    stage.comparison.leave()
    stage.host.settle()
    yield from _denoised(stage, "worker warm")


def prestarted(stage: Stage) -> Iterator[tuple[str, float]]:
    """The first click of a user who opened the panel, and looked at it for as long as the worker needs."""
    host = stage.host
    stage.widget.logic.shutdown()
    host.leaveModule()
    stage.until(lambda: not stage.worker.isStarted, 10, "the worker did not end")
    host.app.testing = False  # as a user's Slicer: the panel starts its worker at once
    watch, still = Watch(), StandStill()
    host.openModule("LDCTDenoise")
    choose(stage)
    stage.until(lambda: stage.worker.isWarm, 120, "the worker did not become warm")
    yield "panel opened until its worker is warm", watch.seconds
    yield "longest standstill of the window meanwhile", still.stop()
    yield from _denoised(stage, "worker prestarted", all_of_it=False)


def cancelled(stage: Stage) -> Iterator[tuple[str, float]]:
    stage.click_denoise()
    stage.until(lambda: stage.session.job is not None and stage.ui.progressBar.value > 0, 60, "no progress")
    watch = Watch()
    stage.click_denoise()
    stage.until(lambda: stage.session.job is None, 10, "not cancelled")
    yield "Cancel to the end of every process", watch.seconds


def _denoised(stage: Stage, how: str, all_of_it: bool = True) -> Iterator[tuple[str, float]]:
    """Until the slice is computed and drawn in all three views; then the rest."""
    still, watch = StandStill(), Watch()
    stage.click_denoise()
    stage.until(lambda: stage.comparison.mode == "three", 600, "no preview")
    stage.host.settle(2)
    yield f"Denoise to the first picture, {how}", watch.seconds
    stage.until_done()
    if all_of_it:
        yield f"Denoise to the whole result, {how}", watch.seconds
        yield "longest standstill of the window meanwhile", still.stop()
    stage.host.settle()
