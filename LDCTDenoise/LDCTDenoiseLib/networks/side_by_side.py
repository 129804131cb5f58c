"""Pieces of work on a processor side by side, each in a thread of its own.

torch splits every single operation among its threads, which wait for one another after each. Where many operations
follow each other on independent pieces it is quicker to give each thread its pieces, and much so beside other programs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

_making = threading.Lock()


def side_by_side(work: Sequence[Callable[[], None]]) -> None:
    """Do all of it, in as many threads as torch computes with; an error of any piece is raised.

    Gradients are not kept. Inside a piece torch computes with one thread.
    """
    inferring = torch.is_inference_mode_enabled()

    def alone(piece: Callable[[], None]) -> None:
        with torch.inference_mode() if inferring else torch.no_grad():  # what holds in one thread does not in another
            piece()

    threads = min(len(work), torch.get_num_threads())
    if threads == 1:
        for piece in work:
            alone(piece)
        return
    with _making:
        pool = _pool(threads)
    for done in [pool.submit(alone, piece) for piece in work]:
        done.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads whose own operations are not split further."""
    ours = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "ldct-side-by-side")
    together = threading.Barrier(threads)  # so that every thread has started
    try:
        for started in [pool.submit(_start, together) for _ in range(threads)]:
            started.result()
    except BaseException:
        together.abort()  # or those that have started would wait for ever, and the end of the process for them
        pool.shutdown(wait=False)
        raise
    finally:
        torch.set_num_threads(ours)  # torch takes the number that was set last for threads that start later
    return pool


def _start(together: threading.Barrier) -> None:
    try:
        torch.set_num_threads(1)
        torch.get_num_threads()  # a thread makes its number its own when it first asks, and then it is still ours
    except BaseException:
        together.abort()
        raise
    together.wait()


if hasattr(os, "register_at_fork"):  # a process that is split off has none of the threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
