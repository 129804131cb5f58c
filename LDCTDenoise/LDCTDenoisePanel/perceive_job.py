"""What dose and anatomy a volume looks like: a few of its slices go to the worker, nothing in the scene changes."""

from __future__ import annotations

from collections.abc import Iterator

from . import handover
from .jobs import Job
from .parts import Asking, Steps
from .volumes import Voxels, acquisitionAxis, geometryOf
from .worker import Worker

MOST_SLICES = 16  # a second or two of work, enough for one line


class PerceiveJob(Job):
    """Result: the worker's answer to "perceive", a dict."""

    def __init__(self, worker: Worker, inputVolume, model: str, device: str = "auto"):
        super().__init__(worker)
        self._input, self._model, self._device = inputVolume, model, device

    def _begin(self) -> None:
        self._voxels = Voxels(self._input)
        self._watch.voxels(self._voxels)
        self._axis = acquisitionAxis(self._input)
        self._numbers = spreadOver(self._voxels.shape[self._axis])
        self._run(Steps(self._write()), self._ask)

    def _write(self) -> Iterator[float]:
        handover.writeSlices(self._voxels, self._folder / "slices.npy", self._axis, self._numbers)
        yield 1.0

    def _ask(self) -> None:
        content = {
            "do": "perceive",
            "model": self._model,
            "device": self._device,
            "input": str(self._folder / "slices.npy"),
            "numbers": self._numbers,
            "total_slices": self._voxels.shape[self._axis],
            **geometryOf(self._input).message(),
        }
        part = Asking(self._worker, content)
        part.progressed.connect(self.progressed.emit)
        self._run(part, self._finish)

    def _finish(self, event: dict) -> None:
        self._succeed({name: value for name, value in event.items() if name not in ("event", "id")})


def spreadOver(count: int, most: int = MOST_SLICES) -> list[int]:
    """Numbers of at most `most` of `count` slices, evenly spread, each in the middle of its share."""
    if count <= most:
        return list(range(count))
    return [(2 * number + 1) * count // (2 * most) for number in range(most)]
