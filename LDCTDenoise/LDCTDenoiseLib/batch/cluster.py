"""A batch on a Dask cluster: worker processes of this machine, or a scheduler that the user runs."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import InputError
from ..version import package_version
from ..workplace import workplace
from .cluster_connection import Connection
from .cluster_local import lacking, local_cluster, mend, quiet
from .cluster_run import ClusterExecutor
from .cluster_task import Needs, courier, fitness, parcel
from .plan import Options

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def executor(
    workers: int | None,
    scheduler: str | None,
    *,
    options: Options,
    resources: dict[str, float] | None = None,
    notice: Callable[[str], None] | None = None,
    reads: Sequence[Path] = (),
    writes: Path | None = None,
    do: Callable[..., list] | None = None,
    patience: float = 1800.0,
) -> ClusterExecutor:
    """An executor for `run.run_batch`; its `stop` ends everything that begins here.

    workers    processes on this machine, if no scheduler is given
    scheduler  tcp://host:port, tls://host:port or a scheduler file (.json)
    resources  what a worker must offer to get a series, e.g. {"GPU": 1}
    reads      files and folders that all workers must see as they are here; `writes`: the folder for the outputs
    do         in place of `work.do`
    patience   s to wait for a scheduler that is lost on the way
    Raises InputError when Dask is not installed, nobody answers, or a worker is not fit for the batch.
    """
    if scheduler and workers:
        raise InputError("Give either --workers or --scheduler: the workers of a scheduler are started beside it.")
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise InputError(lacking("distributed")) from None
    if do is None:
        from .work import do
    notice = notice or (lambda text: None)
    with contextlib.ExitStack() as stack:
        if scheduler:
            stack.enter_context(quiet())
            place, marks = scheduler, _mark(writes, stack)
            keep = functools.partial(_touch, [mark for mark, _ in marks])
            needs = Needs(package_version(), (*_sights(reads), *marks), options)
        else:
            place = stack.enter_context(local_cluster(workers or 1))
            keep = functools.partial(mend, place, workers or 1)
            needs = Needs(package_version(), share=workers or 1)
        connection = Connection(place, patience=patience, notice=notice, mend=keep)
        stack.callback(connection.close)
        if scheduler:
            _examine(connection, needs, notice, resources or {})
            _warn_of_open_network(scheduler, notice)
        stop = stack.pop_all()
    return ClusterExecutor(connection, options, do, needs, resources=resources or {}, notice=notice, on_stop=stop.close)


def _touch(marks: Sequence[Path]) -> None:
    """Where file systems do not share locks, other machines tell a folder in use by its age (see `workplace.sweep`)."""
    for mark in marks:
        with contextlib.suppress(OSError):
            os.utime(mark)


def _sights(paths: Sequence[Path]) -> list[tuple[Path, int]]:
    return [(path.absolute(), -1 if path.is_dir() else path.stat().st_size) for path in paths]


def _mark(folder: Path | None, stack: contextlib.ExitStack) -> list[tuple[Path, int]]:
    """A folder with a name that is nowhere else: who sees it sees `folder`, and not another one of the same name."""
    if folder is None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    return [(stack.enter_context(workplace(folder.absolute())), -1)]


def _examine(connection: Connection, needs: Needs, notice: Callable[[str], None], resources: dict[str, float]) -> None:
    """InputError if a worker of today cannot do the work; those that come later are asked before their first series."""
    client = connection.client
    versions = client.get_versions()
    here = _python(versions["client"])
    for address, found in versions["workers"].items():
        if _python(found) != here:
            raise InputError(
                f"The worker {address} has Python {_python(found)}, not {here}; use the same version everywhere."
            )
    asked = _offering(client, resources)
    if not asked:
        kind = f" that offers {', '.join(f'{name}={count:g}' for name, count in resources.items())}"
        kind = kind if resources and versions["workers"] else ""
        notice(f"No worker{kind} has come to the scheduler yet; the series wait for one.")
        return
    answers = client.run(courier(), parcel(fitness, needs), workers=asked, on_error="return")
    for address, answer in answers.items():
        if isinstance(answer, Exception):
            raise InputError(f"The worker {address} does not answer ({type(answer).__name__}); restart it.")
        if answer["unfit"]:
            raise InputError(f"The worker {address} {answer['unfit']}")
    lazy = [answer for answer in answers.values() if 0 < answer["threads"] < answer["cores"] // 4]
    if lazy and not resources:
        notice(
            f"{len(lazy)} of {len(answers)} workers compute with few of their cores (Dask sets OMP_NUM_THREADS to 1): "
            "set that variable before you start them, unless they share a machine or have a GPU."
        )


def _offering(client, resources: dict[str, float]) -> list[str]:
    """Addresses of the workers that may get a series: on a mixed cluster not all have the device, nor need it."""
    offers = client.run(lambda dask_worker: dict(dask_worker.state.total_resources), on_error="return")
    return [
        address
        for address, offer in offers.items()
        if isinstance(offer, Exception) or all(offer.get(name, 0) >= count for name, count in resources.items())
    ]


def _python(facts: dict | None) -> str:
    """3.11 of 3.11.7: what decides whether two processes understand each other."""
    version = ((facts or {}).get("packages") or {}).get("python") or "?"
    return ".".join(version.split(".")[:2])


def _warn_of_open_network(scheduler: str, notice: Callable[[str], None]) -> None:
    host = scheduler.removeprefix("tcp://").rsplit(":", 1)[0]
    if scheduler.startswith("tcp://") and host not in _LOOPBACK:
        notice(
            "The scheduler's connections are not encrypted: on a network that others share, set up tls:// in Dask's "
            "configuration."
        )
