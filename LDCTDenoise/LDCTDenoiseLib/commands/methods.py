"""Several methods on the same volume: the work that compare, evaluate and the demo share."""

from __future__ import annotations

from collections.abc import Iterator

from ..inference.engine import Settings
from ..inference.run import DenoiseResult, WarmModel
from ..volume import CTVolume
from ..weights.store import find_card


class Methods:
    """Models loaded once, in the order named; ids are checked before anything is computed."""

    def __init__(self, ids: list[str]):
        self._cards = [find_card(id) for id in ids]
        self._warm: dict[str, WarmModel] = {}

    @property
    def ids(self) -> list[str]:
        return [card.id for card in self._cards]

    def results(self, volume: CTVolume, settings: Settings, reporter) -> Iterator[tuple[str, DenoiseResult]]:
        """(id, result) of every method on the volume, one after the other."""
        for card in self._cards:

            def progress(done: int, total: int, stage: str, id: str = card.id) -> None:
                reporter.progress(done, total, f"{stage} {id}")

            yield card.id, self.denoise(card.id, volume, settings, progress=progress, notice=reporter.notice)

    def denoise(self, id: str, volume: CTVolume, settings: Settings, **callbacks) -> DenoiseResult:
        """One of the methods on any volume; callbacks as `inference.run.denoise` takes them."""
        if id not in self._warm:
            self._warm[id] = WarmModel(next(card for card in self._cards if card.id == id))
        return self._warm[id].denoise(volume, settings, **callbacks)
