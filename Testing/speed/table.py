"""What both commands print: the machine, rows of a Markdown table as they come, and a CSV of every run."""

from __future__ import annotations

import csv
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def machine(threads: int | None) -> str:
    """The processor, the versions, and how busy it is just now."""
    asked = os.environ.get("OMP_NUM_THREADS") if threads is None else str(threads)
    chosen = f"threads: {asked}" if asked else "threads as the library chooses"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = ", ".join(_versions("torch", "numpy", "SimpleITK", "pydicom"))
    return (
        f"{processor()}, {cores} usable cores, {chosen}; {platform.system()}, Python {platform.python_version()}, "
        f"{packages}; load {load()} before"
    )


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":", 1)[1].strip() if names else platform.processor() or platform.machine()


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _versions(*packages: str) -> Iterable[str]:
    for package in packages:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"no {package}"


class Table:
    """Markdown, printed row by row; text to the left and figures to the right of their cells."""

    def __init__(self, titles: Sequence[str], widths: Sequence[int], texts: int = 1):
        self._widths, self._texts = widths, texts
        self.add(titles)
        rules = ["-" * width if i < texts else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
        self.add(rules)

    def add(self, cells: Sequence[str]) -> None:
        padded = [
            f"{cell:<{width}}" if i < self._texts else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(cells, self._widths, strict=True))
        ]
        print(f"| {' | '.join(padded)} |", flush=True)


def write_csv(file: Path, rows: Sequence[dict]) -> None:
    """Every figure of every run, a row each."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)
