"""How quick the panel feels on a volume of true size: what a user waits for, and how long the window stands still.

Driven by clicks on the tests' Slicer, with a classical method, so that the figures are the panel's and not a network's.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

MODULE = Path(__file__).resolve().parents[2] / "LDCTDenoise" / "LDCTDenoise.py"
METHOD = "gaussian"
STEPS = 20


class StandStill:
    """The longest time between two turns of the event loop, in seconds, while it is watched."""

    def __init__(self):
        import qt

        self.longest, self._last = 0.0, time.perf_counter()
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._tick)
        self._timer.start()

    def _tick(self):
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now

    def stop(self) -> float:
        self._timer.stop()
        return self.longest


def measure(host, slices: int, side: int) -> Iterator[tuple[str, float]]:
    """(what, seconds), each as soon as it is known."""
    import slicer

    begun = time.perf_counter()
    host.loadModule(MODULE)
    yield "module loaded at Slicer's start", time.perf_counter() - begun
    volume = make_volume(slices, side)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    begun = time.perf_counter()
    widget = host.openModule("LDCTDenoise")
    host.processEvents()
    yield "panel opened the first time", time.perf_counter() - begun
    ui, session = widget.ui, widget.panel.session
    host.settle()
    ui.inputSelector.setCurrentNode(volume)
    ui.methodCombo.setCurrentIndex(ui.methodCombo.findData(METHOD))
    host.settle()
    comparison = widget.logic.comparison

    watch, begun = StandStill(), time.perf_counter()
    host.click(ui.denoiseButton)
    require(host.waitUntil(lambda: comparison.mode == "three", 120), "no preview")
    yield "Denoise to the previewed slice, worker cold", time.perf_counter() - begun
    require(host.waitUntil(lambda: session.job is None, 600), "no result")
    yield "Denoise to the whole result", time.perf_counter() - begun
    yield "longest standstill of the window meanwhile", watch.stop()
    require(not ui.errorLabel.text, ui.errorLabel.text)
    host.settle()

    def strength(number: int) -> None:
        ui.strengthSlider.value = 40 + number
        host.settle(2)

    yield from times("strength: slider to picture", strength)
    view = host.view("LDCTBefore")

    def scroll(number: int) -> None:
        view.wheel(1)
        host.settle(2)

    yield from times("scroll: wheel to three pictures", scroll)

    def flip(number: int) -> None:
        comparison.flip(number % 2 == 0)
        host.settle(2)

    yield from times("flip to the original and back", flip)
    host.click(ui.wipeButton)
    host.settle()
    view = host.view("LDCTSingle")
    view.press(0.5, 0.5)

    def wipe(number: int) -> None:
        view.move(0.5 + 0.01 * number, 0.5)
        host.settle(2)

    yield from times("wipe: mouse to picture", wipe)
    view.release(0.7, 0.5)

    host.click(ui.denoiseButton)
    require(host.waitUntil(lambda: session.job is not None and ui.progressBar.value > 0, 60), "no progress")
    begun = time.perf_counter()
    host.click(ui.denoiseButton)
    require(host.waitUntil(lambda: session.job is None, 10), "not cancelled")
    yield "Cancel to the end of every process", time.perf_counter() - begun
    begun = time.perf_counter()
    host.leaveModule()
    host.processEvents()
    yield "leaving: the user's own layout is back", time.perf_counter() - begun


def times(what: str, step: Callable[[int], None]) -> Iterator[tuple[str, float]]:
    seconds = []
    for number in range(STEPS):
        begun = time.perf_counter()
        step(number)
        seconds.append(time.perf_counter() - begun)
    yield f"{what}, median of {STEPS}", statistics.median(seconds)
    yield f"{what}, longest", max(seconds)


def make_volume(slices: int, side: int):
    """int16, a noisy disc in air: no patient is needed to measure time."""
    import slicer

    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    plane = np.where(x**2 + y**2 < 0.7, 40.0, -1000.0)
    noise = np.random.default_rng(0).normal(0, 25, (side, side))
    array = np.empty((slices, side, side), np.int16)
    for number in range(slices):
        array[number] = np.rint(plane + np.roll(noise, number, 1))
    volume = slicer.util.addVolumeFromArray(array, name="Benchmark")
    volume.SetSpacing(0.7, 0.7, 1.0)
    volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    volume.CreateDefaultDisplayNodes()
    return volume


def require(holds: bool, why: str) -> None:
    if not holds:
        raise SystemExit(f"The benchmark ended: {why}.")


def run(slices: int, side: int) -> int:
    from . import start

    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processor cores, {load} before; "
          f"{side}×{side}×{slices} int16, method {METHOD}, software OpenGL")  # fmt: skip
    host = start()
    for what, seconds in measure(host, slices, side):
        print(f"{what:52} {1000 * seconds:8.0f} ms", flush=True)
    host.quit()
    for error in host.errors:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    return 1 if host.errors else 0
