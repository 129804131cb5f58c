"""All tasks of a batch through an executor, a line in the log for every series and method."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..errors import InputError
from .log import Log
from .plan import Options, Task
from .records import Row, failed_rows


class Executor(Protocol):
    """Who does the tasks: threads of this process (`local`) or a cluster (`cluster`)."""

    def submit_all(
        self,
        tasks: Sequence[Task],
        *,
        progress: Callable[[int, int, int, str], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Iterator[tuple[Task, list[Row] | Exception]]:
        """Does all tasks with `work.do`; gives each with its rows as it ends, in any order.

        progress  called from any thread as progress(task number, done, total, stage), as `work.do` tells it
        cancel    asked about five times a second in the thread that iterates; true: the running work is stopped,
                  and Cancelled raised
        An exception instead of rows: the task came to nothing, e.g. because its worker died again and again.
        """
        ...

    def stop(self) -> None:
        """Stops what runs, forgets what waits, tidies up; from any thread, and more than once."""
        ...


class Defect(RuntimeError):
    """What a worker died of, told by the name of the exception's type: its text may hold a path."""


@dataclass(frozen=True)
class Summary:
    """rows: of every series and method of this run, with the status `already` for what was done before."""

    rows: tuple[Row, ...] = ()

    def count(self, status: str) -> int:
        return sum(row["status"] == status for row in self.rows)


def run_batch(
    tasks: Sequence[Task],
    options: Options,
    output_tree: Path,
    executor: Executor,
    *,
    already: Sequence[Row] = (),
    left: Sequence[Row] = (),
    progress: Callable[[int, int, str], None] | None = None,
    row: Callable[[Row], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Summary:
    """Does the tasks and keeps the log OUTPUT_TREE/batch.csv.

    already   rows of what is known to be done and needs no executor; the log is completed from them
    left      lines of the log for what was found and is left out
    progress  called as progress(done, total, "denoise"), in slices of all series, methods and draws
    row       hears of every series and method, first of those in `already`, then of each as it ends
    Raises Cancelled when cancel() was true, InputError when the log cannot be written; what is done stays done.
    """
    rows = {_pair(one): one for one in already}
    todo = [part for task in tasks if (part := _without(task, rows)).outputs]
    numbers = {(task.series.key, model): task.number for task in tasks for model, _ in task.outputs}
    shares = _Shares(todo, options, progress)

    def ask() -> bool:
        shares.show()
        return cancel is not None and cancel()

    try:
        with Log(output_tree, numbers, left) as log:
            for one in already:
                log.complete(one)
                if row:
                    row(one)
            for task, answer in executor.submit_all(todo, progress=shares.hear, cancel=ask):
                shares.end(task)
                for one in failed_rows(task, options, _sentence(answer)) if isinstance(answer, Exception) else answer:
                    if _pair(one) in rows:  # delivered twice
                        continue
                    rows[_pair(one)] = one
                    log.complete(one)
                    if row:
                        row(one)
            shares.show()
    finally:
        executor.stop()
    return Summary(tuple(sorted(rows.values(), key=lambda one: one["number"])))


class _Shares:
    """How much of every task is done. Threads report here; the caller hears of it in its own thread only."""

    def __init__(self, tasks: Sequence[Task], options: Options, progress: Callable[[int, int, str], None] | None):
        self._whole = {task.number: max(1, task.series.slices) * len(task.outputs) * options.draws for task in tasks}
        self._done = dict.fromkeys(self._whole, 0)
        self._lock, self._progress, self._shown = threading.Lock(), progress, -1

    def hear(self, number: int, done: int, total: int, stage: str) -> None:
        if stage == "denoise" and total:
            with self._lock:  # never back: a task may begin anew on another machine
                self._done[number] = max(self._done[number], self._whole[number] * done // total)

    def end(self, task: Task) -> None:
        self.hear(task.number, 1, 1, "denoise")

    def show(self) -> None:
        with self._lock:
            done = sum(self._done.values())
        if self._progress and done > self._shown:
            self._shown = done
            self._progress(done, sum(self._whole.values()), "denoise")


def _without(task: Task, rows: dict[tuple, Row]) -> Task:
    """The task without the methods that have a row."""
    return replace(task, outputs=tuple(one for one in task.outputs if (task.series.key, one[0]) not in rows))


def _pair(row: Row) -> tuple:
    return row["key"], row["model"]


def _sentence(error: Exception) -> str:
    if isinstance(error, InputError):
        return str(error)
    name = str(error) if isinstance(error, Defect) else type(error).__name__
    return f"This is a defect of the program, please report it ({name})."
