"""Errors that PythonQt only prints: they are printed here too, and kept, so that a test can fail because of them.

An exception in a slot, a VTK observer or a virtual function never reaches the code that caused the event. A misspelt
signal and a dialog that nobody answers are kept in the same list: in Slicer they would pass unnoticed or stop the test.
"""

import sys
import threading
import traceback


class HostError(Exception):
    """Something that the real application would only have printed, or at which it would have waited for a person."""


class SignalError(HostError):
    """A signal or slot that does not exist on the object."""


class UnansweredDialog(HostError):
    """A modal dialog was opened and the test had prepared no answer."""


_kept: list[BaseException] = []
_previous_hook = None


def record(error: BaseException) -> None:
    """Print the error with its traceback and keep it for `take`."""
    _kept.append(error)
    traceback.print_exception(type(error), error, error.__traceback__)


def take() -> list[BaseException]:
    """The errors since the last call; the list is emptied."""
    taken = _kept[:]
    _kept.clear()
    return taken


def peek() -> tuple[BaseException, ...]:
    """The errors since the last `take`, left where they are."""
    return tuple(_kept)


def install() -> None:
    """Collect what Qt, VTK and threads hand to the interpreter's hooks. Calling it again changes nothing."""
    global _previous_hook
    if _previous_hook is not None:
        return
    _previous_hook = sys.excepthook
    sys.excepthook = _hook
    threading.excepthook = lambda arguments: _hook(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)


def _hook(kind, error, trace) -> None:
    if not issubclass(kind, Exception):  # KeyboardInterrupt and SystemExit end the program as ever
        _previous_hook(kind, error, trace)
        return
    record(error if error is not None else kind())
