"""What a worker of a Dask cluster does for one series, and what it tells meanwhile."""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import Cancelled, InputError
from ..inference.own_process import set_up
from ..version import package_version
from .memory import MEMORY
from .plan import Options, Task

TOPIC = "ldct-denoise"  # of the events: one for all batches, since a scheduler keeps the latest of each topic for ever
_BETWEEN_EVENTS = 0.5  # s, of one series


@dataclass(frozen=True)
class Needs:
    """What a worker must have in common with whoever gives the work.

    version  of LDCTDenoise
    sees     files with their size in bytes, and folders with −1, that must be there under the same path
    options  whose models, packages and device must be there; None if that is known
    """

    version: str
    sees: tuple[tuple[Path, int], ...] = ()
    options: Options | None = None
    share: int = 1  # this many workers have the memory of a machine together, if Dask gives each no limit


@dataclass(frozen=True)
class Order:
    """One delivery of a task: `run` tells batches on the same scheduler apart, `attempt` counts its deliveries."""

    run: str
    attempt: int
    task: Task
    options: Options
    needs: Needs
    do: Callable[..., list]  # work.do

    @property
    def key(self) -> str:
        """Of the Dask task, which Dask may hand to several workers, one after the other."""
        return f"{TOPIC}-{self.run}-{self.task.number}-{self.attempt}"


def courier() -> Callable[[bytes], object]:
    """A function for a parcel: (function, arguments), pickled.

    It is made here, so that cloudpickle sends it by value: then the scheduler, which looks into what it passes on,
    need not have LDCTDenoise, and a worker without it can say so.
    """

    def carry(parcel: bytes) -> object:
        import pickle

        from distributed import get_worker

        try:
            function, arguments = pickle.loads(parcel)
        except Exception as error:
            name = "LDCTDenoise" if isinstance(error, ImportError) else "the same version of LDCTDenoise"
            try:
                here = get_worker().address
            except ValueError:  # within Client.run, which knows it anyway
                here = ""
            return {"unfit": f"has not got {name}; install it there.", "worker": here}
        return function(*arguments)

    return carry


def parcel(function: Callable, *arguments: object) -> bytes:
    return pickle.dumps((function, arguments))


def lacks(needs: Needs) -> str:
    """What makes a worker unfit: the end of a sentence that begins with its address; "" on a fit one."""
    here = package_version()
    if here != needs.version:
        return f"has LDCTDenoise {here}, not {needs.version}; install the same version there."
    for path, size in needs.sees:
        try:
            found = -1 if path.is_dir() else path.stat().st_size
        except OSError:
            found = None
        if found != size:
            place = path if size == -1 else path.parent
            return f"does not see {place} as it is here; mount the same folders there under the same path."
    try:
        _check(needs.options)
    except InputError as error:
        return f"cannot do it: {error}"
    return ""


def fitness(needs: Needs) -> dict:
    """{"unfit": see `lacks`, "threads": that torch will use, 0 for all, "cores": that the worker may use}."""
    from dask.system import CPU_COUNT

    threads = os.environ.get("OMP_NUM_THREADS", "")
    return {"unfit": lacks(needs), "threads": int(threads) if threads.isdigit() else 0, "cores": CPU_COUNT}


def check_device(options: Options) -> None:
    """InputError if this machine lacks the device and a method would use one."""
    from ..inference.devices import devices_to_try

    has_network = any(options.card(model).family != "classical" for model in options.models)
    if has_network and options.device != "auto":
        devices_to_try(options.device)


@functools.cache
def _check(options: Options | None) -> None:
    """Once a process and batch. Raises InputError."""
    set_up()  # before torch is imported; OMP_NUM_THREADS, which Dask may have set, stays
    if options is not None:
        options.check()
        check_device(options)


def memory_of(worker, share: int) -> int:
    """Bytes that a worker may use: its limit, else its part of what the machine, container or job has."""
    from distributed.system import MEMORY_LIMIT

    return worker.memory_manager.memory_limit or MEMORY_LIMIT // share


def work(order: Order) -> dict:
    """Runs in a thread of a worker. Gives one of

    {"rows": rows of the log, "notices": sentences}, {"unfit": …, "worker": address}, {"cancelled": True} or
    {"error": the name of the exception's type}. It raises nothing: Dask would log the arguments of a call that failed,
    with their paths.
    """
    from distributed import get_worker

    worker = get_worker()
    told = _Told(worker, order)
    told.tell(begun=True)
    notices: list[str] = []
    try:
        if lack := lacks(order.needs):
            return {"unfit": lack, "worker": worker.address}
        MEMORY.total = memory_of(worker, order.needs.share)
        stopped = _no_longer_wanted(worker, order.key)
        rows = order.do(order.task, order.options, progress=told.progress, notice=notices.append, cancel=stopped)
        return {"rows": rows, "notices": notices}
    except Cancelled:
        return {"cancelled": True}
    except Exception as error:
        return {"error": type(error).__name__}  # its text may hold a path
    finally:
        told.tell(ended=True)


class _Told:
    """Events to whoever follows the batch. They hold numbers only: everybody on the scheduler can read them."""

    def __init__(self, worker, order: Order):
        self._worker = worker
        self._order = order
        self._lock = threading.Lock()
        self._next = 0.0

    def tell(self, **facts: object) -> None:
        order = self._order
        with contextlib.suppress(RuntimeError):  # the worker's loop is closed: nobody listens any more
            self._worker.log_event(
                TOPIC, {"run": order.run, "number": order.task.number, "attempt": order.attempt, **facts}
            )

    def progress(self, done: int, total: int, stage: str) -> None:
        with self._lock:
            if (now := time.monotonic()) < self._next:
                return
            self._next = now + _BETWEEN_EVENTS
        self.tell(done=done, total=total, stage=stage)


def _no_longer_wanted(worker, key: str) -> Callable[[], bool]:
    """Whether nobody waits for the result of `key`: asks the worker itself, so it costs nothing.

    True when the batch was cancelled, when its process has died (the scheduler then lets go of its tasks), when the
    task was given to another worker, and when the worker has lost the scheduler or is being closed.
    """

    def stopped() -> bool:
        if worker.status.name not in ("running", "paused", "closing_gracefully"):
            return True
        state = worker.state.tasks.get(key)
        return state is None or state.state == "cancelled"

    return stopped
