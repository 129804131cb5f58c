"""Cost and memory of the command, file to file, against slices, matrix size and draws."""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .checkout import ROOT, Checkout, NotMeasured
from .fit import TOO_FAST, Growth, fit
from .slices import write_series
from .table import Table, load, machine, write_csv
from .work import Axis, Work, axes

MODELS = ("gaussian", "bilateral", "rddm-balanced", "founddiff")
UNITS = {"time": "s", "memory": "MB"}
SCATTER = {"time": 0.02, "memory": 0.005}  # of the same command on a quiet machine, as a share
SHORT, TIMES = 10.0, 3  # s: what takes less is measured so often, and the median counts


@dataclass
class Curve:
    """A model along an axis: cost in seconds and peak memory in MB at each point measured.

    left_out  points that would have taken too long, and those after a fault
    """

    model: str
    axis: Axis
    works: list[Work] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    left_out: list[Work] = field(default_factory=list)
    fault: str = ""  # why it ended early

    @property
    def x(self) -> np.ndarray:
        return np.array([self.axis.x(work) for work in self.works])

    def grows(self) -> Iterator[tuple[str, str, Growth]]:
        """What is looked at, its unit, and its fits."""
        for what, unit in UNITS.items():
            if (growth := self.growth(what)) is not None:
                yield what, unit, growth

    def growth(self, what: str) -> Growth | None:
        """The fits of "time" or "memory"; None where there are not two points."""
        y = self.values(what)
        return fit(self.x, np.array(y), SCATTER[what]) if len(y) > 1 else None

    def values(self, what: str) -> list[float]:
        """One for each point; none at all where the system does not tell."""
        y = {"time": self.cost, "memory": self.peak}[what]
        return [] if None in y else y


class Measurement:
    """Measures curve by curve; a series is made once for all models."""

    def __init__(self, side: Checkout, folder: Path, wish: argparse.Namespace):
        self.side, self.folder, self.wish = side, folder, wish
        self.runs: list[dict] = []
        self._random = side.measured("random_models")["ids"]
        self._latest: dict[str, tuple[Work, dict]] = {}  # of each model: its last work and what it took

    def along(self, axis: Axis) -> list[Curve]:
        curves = [Curve(model, axis) for model in self.wish.models if axis.name != "draws" or model in self._random]
        self._latest.clear()
        series: Path | None = None
        made = None
        for work in axis.works if curves else ():
            if made != (work.slices, work.side):
                _remove(series)
                made = (work.slices, work.side)
                series = write_series(self.folder / f"{work.slices}-{work.side}", *made)
            for curve in curves:
                if curve.left_out or self._expected(curve.model, work) > self.wish.longest:
                    curve.left_out.append(work)
                    continue
                try:
                    self._point(curve, work, series)
                except NotMeasured as error:  # what was measured before it is not lost
                    curve.fault, curve.left_out = str(error), [work]
        _remove(series)
        return curves

    def _expected(self, model: str, work: Work) -> float:
        """Seconds by the clock, if it grows from the point before as the work does."""
        if model not in self._latest:
            return 0.0
        before, took = self._latest[model]
        return took["start"] + (took["whole"] - took["start"]) * work.pixels / before.pixels

    def _point(self, curve: Curve, work: Work, series: Path) -> None:
        output = self.folder / "out"
        words = ["denoise", series, output, "--model", curve.model, "--device", self.wish.device]
        words += ["--draws", str(work.draws), "--progress", "json", "--overwrite"]
        found: list[dict] = []
        while len(found) < TIMES and (not found or found[0]["whole"] < SHORT):
            found.append(self.side.command(*words))
            _remove(output)
            facts = {"slices": work.slices, "side": work.side, "draws": work.draws, **found[-1]}
            self.runs.append({"axis": curve.axis.name, "model": curve.model, **facts})
        self._latest[curve.model] = work, found[-1]
        curve.works.append(work)
        key = "whole_cpu" if self.wish.clock == "cpu" else "whole"
        curve.cost.append(statistics.median(facts[key] for facts in found))
        peaks = [facts["peak"] for facts in found if facts["peak"] is not None]
        curve.peak.append(statistics.median(peaks) if peaks else None)
        print(f"{curve.model}, {work.told()}: {curve.cost[-1]:.2f} s", file=sys.stderr, flush=True)


def run(wish: argparse.Namespace, folder: Path) -> int:
    """Exit status 0 if nothing grows faster than the work, else 1."""
    wish.models = wish.models or list(MODELS)
    wanted = axes(wish.slices, wish.axes)
    if wish.picture:
        from .picture import require_matplotlib

        require_matplotlib()
    clock = "processor seconds of all threads" if wish.clock == "cpu" else "seconds on the clock"
    print(machine(wish.threads))
    print(f"ldct-denoise denoise, DICOM series to DICOM series; {clock}, peak memory of the process\n")
    measurement = Measurement(Checkout(ROOT, "now", folder, wish.threads), folder, wish)
    table = Table(_TITLES, (13, 7, 13, 6, 8, 19, 6, 11, 16), texts=4)
    curves, faults = [], []
    for axis in wanted:
        for curve in measurement.along(axis):
            curves.append(curve)
            for what, unit, growth in curve.grows():
                verdict = growth.verdict(wish.tolerance)
                table.add(_cells(curve, what, unit, growth, verdict))
                if verdict == TOO_FAST:
                    faults.append(
                        f"The {what} of {curve.model} grows faster than the {axis.name}: "
                        f"with their power of {growth.exponent:.2f} ± {growth.error:.2f}."
                    )
    print(f"\n{_EXPLAINED}\nload {load()} after")
    for curve in curves:
        if curve.fault:
            faults.append(curve.fault)
        elif curve.left_out:
            print(_left_out(curve, wish.longest))
    if wish.csv:
        write_csv(wish.csv, measurement.runs)
    if wish.picture:
        from .picture import draw

        draw(curves, wish.picture, clock=wish.clock)
        print(f"{wish.picture} shows it.")
    for fault in faults:
        print(fault)
    if not faults:
        print("Nothing grows faster than the work.")
    return 1 if faults else 0


_TITLES = ["model", "against", "from … to", "what", "start", "and", "off by", "exponent", "growth"]
_EXPLAINED = (
    "start, and so much for each: the straight line through the points, relative errors counted; off by: the farthest "
    "point from it; exponent p: of start + rate·xᵖ, with half of its 95 % interval."
)


def _cells(curve: Curve, what: str, unit: str, growth: Growth, verdict: str) -> list[str]:
    ends = f"{curve.axis.label(curve.works[0])} to {curve.axis.label(curve.works[-1])}"
    power = "–" if growth.exponent is None else f"{growth.exponent:.2f} ± {growth.error:.2f}"
    rate = "–" if growth.is_flat else f"{growth.rate:.3g} {unit} a {curve.axis.unit}"
    off = f"{100 * growth.off:.0f} %"
    return [curve.model, curve.axis.name, ends, what, f"{growth.start:.3g} {unit}", rate, off, power, verdict]


def _left_out(curve: Curve, longest: float) -> str:
    works = ", ".join(map(curve.axis.label, curve.left_out))
    return f"{curve.model} against {curve.axis.name}: left out, because it would take more than {longest:g} s: {works}."


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
