"""A job: some work that the user started, that can be cancelled, and that ends in exactly one way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .signal import Signal
from .ticks import sentenceOf
from .user_error import UserError
from .watch import SCENE_CLOSED, Watch
from .worker import Worker


class Job:
    """Work in the background. For those who start it:

    start() -> Job     returns at once; signals come later, from the event loop
    cancel()           stops everything; `cancelled` follows within two seconds
    wait()             the result when there is one, raises UserError if the job failed or was cancelled; the
                       application stays alive meanwhile
    running, result, error (sentence or None), record (of the result, or None)

    Exactly one of finished, failed and cancelled is emitted, once, when nothing of the job is left: no temporary
    file, no observer, no half-made node.

    For those who write one: `_begin` starts parts with `_run`; a part that fails or is cancelled ends the job;
    `_succeed(result)` ends it well. `_cleanUp` removes what a job that did not succeed has put into the scene.
    """

    needsScene = True  # a job that touches no node goes on when the scene is closed

    def __init__(self, worker: Worker | None = None):
        self.progressed = Signal()  # (fraction 0…1 or None, text)
        self.noticed = Signal()  # (text)
        self.previewed = Signal()  # (preview node)
        self.finished = Signal()  # (result)
        self.failed = Signal()  # (sentence)
        self.cancelled = Signal()  # ()
        self.running = False
        self.result = None
        self.error: str | None = None
        self.record: dict | None = None
        self._worker = worker
        self._closed = Signal()  # () after one of the three
        self._active: list = []  # parts that have not ended
        self._verdict: Callable[[], None] | None = None  # how the job will end: emits one of the three
        self._isHeld = False  # an observer of the scene is being called: no moment to change the scene
        self._temporaryFolder: Path | None = None
        self._temporaries = ExitStack()
        self._watch: Watch | None = None
        self._notices: list[str] = []

    # for those who start it

    def start(self) -> Job:
        self.running = True
        slicer.app.connect("aboutToQuit()", self.cancel)
        qt.QTimer.singleShot(0, self._start)
        return self

    def cancel(self) -> None:
        self._stop(self.cancelled.emit, _("The work was cancelled."))

    def wait(self):
        if self.running:
            loop = qt.QEventLoop()
            self._closed.connect(loop.quit)
            loop.exec_()
            self._closed.disconnect(loop.quit)
        if self.error is not None:
            raise UserError(self.error)
        return self.result

    # for those who write one

    def _begin(self) -> None:
        """Start the first parts. UserError and other exceptions end the job as failed."""
        raise NotImplementedError

    def _cleanUp(self) -> None:
        """Remove nodes that only a finished job would leave."""

    def _run(self, part, onDone: Callable, onFailed: Callable[[str], None] | None = None) -> None:
        """Start a part (or another job). onDone(…) gets what came of it; without onFailed a failure ends this job."""
        self._active.append(part)
        done = part.finished if isinstance(part, Job) else part.done
        done.connect(lambda *result: self._partEnded(part, lambda: onDone(*result)))
        part.failed.connect(lambda text: self._partEnded(part, lambda: (onFailed or self._fail)(text)))
        part.cancelled.connect(lambda: self._partEnded(part, self.cancel))
        part.noticed.connect(self._notice)
        part.start()

    def _succeed(self, result) -> None:
        """The end of a job that went well; `result` is complete and in the scene."""
        self.result = result
        self._stop(lambda: self.finished.emit(result), None)

    def _fail(self, sentence: str) -> None:
        self._stop(lambda: self.failed.emit(sentence), sentence)

    @property
    def _folder(self) -> Path:
        """A private folder for this job's files, gone when the job ends; the next job removes what a crash left."""
        if self._temporaryFolder is None:
            from LDCTDenoiseLib.workplace import workplace

            self._temporaryFolder = self._temporaries.enter_context(workplace(Path(slicer.app.temporaryPath)))
        return self._temporaryFolder

    # within

    def _start(self) -> None:
        if not self.running or self._verdict is not None:
            return
        if self.needsScene:
            self._watch = Watch(self._lost)
        self._try(self._begin)

    def _partEnded(self, part, goOn: Callable[[], None]) -> None:
        self._active.remove(part)
        if self._verdict is None:
            self._try(goOn)
        elif not self._active:
            self._close()

    def _try(self, work: Callable[[], None]) -> None:
        """Do it now; an exception ends the job as failed."""
        try:
            work()
        except Exception as error:
            self._fail(sentenceOf(error))

    def _notice(self, text: str) -> None:
        if text not in self._notices and self._verdict is None:
            self._notices.append(text)
            self.noticed.emit(text)

    def _lost(self, kind: str, sentence: str) -> None:
        self._isHeld = True
        tell = self.cancelled.emit if kind == SCENE_CLOSED else lambda: self.failed.emit(sentence)
        self._stop(tell, sentence)
        self._isHeld = False

    def _stop(self, tell: Callable[[], None], error: str | None) -> None:
        """Decide how the job ends, unless that is decided; it ends when its last part has."""
        if not self.running or self._verdict is not None:
            return
        self._verdict, self.error = tell, error
        for part in list(self._active):
            part.cancel()
        if not self._active:
            self._close()

    def _close(self) -> None:
        if not self.running:
            return
        if self._isHeld:
            qt.QTimer.singleShot(0, self._close)
            return
        self.running = False
        slicer.app.disconnect("aboutToQuit()", self.cancel)
        if self._watch is not None:
            self._watch.stop()
        try:
            self._cleanUp()
        except Exception:  # whatever it was, the one who waits must hear the end
            logging.exception("LDCTDenoise: an error while a job was cleaned up")
        self._temporaries.close()
        self._verdict()
        self._closed.emit()


class AskJob(Job):
    """One question to the worker that needs no volume. Result: the answer, a dict."""

    needsScene = False

    def __init__(self, worker: Worker, content: dict):
        super().__init__(worker)
        self._content = content

    def _begin(self) -> None:
        from .parts import Asking

        part = Asking(self._worker, self._content)
        part.progressed.connect(self.progressed.emit)
        self._run(part, self._succeed)


def started(job: Job, waits: bool):
    """Start a job: its result when there is one, or the running job itself where nobody waits."""
    job.start()
    return job.wait() if waits else job


def sweepTemporaryFolder() -> None:
    """Removes what a Slicer that crashed has left of its jobs; never what a living one needs."""
    from LDCTDenoiseLib.workplace import sweep

    sweep(Path(slicer.app.temporaryPath))
