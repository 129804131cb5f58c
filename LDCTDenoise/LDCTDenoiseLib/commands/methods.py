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

    def results(self, volume: CTVolume, settings: Settings, reporter) -> Iterator[tuple[str, DenoiseResult]]:
        """(id, result) of every method on the volume, one after the other."""
        for card in self._cards:
            warm = self._warm.setdefault(card.id, WarmModel(card))

            def progress(done: int, total: int, stage: str, id: str = card.id) -> None:
                reporter.progress(done, total, f"{stage} {id}")

            yield card.id, warm.denoise(volume, settings, progress=progress, notice=reporter.notice)
