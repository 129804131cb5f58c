"""How quick the panel feels on a DICOM series of true size: what a user waits for, how long the window stands still.

Driven by clicks on the tests' Slicer, with any method: a quick filter shows the panel's own times, a network all of it.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .stage import Stage


def measure(host, method: str, slices: int, side: int, folder: Path) -> Iterator[tuple[str, float]]:
    """(what, seconds), each as soon as it is known; `folder` is for the series and what is exported."""
    from . import clicks, files, hands, start

    stage = Stage(host, method, folder)
    yield from start.opened(stage, slices, side)
    yield from clicks.cold(stage)
    yield from clicks.again(stage)
    yield from hands.all_of_them(stage)
    yield from files.handed_over(stage)
    yield from files.exported(stage)
    yield from clicks.prestarted(stage)
    yield from clicks.cancelled(stage)
    yield from start.left(stage)


def run(slices: int, side: int, method: str) -> int:
    from .. import start

    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processor cores, {load} before; "
          f"{side}×{side}×{slices} int16, method {method}, software OpenGL")  # fmt: skip
    host = start()
    with tempfile.TemporaryDirectory() as folder:
        for what, seconds in measure(host, method, slices, side, Path(folder)):
            print(f"{what:52} {1000 * seconds:8.0f} ms", flush=True)
        host.quit()
    for error in host.errors:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    return 1 if host.errors else 0
