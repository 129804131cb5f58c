"""Tasks whose work is pretended, and Dask clusters as a user would start them, for the tests of the cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from LDCTDenoiseLib.batch.found import FoundSeries
from LDCTDenoiseLib.batch.memory import MEMORY
from LDCTDenoiseLib.batch.plan import Options, Task
from LDCTDenoiseLib.errors import Cancelled, InputError

HERE = Path(__file__).resolve().parent
LIBRARY = HERE.parents[1] / "LDCTDenoise"


@dataclass(frozen=True)
class Orders:
    """In place of the options: what the pretended work does. Numbers are those of tasks."""

    place: Path  # every piece of work leaves a file here: <number>-<process>-<begun|done|stopped>-<time>
    seconds: float = 0.0
    deadly: tuple[int, ...] = ()  # the worker's process dies of it, every time
    unlucky: tuple[int, ...] = ()  # dies the first time only
    broken: tuple[int, ...] = ()
    has: str = "PATH"  # the environment of a worker that has what these options need
    models: tuple[str, ...] = ()
    device: str = "auto"
    card = staticmethod(Options.card)

    def check(self) -> None:
        if self.has not in os.environ:
            raise InputError("For rddm-balanced, torch is missing.")


def tasks(count: int) -> list[Task]:
    return [Task(n, FoundSeries(f"key{n}", f"series-{n}", "file", ()), ()) for n in range(1, count + 1)]


def pretend(task: Task, orders: Orders, *, progress=None, notice=None, cancel=None) -> list[dict]:
    """As `work.do`: a row per task."""
    first = not list(orders.place.glob(f"{task.number}-*-begun-*"))
    leave(orders, task, "begun")
    if task.number in orders.deadly or (task.number in orders.unlucky and first):
        time.sleep(0.1)
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    if task.number in orders.broken:
        raise ZeroDivisionError("/data/Mustermann/1.dcm")
    end = time.monotonic() + orders.seconds
    while time.monotonic() < end:
        if cancel():
            leave(orders, task, "stopped")
            raise Cancelled
        progress(1, 2, "denoise")
        time.sleep(0.05)
    notice(f"series {task.number} is done")
    leave(orders, task, "done")
    threads = {name: os.environ.get(name, "") for name in ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")}
    return [{"number": task.number, "status": "done", "pid": os.getpid(), "memory": MEMORY.total, **threads}]


def leave(orders: Orders, task: Task, what: str) -> None:
    (orders.place / f"{task.number}-{os.getpid()}-{what}-{time.monotonic_ns()}").touch()


def traces(orders: Orders, what: str) -> list[int]:
    """The numbers of the tasks that left a trace, once for each time."""
    return sorted(int(path.name.split("-")[0]) for path in orders.place.glob(f"*-*-{what}-*"))


def until(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())


def environment(**more: str) -> dict[str, str]:
    paths = os.pathsep.join([str(LIBRARY), str(HERE)])
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **more}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Scheduler:
    """`dask scheduler` and `dask worker` of the shell."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.processes: list[subprocess.Popen] = []
        self.scheduler = self.start()

    def start(self) -> subprocess.Popen:
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--dashboard-address", "127.0.0.1:0"]
        self.scheduler = self._run("scheduler", *options, env=without_library())
        return self.scheduler

    def worker(self, *options: str, **env: str) -> subprocess.Popen:
        fixed = ["--host", "127.0.0.1", "--nworkers", "1", "--nthreads", "2", "--local-directory", str(self.folder)]
        return self._run("worker", self.address, *fixed, *options, env=environment(**env))

    def _run(self, *words: str, env: dict[str, str]) -> subprocess.Popen:
        silent = subprocess.DEVNULL
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words], stdin=silent, stdout=silent, stderr=silent, env=env, cwd=self.folder
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes[::-1]:
            with contextlib.suppress(OSError):
                process.kill()
            process.wait()


def without_library() -> dict[str, str]:
    """A scheduler is not asked to have LDCTDenoise."""
    return {**os.environ, "PYTHONPATH": ""}


@contextmanager
def a_scheduler(folder: Path) -> Iterator[Scheduler]:
    scheduler = Scheduler(folder)
    try:
        yield scheduler
    finally:
        scheduler.close()
