"""What stays from one request to the next: the model that was used last, loaded and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..inference.run import WarmModel
    from ..weights.cards import Card


class Kept:
    def __init__(self) -> None:
        self._warm: WarmModel | None = None

    def model(self, card: Card) -> WarmModel:
        """The model of the card, loaded unless it is the one at hand."""
        from ..inference.run import WarmModel

        if self._warm is None or self._warm.card != card:
            self.forget()  # first: two models might not fit into a small device
            self._warm = WarmModel(card)
        return self._warm

    def forget(self) -> None:
        self._warm = None
