"""Worker processes of this machine: a Dask cluster that nobody else can reach, and that leaves nothing behind."""

from __future__ import annotations

import contextlib
import gc
import logging
import multiprocessing.resource_tracker
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from ..workplace import workplace

_INSTALL = 'pip install "ldct-denoise[cluster]", or use --workers 1.'
_SAFE = (2025, 1)  # version of distributed: earlier ones open a port for everybody
THREADS = 2  # of a worker: one series is read or written while another is computed
_DEATHS = 2  # of workers, that a task survives: the third one makes it a suspect
_PATIENCE = 120.0  # s for the first worker to start
_PAUSE = 0.2  # s
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


@contextmanager
def local_cluster(workers: int) -> Iterator[object]:
    """A LocalCluster with `workers` processes of two threads. They end with this process, however it ends.

    All sockets are of 127.0.0.1 and talk TLS with keys that only these processes have: without keys everybody with an
    account on the machine could send them code. Files of Dask's own lie in a private folder.
    """
    import dask
    from distributed import LocalCluster, Security, __version__

    if tuple(map(int, __version__.split(".")[:2])) < _SAFE:
        raise InputError(f"Worker processes need distributed {_SAFE[0]}.{_SAFE[1]} or later; {_INSTALL}")
    try:
        security = Security.temporary()
    except ImportError:
        raise InputError(lacking("cryptography")) from None
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(workplace())
        settings = _settings(folder, workers)
        stack.enter_context(_environment((*settings["distributed.nanny.pre-spawn-environ"], "PYTHONHASHSEED")))
        stack.enter_context(dask.config.set(settings))
        stack.enter_context(quiet())
        with _deaf_to_interrupts():
            cluster = LocalCluster(
                n_workers=0,  # they come one by one: one that dies at its start must not stop the others
                threads_per_worker=THREADS,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                security=security,
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
        stack.callback(_close, cluster)
        _start_one(cluster, workers)
        yield cluster


def mend(cluster, workers: int) -> None:
    """Starts workers that are wanting: Dask brings back one that has died, but not one that died at its start."""

    def replace() -> None:
        for name, nanny in list(cluster.workers.items()):
            if nanny.status.name in ("closed", "failed"):
                del cluster.workers[name]
        cluster.scale(workers)

    if cluster.status.name == "running" and len(cluster.scheduler.workers) < workers:
        cluster.loop.add_callback(replace)


def _start_one(cluster, workers: int) -> None:
    """Returns when the first worker is there."""
    end = time.monotonic() + _PATIENCE
    while not cluster.scheduler.workers:
        if time.monotonic() > end:
            raise InputError(f"No worker process could be started within {_PATIENCE:.0f} s; try --workers 1.")
        mend(cluster, workers)
        time.sleep(_PAUSE)


def lacking(package: str) -> str:
    return f"Worker processes need {package}; {_INSTALL}"


@contextmanager
def quiet() -> Iterator[None]:
    """Without what Dask logs to standard error: what a user needs to know is told in our own words."""
    import distributed  # noqa: F401  makes the handlers

    loggers = [logging.getLogger(name) for name in ("distributed", "tornado", "asyncio")]
    silenced = [holder for logger in loggers for holder in (logger, *logger.handlers)]
    for holder in silenced:
        holder.addFilter(_nothing)
    try:
        yield
    finally:
        gc.collect()  # asyncio tells of what was given up when it is collected
        for holder in silenced:
            holder.removeFilter(_nothing)


def _nothing(record: logging.LogRecord) -> bool:
    return False


def cores() -> int:
    """That this process may use; in a container, its share."""
    from dask.system import CPU_COUNT

    return CPU_COUNT


def _settings(folder: Path, workers: int) -> dict[str, object]:
    """Of Dask. Each worker computes one series at a time, with its share of the cores; what the user has set stays."""
    share = max(1, cores() // workers)
    return {
        "temporary-directory": str(folder),
        "distributed.nanny.pre-spawn-environ": {
            **dict.fromkeys(_THREAD_VARIABLES, share),
            "DASK_LOGGING__DISTRIBUTED": "critical",
        },
        "distributed.scheduler.allowed-failures": _DEATHS,
        "distributed.scheduler.http.routes": [],  # no page and no figures for a browser
        "distributed.worker.http.routes": [],
        "distributed.worker.multiprocessing-method": "spawn",
        "distributed.worker.preload": [f"{__package__}.cluster_preload"],
        "distributed.worker.profile.enabled": False,
        "distributed.scheduler.active-memory-manager.start": False,
        "distributed.diagnostics.nvml": False,
    }


@contextmanager
def _environment(names: tuple[str, ...]) -> Iterator[None]:
    """Dask sets variables in this process, for its children: afterwards they are as before."""
    former = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ctrl-C goes to all processes of a terminal: threads that begin here, and their processes, never hear it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield  # Windows: cluster_preload does what can be done
        return
    multiprocessing.resource_tracker.ensure_running()  # which would make the first thread hear again
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _close(cluster) -> None:
    with contextlib.suppress(Exception):  # a worker that does not end is killed; one that has ended is no matter
        cluster.close(timeout=10)
