"""Long work in the GUI's own thread, in pieces so short that nobody notices."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

import qt
from slicer.i18n import tr as _

from .user_error import UserError

BUDGET = 0.012  # seconds of work in one turn of the event loop; a step that has begun is finished


class Ticks:
    """Runs a generator a little in every turn of the event loop. What it yields, a fraction 0…1, is passed on.

    onDone() or onFailed(sentence) is called once at the end, neither after `stop`.
    """

    def __init__(
        self,
        steps: Iterator[float],
        onDone: Callable[[], None],
        onFailed: Callable[[str], None],
        onProgress: Callable[[float], None] = lambda fraction: None,
    ):
        self._steps, self._onDone, self._onFailed, self._onProgress = steps, onDone, onFailed, onProgress
        self._timer = qt.QTimer()  # kept: a repeating timer without a reference never fires
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._tick)
        self._timer.start()

    def stop(self) -> None:
        """End now; files that the generator has open are closed."""
        self._timer.stop()
        self._steps.close()
        qt.QTimer.singleShot(0, self._release)  # not here: this may be called by the timer's own signal

    def _release(self) -> None:
        self._timer.disconnect("timeout()", self._tick)

    def _tick(self) -> None:
        until = time.perf_counter() + BUDGET
        try:
            while True:
                fraction = next(self._steps)
                if time.perf_counter() >= until:
                    break
        except StopIteration:
            self.stop()
            self._onDone()
        except Exception as error:
            self.stop()
            self._onFailed(sentenceOf(error))
        else:
            self._onProgress(fraction)


def sentenceOf(error: Exception) -> str:
    """What a user is told of an exception; a defect of the program is written to the log as well."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError):
        return _("There is too little memory for this: close other programs, or take a smaller volume.")
    if isinstance(error, OSError):
        text = _(
            "A file could not be written or read ({reason}): make room on the disk that holds the temporary files."
        )
        return text.format(reason=error.strerror or type(error).__name__)
    logging.exception("LDCTDenoise: a defect", exc_info=error)
    text = _("This is a defect of the program, please report it ({kind}: {text}).")
    return text.format(kind=type(error).__name__, text=error)
