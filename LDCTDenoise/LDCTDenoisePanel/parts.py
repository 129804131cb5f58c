"""The parts that jobs are made of: write voxels, ask the worker, read voxels. Each ends in one of three ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from . import handover
from .progress_text import progressText, writingText
from .signal import Signal
from .ticks import Ticks, sentenceOf
from .volumes import Voxels, geometryOf
from .worker import Request, Worker


class Part:
    """Some work. After `start` exactly one of done, failed and cancelled is emitted, once."""

    def __init__(self) -> None:
        self.progressed = Signal()  # (fraction 0…1 or None, text)
        self.noticed = Signal()  # (text)
        self.done = Signal()  # (what came of it)
        self.failed = Signal()  # (sentence)
        self.cancelled = Signal()  # ()
        self._ticks: Ticks | None = None
        self._request: Request | None = None

    def start(self) -> None:
        raise NotImplementedError

    def cancel(self) -> None:
        """Stop. `cancelled` follows, at once or when the worker's process has ended; never after another end."""
        if self._ticks is not None:
            self._ticks.stop()
            self._ticks = None
            self.cancelled.emit()
        elif self._request is not None:
            self._worker.cancel(self._request)

    def _tick(self, steps: Iterator[float], then: Callable[[], None], progress: Callable = lambda fraction: None):
        """Run the steps of a generator, then go on with `then`; an exception anywhere is the end of the part."""

        def done():
            self._ticks = None
            self._guarded(then)

        def failed(sentence: str):
            self._ticks = None
            self.failed.emit(sentence)

        self._ticks = Ticks(steps, done, failed, progress)

    def _ask(self, worker: Worker, content: dict, then: Callable[[dict], None], progress: Callable[[dict], None]):
        """Send a request, then go on with `then`, which gets the worker's answer."""
        self._worker = worker
        self._request = request = worker.submit(content)

        def ended(tell: Callable, *args):
            self._request = None
            tell(*args)

        request.progressed.connect(progress)
        request.noticed.connect(self.noticed.emit)
        request.answered.connect(lambda event: ended(self._guarded, lambda: then(event)))
        request.failed.connect(lambda sentence: ended(self.failed.emit, sentence))
        request.cancelled.connect(lambda: ended(self.cancelled.emit))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self.failed.emit(sentenceOf(error))


class Asking(Part):
    """One request. done(event)"""

    def __init__(self, worker: Worker, content: dict):
        super().__init__()
        self._worker, self._content = worker, content

    def start(self) -> None:
        def progress(event: dict) -> None:
            self.progressed.emit(*progressText(event))

        self._ask(self._worker, self._content, self.done.emit, progress)


class Steps(Part):
    """A generator of fractions, run in ticks. done()"""

    def __init__(self, steps: Iterator[float], text: str = ""):
        super().__init__()
        self._steps, self._text = steps, text

    def start(self) -> None:
        self._tick(self._steps, self.done.emit, lambda fraction: self.progressed.emit(fraction, self._text))


class VolumeRun(Part):
    """A whole volume through the worker. done(image, residual, event)

    content   the request without files and geometry
    strength  at which the answer is mixed with the original
    """

    WRITTEN, COMPUTED = 0.03, 0.97  # fractions of the whole at which the stages end

    def __init__(self, worker: Worker, voxels: Voxels, content: dict, folder: Path, strength=1.0, keepsResidual=True):
        super().__init__()
        self._worker, self._voxels, self._content, self._folder = worker, voxels, content, folder
        self._strength, self._keepsResidual = strength, keepsResidual

    def start(self) -> None:
        self._input, self._output = self._folder / "in.npy", self._folder / "out.npy"
        self._tick(handover.write(self._voxels, self._input), self._compute, self._written)

    def _written(self, fraction: float) -> None:
        self.progressed.emit(self.WRITTEN * fraction, writingText())

    def _compute(self) -> None:
        content = {
            **self._content,
            "input": str(self._input),
            "output": str(self._output),
            **geometryOf(self._voxels.volume).message(),
        }
        self._ask(self._worker, content, self._takeOver, self._computed)

    def _computed(self, event: dict) -> None:
        fraction, text = progressText(event, self._content.get("draws", 1))
        if fraction is not None:
            fraction = self.WRITTEN + (self.COMPUTED - self.WRITTEN) * fraction
        self.progressed.emit(fraction, text)

    def _takeOver(self, event: dict) -> None:
        taken = handover.TakeOver(self._output, self._voxels, self._strength, self._keepsResidual)

        def steps() -> Iterator[float]:  # to remove a large file takes a moment: each in a turn of its own
            self._input.unlink(missing_ok=True)
            yield from taken.steps()
            self._output.unlink(missing_ok=True)
            yield 1.0

        self._tick(steps(), lambda: self.done.emit(taken.image, taken.residual, event))


class SliceRun(Part):
    """One slice of a volume through the worker, with the very HU that it has in the whole. done(image, event)

    axis, index  of the array [slices, rows, columns]
    """

    def __init__(
        self, worker: Worker, voxels: Voxels, content: dict, folder: Path, axis: int, index: int, strength=1.0
    ):
        super().__init__()
        self._worker, self._voxels, self._content, self._folder = worker, voxels, content, folder
        self._axis, self._index, self._strength = axis, index, strength
        self.asked = Signal()  # () the request is sent: the worker has something to do

    def start(self) -> None:
        self._plateau = handover.Plateau(self._voxels)
        self._tick(self._plateau.steps(), self._compute)

    def _compute(self) -> None:
        self._input, self._output = self._folder / "slice-in.npy", self._folder / "slice-out.npy"
        handover.writeSlice(self._voxels, self._input, self._axis, self._index)
        content = {
            **self._content,
            "input": str(self._input),
            "output": str(self._output),
            "first_slice": self._index,
            "total_slices": self._voxels.shape[self._axis],
            "padding": self._plateau.value,
            **geometryOf(self._voxels.volume, self._axis, self._index).message(),
        }
        self._ask(self._worker, content, self._takeOver, self._computed)
        self.asked.emit()

    def _computed(self, event: dict) -> None:
        self.progressed.emit(*progressText(event, self._content.get("draws", 1)))

    def _takeOver(self, event: dict) -> None:
        image = handover.readSlice(self._output, self._voxels, self._axis, self._index, self._strength)
        for path in (self._input, self._output):
            path.unlink(missing_ok=True)
        self.done.emit(image, event)
