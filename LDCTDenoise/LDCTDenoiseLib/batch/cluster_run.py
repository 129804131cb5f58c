"""Tasks over a Dask cluster until each has an answer, whatever becomes of workers and scheduler."""

from __future__ import annotations

import contextlib
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import Cancelled, InputError
from .cluster_connection import Connection
from .cluster_task import TOPIC, Needs, Order, courier, parcel, work
from .plan import Options, Task
from .run import Defect

if TYPE_CHECKING:
    from .records import Row

_AT_ONCE = 256  # tasks that the scheduler knows of: enough for a hundred machines, and little memory
_LOOK = 0.2  # s between two looks at `cancel`
_CHECK = 1.0  # s between two looks at the connection
_LOOK_AFTER = 5.0  # s between two looks after the workers
_STOPPING = 10.0  # s for running series to stop
_TRIES = 5  # of a task that comes back for no fault of its own


@dataclass
class _Run:
    """A task on its way."""

    task: Task
    attempt: int = 0  # the number of its delivery among all
    future: object = None
    begun: bool = False  # in this attempt, by some worker
    alone: bool = False  # workers died of it, or it was among others: now it runs without company
    returned: int = 0  # without an answer
    pinned: frozenset[str] = frozenset()  # addresses of the only workers that may have it; empty: any


class ClusterExecutor:
    """See `run.Executor`. Give it a connection, and close it with `stop`."""

    def __init__(
        self,
        connection: Connection,
        options: Options,
        do: Callable[..., list[Row]],
        needs: Needs,
        *,
        resources: dict[str, float],
        notice: Callable[[str], None],
        on_stop: Callable[[], None] = lambda: None,
    ):
        self._connection = connection
        self._options = options
        self._do = do
        self._needs = needs
        self._resources = resources
        self._notice = notice
        self._on_stop = on_stop
        self._run = uuid.uuid4().hex[:12]
        self._news: queue.SimpleQueue = queue.SimpleQueue()  # futures that ended, and events, from Dask's threads
        self._waiting: deque[_Run] = deque()
        self._suspects: deque[_Run] = deque()  # one after the other, when nothing else is left
        self._at_work: dict[str, _Run] = {}  # by key
        self._running: dict[tuple[int, int], str] = {}  # (number, attempt) begun and not ended → address of the worker
        self._unfit: set[str] = set()  # addresses of workers that lack something
        self._told: set[str] = set()
        self._sent = 0
        self._checked = self._seen = time.monotonic()

    def submit_all(
        self,
        tasks: Sequence[Task],
        *,
        progress: Callable[[int, int, int, str], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> Iterator[tuple[Task, list[Row] | Exception]]:
        cancel = cancel or (lambda: False)
        self._waiting.extend(_Run(task) for task in tasks)
        self._listen()
        while self._waiting or self._suspects or self._at_work:
            if cancel():
                self._call_off()
                raise Cancelled
            if not self._connected():
                self._renew(cancel)
                continue
            self._hand_out()
            run, answer = self._next(progress)
            if run is None:
                continue
            if "lost" in answer:
                self._renew(cancel)
                continue
            del self._at_work[run.future.key]
            run.future.release()
            self._running.pop((run.task.number, run.attempt), None)
            for text in answer.get("notices", ()):
                self._notice(text)
            result = self._judge(run, answer)
            if result is None:
                self._put_back(run)
            else:
                yield run.task, result

    def stop(self) -> None:
        """Running series stop, the connection is closed, and a cluster of our own ends."""
        with contextlib.suppress(Exception):
            self._call_off()
        self._connection.close()
        on_stop, self._on_stop = self._on_stop, lambda: None
        on_stop()

    def _judge(self, run: _Run, answer: dict) -> list[Row] | Exception | None:
        """The result, or None if the task is to be handed out again."""
        if "rows" in answer:
            return answer["rows"]
        if "error" in answer:
            return Defect(answer["error"])
        run.returned += 1
        if "unfit" in answer:
            sentence = f"The worker {answer['worker']} {answer['unfit']}"
            self._tell_once(sentence)
            self._unfit.add(answer["worker"])
            return InputError(sentence) if run.returned >= _TRIES else None
        if "killed" in answer:
            if run.alone:
                return InputError(
                    "The worker processes that did this series ended again and again, perhaps for want of memory; "
                    "give each more memory (fewer workers), or denoise this series by itself."
                )
            # a task that had not begun only waited where others made the worker die
            run.alone = run.begun or run.returned >= _TRIES
            return None
        return RuntimeError("the task was stopped again and again") if run.returned >= 4 * _TRIES else None

    def _put_back(self, run: _Run) -> None:
        (self._suspects if run.alone else self._waiting).append(run)

    def _hand_out(self) -> None:
        while self._waiting and len(self._at_work) < _AT_ONCE and not self._is_one_alone():
            self._submit(self._waiting.popleft())
        if self._suspects and not self._at_work:
            self._submit(self._suspects.popleft())

    def _is_one_alone(self) -> bool:
        return any(run.alone for run in self._at_work.values())

    def _submit(self, run: _Run) -> None:
        self._sent += 1
        run.attempt, run.begun = self._sent, False
        order = Order(self._run, run.attempt, run.task, self._options, self._needs, self._do)
        # where no other is left, any: those that were unfit may have been mended
        run.pinned = frozenset(self._connection.workers().keys() - self._unfit if self._unfit else ())
        run.future = self._connection.client.submit(
            courier(),
            parcel(work, order),
            key=order.key,
            resources=self._resources or None,
            workers=sorted(run.pinned) or None,
            pure=False,
        )
        self._at_work[order.key] = run
        run.future.add_done_callback(self._news.put)

    def _next(self, progress: Callable[[int, int, int, str], None] | None) -> tuple[_Run | None, dict]:
        """The next task that ended and its answer; (None, {}) after some news or a short while."""
        try:
            news = self._news.get(timeout=_LOOK)
        except queue.Empty:
            return None, {}
        if isinstance(news, dict):
            self._hear(news, progress)
            return None, {}
        run = self._at_work.get(news.key)
        if run is None or run.future is not news:
            return None, {}  # of a connection that is no more
        answer = self._answer(news)
        return (None, {}) if answer is None else (run, answer)

    def _answer(self, future) -> dict | None:
        """What `work` gave, or {"killed": …}, {"error": …}, {"lost": …}; None if it is not to be had yet."""
        from distributed import KilledWorker
        from distributed import TimeoutError as NotYet

        try:
            return future.result(timeout=_CHECK)
        except NotYet:  # its worker died with the result, which is made again
            future.add_done_callback(self._news.put)
            return None
        except KilledWorker:
            return {"killed": True}
        except Exception as error:
            if future.cancelled() or not self._connected(now=True):
                return {"lost": True}
            return {"error": type(error).__name__}

    def _hear(self, event: dict, progress: Callable[[int, int, int, str], None] | None) -> None:
        if event.get("action") == "remove-worker":
            self._running = {one: worker for one, worker in self._running.items() if worker != event["worker"]}
            if not event.get("expected") and any(key in self._at_work for key in event.get("processing-tasks", ())):
                self._notice("A worker ended unexpectedly; its series are done again.")
            return
        if event.get("run") != self._run:
            return
        number, attempt = event["number"], event["attempt"]
        run = self._at_work.get(f"{TOPIC}-{self._run}-{number}-{attempt}")
        if event.get("ended"):
            self._running.pop((number, attempt), None)
        elif event.get("begun"):
            self._running[number, attempt] = event.get("worker", "")
            if run is not None:
                run.begun = True
        elif run is not None and progress is not None:
            progress(number, event["done"], event["total"], event["stage"])

    def _listen(self) -> None:
        for topic in (TOPIC, "all"):
            self._connection.client.subscribe_topic(topic, lambda event: self._news.put(event[1]))

    def _connected(self, now: bool = False) -> bool:
        """Looks once a second; now and then also after the workers."""
        if not now and time.monotonic() - self._checked < _CHECK:
            return True
        self._checked = time.monotonic()
        if not self._connection.is_alive():
            return False
        if self._checked - self._seen > _LOOK_AFTER:
            self._seen = self._checked
            self._connection.mend()
            workers = self._connection.workers().keys()
            if not (self._running or workers):
                self._tell_once("There is no worker at the moment; the series wait for one.")
            self._give_to_others(workers - self._unfit)
        return True

    def _give_to_others(self, fit: Collection[str]) -> None:
        """What waits for certain workers is handed out anew when others have come: those may be gone for ever.

        Dask's `allow_other_workers` would let it go to unfit ones too, and to those without the resources it needs.
        """
        for key, run in list(self._at_work.items()):
            if run.pinned and not run.pinned.issuperset(fit) and (run.task.number, run.attempt) not in self._running:
                del self._at_work[key]
                self._connection.client.cancel([run.future], force=True)
                self._put_back(run)

    def _renew(self, cancel: Callable[[], bool]) -> None:
        """After the scheduler was lost, or somebody restarted the cluster: everything without an answer once more."""
        for run in self._at_work.values():
            self._put_back(run)
        self._at_work.clear()
        self._running.clear()
        self._connection.renew(cancel)
        self._listen()

    def _call_off(self) -> None:
        """The workers see that nobody waits for their results; those that have begun say when they have stopped."""
        futures = [run.future for run in self._at_work.values()]
        for queue_of_runs in (self._waiting, self._suspects, self._at_work):
            queue_of_runs.clear()
        if not futures or not self._connection.is_alive():
            return
        self._connection.client.cancel(futures, force=True)
        end = time.monotonic() + _STOPPING
        while self._running and time.monotonic() < end and self._connection.is_alive():
            self._next(None)

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._notice(text)
