"""slicer.util's message boxes, answered by the test instead of by a person, and kept for the test to read."""

from __future__ import annotations

import logging
from typing import NamedTuple

import slicer.util


class Shown(NamedTuple):
    kind: str  # "info", "warning", "error", "okcancel", "yesno", "retryclose", "messagebox", "delay"
    text: str
    details: str


class Dialogs:
    """``shown``: what a person would have seen. ``answers[kind]``: what the person says, else yes."""

    def __init__(self):
        self.shown, self.answers = [], {}

    def clear(self):
        self.shown.clear()
        self.answers.clear()

    def texts(self, kind=None) -> list[str]:
        return [entry.text for entry in self.shown if kind in (None, entry.kind)]

    def answer(self, kind, value):
        """What the next dialogs of this kind return: True or False."""
        self.answers[kind] = value

    def _show(self, kind, default):
        def show(text, *args, **kwargs):
            self.shown.append(Shown(kind, str(text), str(kwargs.get("detailedText", ""))))
            logging.getLogger("host").info("%s: %s", kind, text)
            return self.answers.get(kind, default)

        return show


def install() -> Dialogs:
    """Put the stand-ins into slicer.util; returns the record."""
    dialogs, util = Dialogs(), slicer.util
    for name, kind, default in (
        ("infoDisplay", "info", None),
        ("warningDisplay", "warning", None),
        ("errorDisplay", "error", None),
        ("confirmOkCancelDisplay", "okcancel", True),
        ("confirmYesNoDisplay", "yesno", True),
        ("confirmRetryCloseDisplay", "retryclose", False),
        ("messageBox", "messagebox", 1024),  # QMessageBox.Ok
        ("delayDisplay", "delay", None),
    ):
        setattr(util, name, dialogs._show(kind, default))
    return dialogs
