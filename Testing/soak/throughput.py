"""One worker against two, on the same series."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from .command import timed
from .series import write_series


def measure(folder: Path, wish: argparse.Namespace) -> int:
    """Prints a line for every method: seconds with each number of workers, start of the processes included."""
    series, size, slices = wish.series, wish.size, wish.slices
    write_series(folder / "in", series, size, slices)
    print(f"{series} series of {size}×{size}×{slices}, {os.cpu_count()} cores, load before: {_load()}")
    print(f"{'method':<16}{'workers':>8}{'seconds':>9}{'slices/s':>10}{'gain':>7}   load after", flush=True)
    for model in wish.models.split(","):
        alone = None
        for workers in (1, wish.workers):
            seconds = timed(folder / "in", folder / f"out-{model}-{workers}", model, "--workers", str(workers))
            alone = alone or seconds
            rate, gain = series * slices / seconds, alone / seconds
            print(f"{model:<16}{workers:>8}{seconds:>9.1f}{rate:>10.2f}{gain:>7.2f}   {_load()}", flush=True)
    return 0


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
