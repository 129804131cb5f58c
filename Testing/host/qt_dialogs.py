"""Qt's modal dialogs in tests: nobody is there to press a button, so the answers are laid out before.

    qt_dialogs.answer(qt.QMessageBox.Yes)      # the next dialog returns this
    qt_dialogs.answer(lambda dialog: ...)      # or what the function returns; it may look at the dialog or fill it in
    qt_dialogs.asked                           # what was asked: (class and function, text)

A dialog without an answer is a host error, and closes as if the user had pressed Escape. Web pages and folders are not
opened either: `opened` lists their addresses. (`dialogs` does the same for the message functions of slicer.util.)
"""

import inspect
from collections import deque

from PySide6 import QtGui, QtWidgets

from . import errors

asked: list[tuple[str, str]] = []
opened: list[str] = []
_answers: deque = deque()

_NO_BUTTON = QtWidgets.QMessageBox.NoButton
# static functions that open a dialog, with what they return when the user presses Escape
_STATIC = {
    QtWidgets.QMessageBox: {
        "about": None,
        "aboutQt": None,
        "critical": _NO_BUTTON,
        "information": _NO_BUTTON,
        "question": _NO_BUTTON,
        "warning": _NO_BUTTON,
    },
    QtWidgets.QFileDialog: {  # PythonQt returns the path alone, without the chosen filter
        "getExistingDirectory": "",
        "getOpenFileName": "",
        "getOpenFileNames": (),
        "getSaveFileName": "",
    },
    QtWidgets.QInputDialog: {
        "getDouble": 0.0,
        "getInt": 0,
        "getItem": "",
        "getMultiLineText": "",
        "getText": "",
    },
    QtWidgets.QColorDialog: {"getColor": QtGui.QColor()},
}


def answer(value) -> None:
    """Lay out the answer for one dialog; several answers are used in the order they were given."""
    _answers.append(value)


def reset() -> None:
    """Forget answers that were not used and what was asked before."""
    _answers.clear()
    asked.clear()
    opened.clear()


def ask(what: str, text: str, escape, dialog=None):
    """The prepared answer to a dialog, or `escape` and a host error."""
    asked.append((what, text))
    if not _answers:
        errors.record(errors.UnansweredDialog(f"{what}: {text}"))
        return escape
    value = _answers.popleft()
    return value(dialog) if callable(value) else value


def _static(cls, name, escape):
    def opens(*arguments, **_named):
        texts = [a for a in arguments if isinstance(a, str)]
        return ask(f"{cls.__name__}.{name}", " / ".join(texts[:2]), escape)

    return staticmethod(opens)


def _exec(self):
    text = self.text if isinstance(self, QtWidgets.QMessageBox) else self.windowTitle
    return int(ask(type(self).__name__, text, 0, self) or 0)


def _exec_menu(self, *_where):
    """The answer is an action of the menu or its text; it is triggered."""
    chosen = ask(type(self).__name__, self.title, None, self)
    if isinstance(chosen, str):
        chosen = next(action for action in self.actions() if action.text == chosen)
    if chosen is not None:
        chosen.trigger()
    return chosen


def _open_url(url) -> bool:
    opened.append(url if isinstance(url, str) else url.toString())
    return True


def install() -> None:
    """Replace what would wait for a person."""
    for cls, functions in _STATIC.items():
        for name, escape in functions.items():
            setattr(cls, name, _static(cls, name, escape))
    for name in dir(QtWidgets):
        cls = getattr(QtWidgets, name)
        if inspect.isclass(cls) and issubclass(cls, QtWidgets.QDialog):
            cls.exec = cls.exec_ = _exec
    QtWidgets.QMenu.exec = QtWidgets.QMenu.exec_ = _exec_menu
    QtGui.QDesktopServices.openUrl = staticmethod(_open_url)
