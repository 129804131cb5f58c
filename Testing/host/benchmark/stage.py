"""What all measurements share: the open panel, a stop-watch, and the longest standstill of the window."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MODULE = Path(__file__).resolve().parents[3] / "LDCTDenoise" / "LDCTDenoise.py"
STEPS = 20


class Stage:
    """The application with the panel; `widget` and `volume` are there once it is open."""

    def __init__(self, host, method: str, folder: Path):
        self.host, self.method, self.folder = host, method, folder
        self.widget = self.volume = None

    @property
    def ui(self):
        return self.widget.ui

    @property
    def session(self):
        return self.widget.panel.session

    @property
    def comparison(self):
        return self.widget.logic.comparison

    @property
    def worker(self):
        from LDCTDenoisePanel.worker import sharedWorker

        return sharedWorker()

    def click_denoise(self) -> None:
        self.host.click(self.ui.denoiseButton)

    def until(self, condition: Callable[[], bool], seconds: float, why: str) -> None:
        """Process events until it holds; the benchmark ends if it does not, or if the panel complains."""
        holds = self.host.waitUntil(condition, seconds)
        if self.ui.errorLabel.text:
            raise SystemExit(f"The benchmark ended: {self.ui.errorLabel.text}")
        if not holds:
            raise SystemExit(f"The benchmark ended: {why}.")

    def until_done(self) -> None:
        self.until(lambda: self.session.job is None, 3600, "no result")


LOOK_MS = 5


class StandStill:
    """The longest time between two turns of the event loop, in seconds to LOOK_MS, while it is watched.

    Not looked at in every turn, which would keep a core busy that the worker needs.
    """

    def __init__(self):
        import qt

        self.longest, self._last = 0.0, time.perf_counter()
        self._timer = qt.QTimer()
        self._timer.setInterval(LOOK_MS)
        self._timer.connect("timeout()", self._tick)
        self._timer.start()

    def _tick(self):
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now

    def stop(self) -> float:
        self._timer.stop()
        return self.longest


class Watch:
    """A stop-watch that began when it was made."""

    def __init__(self):
        self._begun = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._begun


def times(what: str, step: Callable[[int], None]) -> Iterator[tuple[str, float]]:
    """Median and longest of STEPS calls of step(number)."""
    seconds = []
    for number in range(STEPS):
        watch = Watch()
        step(number)
        seconds.append(watch.seconds)
    yield f"{what}, median of {STEPS}", statistics.median(seconds)
    yield f"{what}, longest", max(seconds)
