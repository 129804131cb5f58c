"""The warm worker: one process for the application, in which the library works, and the queue before it."""

from __future__ import annotations

import os
import shutil
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

import qt
from slicer.i18n import tr as _

from .signal import Signal
from .worker_process import MISSING, WorkerProcess

MODULE_FOLDER = Path(__file__).resolve().parent.parent  # where LDCTDenoiseLib lies

_shared: Worker | None = None


def sharedWorker() -> Worker:
    """The one worker of this application. Its process starts with the first request and keeps its model warm."""
    global _shared
    if _shared is None:
        _shared = Worker()
    return _shared


class Request:
    """One thing asked of the worker. Exactly one of answered, failed and cancelled is emitted, once."""

    def __init__(self, content: dict):
        self.content = content
        self.progressed = Signal()  # (event: dict with done, total, stage, eta_s)
        self.noticed = Signal()  # (text)
        self.started = Signal()  # () its turn has come
        self.answered = Signal()  # (event: dict)
        self.failed = Signal()  # (sentence)
        self.cancelled = Signal()  # ()
        self.state = "waiting"  # then "running", and "done" when it has ended in any way


class Worker:
    """Requests are answered one after another, in the order in which they came.

    The process is started when it is needed, and again after a crash or a cancellation: cancelling a request that
    runs means to end the process with all that it started. A crash while nobody waits is nobody's concern.
    """

    def __init__(
        self,
        program: str | None = None,
        arguments: tuple[str, ...] = ("-m", "LDCTDenoiseLib.worker"),
        grace: float = 0.4,
    ):
        """program  Python, Slicer's own unless given;  grace  seconds that a cancelled process has to end by itself."""
        self._program, self._arguments, self._grace = program, list(arguments), grace
        self._process: WorkerProcess | None = None
        self._isReady = False  # it said so
        self._running: Request | None = None
        self._waiting: deque[Request] = deque()
        self._isEnding = False  # we ended the process ourselves and wait until it is gone
        self._toWarm: dict | None = None  # what to load when there is nothing else to do
        self._warmed: dict | None = None  # what was last asked to be loaded: not again
        self._warming: int | None = None  # the number under which it was asked
        self.isWarm = False  # it said so
        self._number = 0

    @property
    def isBusy(self) -> bool:
        return self._running is not None or bool(self._waiting)

    @property
    def isStarted(self) -> bool:
        return self._process is not None

    def submit(self, content: dict) -> Request:
        """Ask for something; `content` is a request of the protocol without its id. Its signals come later."""
        self._number += 1
        request = Request({"id": self._number, **content})
        self._waiting.append(request)
        qt.QTimer.singleShot(0, self._next)  # later: whoever asked must first connect to the signals
        return request

    def warm(self, content: dict) -> None:
        """Load ahead what a request will probably need; `content` as for "warm" of the protocol. Starts the process.

        Nobody hears how it went. It waits behind all requests and gives way to any that comes; the same is done once.
        """
        if content != self._warmed:
            self._warmed = self._toWarm = content
            qt.QTimer.singleShot(0, self._next)

    def cancel(self, request: Request) -> None:
        """Forget a request that waits; end the process under one that runs. `cancelled` follows, perhaps at once."""
        if request.state == "waiting":
            self._waiting.remove(request)
            request.state = "done"
            request.cancelled.emit()
        elif request is self._running:
            self._endProcess()

    def shutdown(self) -> None:
        """End the process; all requests are cancelled. The next request starts it again."""
        for request in list(self._waiting):
            self.cancel(request)
        self._endProcess()

    def _endProcess(self) -> None:
        if self._process is not None:
            self._isEnding = True
            self._process.end()

    def _next(self) -> None:
        """Start the process, or send the next request, or do nothing: whatever can be done now."""
        if self._running is not None or self._isEnding or not (self._waiting or self._toWarm):
            return
        if self._process is None:
            self._start()
        elif self._isReady and self._waiting:
            self._running = self._waiting.popleft()
            self._running.state = "running"
            self._followModel(self._running.content)
            self._process.write(self._running.content)  # what is being warmed then makes room by itself
            self._running.started.emit()
        elif self._isReady:
            self._number += 1
            self._process.write({"id": self._number, "do": "warm", **self._toWarm})
            self._toWarm, self._warming, self.isWarm = None, self._number, False

    def _followModel(self, content: dict) -> None:
        """A run loads its model itself: what was warmed is then the former one, and what is to be would be too late."""
        if content["do"] == "denoise":
            self._toWarm = None
            if self._warmed is not None and self._warmed["model"] != content["model"]:
                self._warmed = None

    def _start(self) -> None:
        self._isReady = False
        self._process = process = WorkerProcess(self._heard, lambda *how: self._ended(process, *how), self._grace)
        process.start(self._program or slicerPython(), self._arguments, environmentOfLibrary())

    def _heard(self, event: dict) -> None:
        kind, request = event.get("event"), self._running
        if self._isEnding:
            return
        if kind == "ready":
            self._isReady = True
            self._next()
        elif self._warming is not None and event.get("id") == self._warming:
            self._heardOfWarming(event)
        elif request is None or event.get("id", request.content["id"]) != request.content["id"]:
            return  # an answer to a request that is no longer ours
        elif kind == "progress":
            request.progressed.emit(event)
        elif kind == "notice":
            request.noticed.emit(str(event.get("text", "")))
        elif kind == "result":
            self._close(request, lambda: request.answered.emit(event))
        elif kind == "error":
            self._close(request, lambda: request.failed.emit(str(event.get("text", ""))))

    def _heardOfWarming(self, event: dict) -> None:
        self.isWarm = bool(event.get("warm"))
        if event.get("event") == "result" and not self.isWarm:  # another request came: once more, when that is done
            self._warmed = None

    def _close(self, request: Request, tell: Callable[[], None]) -> None:
        """A request has ended: tell it, then go on with the next."""
        request.state, self._running = "done", None
        tell()
        self._next()

    def _ended(self, process: WorkerProcess, code: int | None, log: str) -> None:
        wasReady, wasEnding, request = self._isReady, self._isEnding, self._running
        self._process, self._isReady, self._isEnding = None, False, False
        self._toWarm, self._warming, self.isWarm = None, None, False
        if wasEnding:  # a process that died by itself is not started again for the same
            self._warmed = None
        if process.isQuitting:
            self._quit()
        elif wasEnding:
            self._close(request, request.cancelled.emit) if request else self._next()
        elif request or (self._waiting and not wasReady):
            request = request or self._waiting.popleft()  # a process that does not start fails one, and is tried again
            sentence = whatHappened(code, wasReady, log)
            self._close(request, lambda: request.failed.emit(sentence))
        else:  # it died while nobody asked anything of it
            self._next()

    def _quit(self) -> None:
        """Nobody will be served any more, and nothing is started again."""
        for request in filter(None, [self._running, *self._waiting]):
            request.state = "done"
            request.cancelled.emit()
        self._running = None
        self._waiting.clear()


def slicerPython() -> str:
    """Slicer's own Python, which PythonSlicer starts with all that it needs."""
    return shutil.which("PythonSlicer") or sys.executable


def environmentOfLibrary() -> dict[str, str]:
    """What that Python needs to find the library."""
    paths = [str(MODULE_FOLDER), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUTF8": "1"}


def whatHappened(code: int | None, wasReady: bool, log: str) -> str:
    """One or two sentences about an end that nobody asked for, and the last lines of the log."""
    if code is MISSING:
        return _("Slicer's Python could not be started, so nothing was computed: install Slicer again.")
    if not wasReady:
        text = _("The worker could not be started (exit code {code}): restart Slicer, or install the extension again.")
    elif code in (-9, 9, 137):  # 9 and 137: as a launcher or a shell passes it on
        text = _(
            "The worker ended unexpectedly (exit code {code}), often because memory ran out: "
            "close other programs, or choose a smaller volume or a simpler method."
        )
    else:
        text = _("The worker ended unexpectedly (exit code {code}): try again, or choose another method or device.")
    text = text.format(code=code)
    last = [line for line in log.splitlines() if line.strip()][-3:]
    if last:
        text += " " + _("The last lines of its log: {lines}").format(lines=" / ".join(last))
    return text
