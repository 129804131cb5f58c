"""A signal for plain Python objects: who wants to know connects a function."""

from __future__ import annotations

import logging
from collections.abc import Callable


class Signal:
    """Calls every connected function, in the order in which they were connected."""

    def __init__(self) -> None:
        self._slots: list[Callable] = []

    def connect(self, slot: Callable) -> None:
        """`slot` is called at every `emit`, once however often it was connected."""
        if slot not in self._slots:
            self._slots.append(slot)

    def disconnect(self, slot: Callable) -> None:
        """`slot` is no longer called; one that was never connected does no harm."""
        if slot in self._slots:
            self._slots.remove(slot)

    def clear(self) -> None:
        """Nobody is connected any more."""
        self._slots.clear()

    def emit(self, *args) -> None:
        """Calls the slots. One that raises is written to the log, and the others are still called."""
        for slot in list(self._slots):
            try:
                slot(*args)
            except Exception:
                logging.exception("LDCTDenoise: an error in a function connected to a signal")
