"""What stays from one request to the next: the model that was used last, loaded and checked, and the perception."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..inference.run import WarmModel
    from ..weights.cards import Card


class Kept:
    """someone_waits()  whether another request has come meanwhile: work that was only ahead of its turn then ends"""

    def __init__(self, someone_waits: Callable[[], bool] = lambda: False) -> None:
        self.someone_waits = someone_waits
        self._warm: WarmModel | None = None
        self._perception: tuple[Any, Any] | None = None  # which, and what was made

    def model(self, card: Card) -> WarmModel:
        """The model of the card, loaded unless it is the one at hand."""
        from ..inference.run import WarmModel

        if self._warm is None or self._warm.card != card:
            self.forget()  # first: two models might not fit into a small device
            if card.family != "classical":
                with contextlib.suppress(Exception):  # where it fails the model's own loading says so
                    import_torch()
            self._warm = WarmModel(card)
        return self._warm

    def perception(self, which: Any, make: Callable[[], Any]) -> Any:
        """What `make` made for `which`, made anew for another; beside the model, which a look must not drive out."""
        self.rest()  # both may use the same card
        if self._perception is None or self._perception[0] != which:
            self._perception = None
            self._perception = (which, make())
        return self._perception[1]

    def rest(self) -> None:
        """The model stays, and gives up the memory that it does not need while it computes nothing."""
        if self._warm is not None:
            self._warm.rest()

    def forget(self) -> None:
        self._warm = self._perception = None


def import_torch() -> ModuleType:
    """torch; whatever its import raises. Only the first time is there anything that is to stay."""
    with contextlib.nullcontext() if "torch" in sys.modules else to_stay():
        import torch
    return torch


@contextmanager
def to_stay() -> Iterator[None]:
    """Around the import of what this process keeps for its life: Python never looks for rubbish in it.

    A look at all the objects of torch takes a tenth of a second, and a start has several. Not where models may be: what
    is frozen in a circle is never freed, so what is rubbish before the import is looked for while that is quick.
    """
    gc.collect()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
