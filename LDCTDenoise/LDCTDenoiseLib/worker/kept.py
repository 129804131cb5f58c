"""What stays from one request to the next: the model that was used last, loaded and checked, and the perception."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..inference.run import WarmModel
    from ..weights.cards import Card


class Kept:
    def __init__(self) -> None:
        self._warm: WarmModel | None = None
        self._perception: tuple[Any, Any] | None = None  # which, and what was made

    def model(self, card: Card) -> WarmModel:
        """The model of the card, loaded unless it is the one at hand."""
        from ..inference.run import WarmModel

        if self._warm is None or self._warm.card != card:
            self.forget()  # first: two models might not fit into a small device
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
