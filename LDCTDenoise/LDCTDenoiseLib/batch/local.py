"""The tasks of a batch by threads of this process: one series is computed while others are read and written."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from ..errors import Cancelled
from . import work
from .plan import Options, Task
from .records import Row
from .warm import WARM

THREADS = 2  # a third would only wait for its turn to compute, with a whole series in memory
_PATIENCE = 0.2  # s between two questions whether to stop
_FAREWELL = 0.5  # s for running work to notice that it was stopped
_TIDYING = 10.0  # s for it to remove what it has begun


class Threads:
    """An executor; see `run.Executor`."""

    def __init__(self, options: Options, *, threads: int = THREADS, notice: Callable[[str], None] | None = None):
        self._options, self._notice = options, notice
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="ldct-batch")
        self._futures: list[Future] = []

    def submit_all(
        self,
        tasks: Sequence[Task],
        *,
        progress: Callable[[int, int, int, str], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Iterator[tuple[Task, list[Row] | Exception]]:
        ended: queue.SimpleQueue[tuple[Task, list[Row] | BaseException]] = queue.SimpleQueue()
        heard: queue.SimpleQueue[str] = queue.SimpleQueue()

        def one(task: Task) -> None:
            told = progress and (lambda done, total, stage: progress(task.number, done, total, stage))
            try:
                rows = work.do(task, self._options, progress=told, notice=heard.put, cancel=self._stop.is_set)
                ended.put((task, rows))
            except BaseException as error:
                ended.put((task, error))

        self._futures = [self._pool.submit(one, task) for task in tasks]
        waiting = len(tasks)
        while waiting:
            if cancel and cancel():
                raise Cancelled
            while self._notice and not heard.empty():
                self._notice(heard.get())
            try:
                task, rows = ended.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
            waiting -= 1
            if isinstance(rows, Cancelled) or not isinstance(rows, list | Exception):
                raise rows
            yield task, rows

    def stop(self) -> None:
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        running = [future for future in self._futures if not future.cancelled()]
        if wait(running, _FAREWELL).not_done:
            WARM.interrupt()
            wait(running, _TIDYING)
