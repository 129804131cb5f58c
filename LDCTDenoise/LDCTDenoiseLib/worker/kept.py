"""What stays from one request to the next: the model that was used last, loaded and checked, and the perception."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
                _import_torch()
            self._warm = WarmModel(card)
        return self._warm

    def perception(self, which: Any, make: Callable[[], Any]) -> Any:
        """What `make` made for `which`, made anew for another; beside the model, which a look must not drive out."""
        if self._perception is None or self._perception[0] != which:
            self._perception = None
            self._perception = (which, make())
        return self._perception[1]

    def forget(self) -> None:
        self._warm = self._perception = None


def _import_torch() -> None:
    with contextlib.suppress(Exception), to_stay():  # where it fails the model's own loading says so
        import torch  # noqa: F401


@contextmanager
def to_stay() -> Iterator[None]:
    """Around the import of what this process keeps for its life: Python never looks for rubbish in it.

    A look at all the objects of torch takes a tenth of a second, and a start has several. Not for models: what is
    frozen in a circle is never freed.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
