"""The rounds: every row's process is alive from the start, and each round goes through all of them in turn.

Whatever changes on the machine meanwhile meets all rows; a row is compared with the reference within each round.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from .floor import Floor, floor_of
from .processes import Asked, as_command
from .random_models import RANDOM
from .rows import PLAIN, Row, is_network

COMPARED = 8  # slices of which float32 is computed on the processor; and what classical rows compute beside a GPU
ROUND_SECONDS, ROUND_SECONDS_ON_GPU = 20.0, 8.0  # that a row may take in a round: slower ones compute fewer slices


class Plan(NamedTuple):
    """`place` holds slices.npy, and under home/models the models with random weights."""

    rows: list[Row]
    place: Path
    spacing: tuple[float, float, float]
    slices: int
    rounds: int
    device: str
    on_gpu: bool
    with_profile: bool


@dataclass
class Result:
    """What was measured of a row.

    start          s from nothing to the first slice
    slices         that it computes in a round, the first of all
    per_slice      s a slice, one figure a round; `ratios` of the reference to it likewise
    facts          what `child` answers
    difference_hu  (largest, root mean square, mean absolute) from plain float32 on the processor; None of filters
    profile        seconds by kind; operations: of one slice; peaks: of the machine; None unless they were asked for
    """

    row: Row
    start: float
    slices: int
    per_slice: list[float] = field(default_factory=list)
    facts: dict = field(default_factory=dict)
    ratios: list[float] = field(default_factory=list)
    difference_hu: tuple[float, float, float] | None = None
    profile: dict | None = None
    operations: list | None = None
    peaks: dict | None = None

    @property
    def is_network(self) -> bool:
        return is_network(self.row.model)

    @property
    def seconds(self) -> float:
        return float(np.median(self.per_slice))

    @property
    def quartiles(self) -> tuple[float, float]:
        low, high = np.percentile(self.per_slice, (25, 75))
        return float(low), float(high)

    @property
    def on_device(self) -> float | None:
        """Seconds a slice by a GPU's own clock."""
        return self.profile["on_device"] if self.profile else None

    @property
    def floor(self) -> Floor | None:
        if not (self.operations and self.peaks):
            return None
        return floor_of(self.operations, self.facts["precision"], self.facts["batch"], self.peaks)


def measure(plan: Plan, line) -> list[Result]:
    """A result a row, in the order of the rows; `line` tells where it is (`where`). A row that cannot be measured is
    left out with a notice; InputError if that is every row."""
    with ExitStack() as stack:
        results, alive = _started(plan, stack, line)
        results = _all_rounds(plan.rounds, results, alive, line)
        for result in results:
            result.facts = alive[result.row].ask("facts")
        reference = next((result for result in results if result.row.is_reference), None)
        if reference is not None:
            for result in results:
                pairs = zip(reference.per_slice, result.per_slice, strict=True)
                result.ratios = [theirs / own for theirs, own in pairs]
        for model in dict.fromkeys(result.row.model for result in results if is_network(result.row.model)):
            own = [result for result in results if result.row.model == model]
            line.now(f"{model}: beside plain float32 of the processor")
            with or_notice(line, f"{model} could not be compared with plain float32"):
                _compare(plan, model, own, alive)
            for result in own:
                if plan.with_profile and (result.row.way != PLAIN or result.row.is_reference):
                    line.now(f"{result.row.title}: under the profiler")
                    with or_notice(line, f"{model} could not be profiled"):
                        result.profile = alive[result.row].ask("profile")
    if plan.with_profile:
        line.now("peaks of the machine")
        _add_peaks(results)
    line.wipe()
    return results


@contextmanager
def or_notice(line, what: str) -> Iterator[None]:
    """What goes wrong inside costs a row and not the run."""
    try:
        yield
    except InputError as error:
        line.notice(f"{what}: {error}")


def _started(plan: Plan, stack: ExitStack, line) -> tuple[list[Result], dict[Row, Asked]]:
    """A process for every row, loaded and warm."""
    results, alive = [], {}
    for number, row in enumerate(plan.rows):
        line.now(f"start of {row.title} ({number + 1} of {len(plan.rows)})")
        with or_notice(line, f"{row.title} is left out"):
            begun = time.perf_counter()
            process = stack.enter_context(_process(plan, row, plan.device))
            process.answer()
            start = time.perf_counter() - begun
            precision = process.ask("facts")["precision"]
            if any(r.row[:2] == row[:2] and r.row.precision == precision for r in results):
                process.close()
                line.notice(f"{row.model}: {row.precision} is {precision} here, which has a row already.")
                continue
            slices = _slices(plan, row, process.ask("round", slices=1)["seconds"])
            if plan.on_gpu and is_network(row.model):  # libraries that try what is quickest, graphs that are captured
                process.ask("round", slices=slices)
            alive[row] = process
            results.append(Result(row, start, slices))
    return _some(results), alive


def _some(results: list[Result]) -> list[Result]:
    if not results:
        raise InputError("No method could be measured; see above.")
    return results


def _process(plan: Plan, row: Row, device: str) -> Asked:
    card = plan.place / "home" / "models" / f"{row.model}.json"
    spec = {
        **row._asdict(), "kind": "row", "card": str(card) if row.model in RANDOM else None, "device": device,
        "slices": str(plan.place / "slices.npy"), "spacing": plan.spacing,
    }  # fmt: skip
    text = json.dumps(spec)
    plainly = [sys.executable, "-m", f"{__package__}.child", text]
    return Asked(plainly if row.way == PLAIN else as_command("benchmark", "--one", text), row.model)


def _slices(plan: Plan, row: Row, seconds: float) -> int:
    """What a row computes in a round, whose slices take about so long. Those of a slow one cost the same each, and
    beside a GPU the methods on the processor likewise."""
    most = plan.slices if is_network(row.model) or not plan.on_gpu else min(plan.slices, COMPARED)
    patience = ROUND_SECONDS_ON_GPU if plan.on_gpu else ROUND_SECONDS
    return max(1, min(most, int(patience / max(seconds, 1e-6))))


def _all_rounds(rounds: int, results: list[Result], alive: dict[Row, Asked], line) -> list[Result]:
    for number in range(rounds):
        told = f"round {number + 1} of {rounds}"
        if number:
            left = (rounds - number) * sum(result.per_slice[0] * result.slices for result in results)
            told += f", some {left:.0f} s to go"
        # nobody is always the one after the slowest
        for place, result in enumerate(results if number % 2 == 0 else results[::-1], 1):
            line.now(f"{told}: {result.row.title} ({place} of {len(results)})")
            with or_notice(line, f"{result.row.title} is left out"):
                seconds = alive[result.row].ask("round", slices=result.slices)["seconds"]
                result.per_slice.append(seconds / result.slices)
        results = _some([result for result in results if len(result.per_slice) > number])
    return results


def _compare(plan: Plan, model: str, own: list[Result], alive: dict[Row, Asked]) -> None:
    """A network with plain float32 of the same network on the processor, and what that has to compute."""
    file = str(plan.place / "output.npy")
    row = Row(model, PLAIN, "float32")
    with ExitStack() as stack:
        truth = None if plan.on_gpu else alive.get(row)
        if truth is None:
            truth = stack.enter_context(_process(plan, row, "cpu"))
            seconds = truth.answer()["seconds"]
            truth.ask("round", slices=max(1, min(plan.slices, COMPARED, int(ROUND_SECONDS / seconds))))
        expected = _output(truth, file)
        for result in own:
            output = _output(alive[result.row], file)
            count = min(len(output), len(expected))
            difference = np.abs(output[:count] - expected[:count])
            rms = float(np.sqrt(np.mean(difference**2, dtype=np.float64)))
            result.difference_hu = float(difference.max()), rms, float(difference.mean())
        if plan.with_profile:
            operations = truth.ask("work")["operations"]
            for result in own:
                result.operations = operations


def _output(process: Asked, file: str) -> np.ndarray:
    process.ask("outputs", path=file, slices=COMPARED)
    return np.load(file, allow_pickle=False)


def _add_peaks(results: list[Result]) -> None:
    networks = [result for result in results if result.operations]
    if not networks:
        return
    precisions = list(dict.fromkeys(result.facts["precision"] for result in networks))
    spec = {"kind": "peaks", "device": networks[0].facts["device"], "precisions": precisions}
    with Asked(as_command("benchmark", "--one", json.dumps(spec)), "The peaks") as process:
        peaks = process.answer()
    for result in networks:
        result.peaks = peaks
