"""Headers of many files by several processes.

Helpers are new Python processes that get paths through a pipe. They never import the caller's own program, so that it
needs no `__main__` guard and may be an application that embeds Python. They end with the pipe, even when the caller is
killed. This process works beside them, and does itself what a helper that does not start, or dies, leaves undone.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from .look import Seen, look, share

_CHUNK = 128  # files
_WORTH = 1000  # files for each further process: to start it takes as long as that many headers
_MOST = 8
_PATIENCE = 5.0  # seconds without a word from a helper
_START = "import json, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline()); from {} import serve; serve()"


def look_at(
    paths: Sequence[Path],
    processes: int | None,
    *,
    progress: Callable[[int, int, str], None],
    check: Callable[[], None],
) -> list[Seen]:
    """What each of `paths` is, in their order. `processes` counts this one too; None takes what pays."""
    work = _Work(paths)
    helpers = [_Helper(work) for _ in range(_useful(len(paths), processes) - 1)]
    try:
        for helper in helpers:
            helper.start()
        heard, last = time.monotonic(), 0
        while not work.is_done:
            check()
            for index in work.take() or ():
                check()
                work.put(range(index, index + 1), [look(paths[index])])
                progress(work.done, len(paths), "scan")
            work.wait(0.1)
            progress(work.done, len(paths), "scan")
            if work.done > last:
                heard, last = time.monotonic(), work.done
            elif time.monotonic() - heard > _PATIENCE:
                work.take_over()
    finally:
        for helper in helpers:
            helper.end()
    return work.results


class _Work:
    """The files, dealt out in chunks of numbers."""

    def __init__(self, paths: Sequence[Path]):
        self.paths = paths
        self.results: list[Seen | None] = [None] * len(paths)
        self.done = 0
        self._chunks = deque(range(n, min(n + _CHUNK, len(paths))) for n in range(0, len(paths), _CHUNK))
        self._lent: list[range] = []  # to helpers
        self._known: dict[object, object] = {}
        self._changed = threading.Condition()

    @property
    def is_done(self) -> bool:
        return self.done == len(self.paths)

    def take(self) -> range | None:
        """For this process itself; None when nothing is left."""
        with self._changed:
            return self._chunks.popleft() if self._chunks else None

    def lend(self) -> range | None:
        """For a helper."""
        if chunk := self.take():
            self._lent.append(chunk)
        return chunk

    def put(self, chunk: range, seen: list[Seen]) -> None:
        with self._changed:
            for index, one in zip(chunk, seen, strict=True):
                self.done += self.results[index] is None
                self.results[index] = share(one, self._known)
            if chunk in self._lent:
                self._lent.remove(chunk)
            self._changed.notify()

    def put_back(self, chunk: range) -> None:
        with self._changed:
            if chunk in self._lent:
                self._lent.remove(chunk)
                self._chunks.appendleft(chunk)
            self._changed.notify()

    def wait(self, seconds: float) -> None:
        """Waits until a helper has done something, so long at most."""
        with self._changed:
            if not self.is_done and not self._chunks:
                self._changed.wait(seconds)

    def take_over(self) -> None:
        """What helpers have had for too long is done by this process; whoever is first will do."""
        for chunk in list(self._lent):
            self.put_back(chunk)


class _Helper(threading.Thread):
    """One process, and the thread that talks with it."""

    def __init__(self, work: _Work):
        super().__init__(daemon=True)
        self._work = work
        self._process: subprocess.Popen | None = None
        self._ended = False
        self._lock = threading.Lock()

    def run(self) -> None:
        chunk = None
        try:
            with self._lock:
                if self._ended:
                    return
                self._process = _start()
            answers = self._process.stdout
            self._send(json.dumps(sys.path).encode() + b"\n")
            pickle.load(answers)  # it is ready
            while chunk := self._work.lend():
                self._send(pickle.dumps([str(self._work.paths[index]) for index in chunk]))
                seen = pickle.load(answers)
                if len(seen) != len(chunk):
                    raise EOFError
                self._work.put(chunk, seen)
        except Exception:  # whatever it is, this process does the work itself
            if chunk:
                self._work.put_back(chunk)

    def _send(self, message: bytes) -> None:
        self._process.stdin.write(message)
        self._process.stdin.flush()

    def end(self) -> None:
        with self._lock:
            self._ended = True
        if self._process is not None:
            self._process.kill()  # it only reads
            self._process.wait()
            self.join()
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):  # what was not sent is not missed
                    pipe.close()


def _useful(files: int, processes: int | None) -> int:
    """How many processes pay, at most those asked for; 1 where this program cannot start Python."""
    if not _is_python(sys.executable) or getattr(sys, "frozen", False):
        return 1
    if processes is None:
        usable = getattr(os, "sched_getaffinity", None)
        processes = min(_MOST, len(usable(0)) if usable else os.cpu_count() or 1)
    return max(1, min(processes, 1 + files // _WORTH))


def _is_python(program: str | None) -> bool:
    """An application that embeds Python may name itself here: started again, it would open another window."""
    return bool(program) and Path(program).stem.lower().startswith(("python", "pypy"))


def _start() -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", _START.format(__name__)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def serve() -> None:
    """In a helper: lists of paths come in, lists of Seen go out, until the pipe ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    with contextlib.suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        pickle.dump("ready", answers)
        answers.flush()
        while True:
            names = pickle.load(sys.stdin.buffer)
            pickle.dump([look(Path(name)) for name in names], answers)
            answers.flush()
