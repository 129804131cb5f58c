"""Models stay loaded from one series to the next, and one series at a time is computed in a process."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import Cancelled, InputError

if TYPE_CHECKING:
    from ..inference.engine import Settings
    from ..inference.run import DenoiseResult, WarmModel
    from ..volume import CTVolume
    from ..weights.cards import Card

_PATIENCE = 0.2  # s between two questions whether to stop


class Warm:
    """The models of this process."""

    def __init__(self) -> None:
        self._turn, self._guard = threading.Lock(), threading.Lock()
        self._models: dict[str, WarmModel] = {}
        self._one_at_a_time = False
        self._computing: int | None = None  # the thread whose turn it is

    def denoise(self, volume: CTVolume, card: Card, settings: Settings, *, cancel, **callbacks) -> DenoiseResult:
        """As `WarmModel.denoise`, when it is our turn: memory and processor belong to one volume at a time."""
        self._wait(cancel)
        try:
            self._computing = threading.get_ident()
            result = self._model(card).denoise(volume, settings, cancel=cancel, **callbacks)
            if result.stepped_down and len(self._models) > 1:  # memory was short
                self._one_at_a_time = True
            return result
        except InputError:
            raise
        except BaseException:  # whatever state a device is in now: the next series begins with a fresh model
            self._models.clear()
            raise
        finally:
            try:
                with self._guard:
                    self._computing = None
            finally:  # an interruption may come as late as in the line above
                self._turn.release()

    def load(self, card: Card) -> None:
        """Reads the weights now. InputError if they are damaged or do not fit."""
        with self._turn:
            self._model(card)

    def interrupt(self) -> None:
        """Ends what is computed at this moment, as if it had been cancelled: a slice may take half a minute."""
        with self._guard:
            if self._computing is not None:
                thread, self._computing = ctypes.c_ulong(self._computing), None  # once: what follows is no series
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(Cancelled))

    def _wait(self, cancel: Callable[[], bool]) -> None:
        while not self._turn.acquire(timeout=_PATIENCE):
            if cancel():
                raise Cancelled

    def _model(self, card: Card) -> WarmModel:
        from ..inference.run import WarmModel

        if self._one_at_a_time:
            self._models = {id: model for id, model in self._models.items() if id == card.id}
        if card.id not in self._models or self._models[card.id].card != card:
            self._models[card.id] = WarmModel(card)
        for id, model in self._models.items():
            if id != card.id:  # a card belongs to the one that computes
                model.rest()
        return self._models[card.id]


WARM = Warm()
