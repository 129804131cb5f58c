"""Denoising one volume: the visible slice first, then all of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from slicer.i18n import tr as _

from . import results
from .jobs import Job
from .parts import SliceRun, VolumeRun
from .remix import sharedResiduals
from .user_error import UserError
from .volumes import Voxels, acquisitionAxis
from .worker import Worker


@dataclass(frozen=True)
class Choice:
    """What the user chooses about a denoising."""

    model: str = "rddm-balanced"
    seed: int = 0
    strength: float = 1.0
    draws: int = 1
    device: str = "auto"
    precision: str = "auto"

    def check(self) -> None:
        """Raises UserError for what makes no sense for any volume."""
        if not 0 <= self.strength <= 1:
            raise UserError(_("The strength must lie between 0 and 1, not {value}.").format(value=self.strength))

    def message(self) -> dict:
        """As a request of the worker carries it; the worker always computes the full effect."""
        return {"do": "denoise", **{name: value for name, value in asdict(self).items() if name != "strength"}}

    def record(self, event: dict) -> dict:
        """The worker's record, with the strength that was mixed."""
        return {**(event.get("record") or {}), "strength": self.strength}


class DenoiseJob(Job):
    """Result: the output volume node, new or renewed.

    outputVolume  renewed in one step when the result is complete; None makes a new node
    previewSlice  index along the acquisition axis; that slice is computed first and `previewed` tells its node,
                  which is gone when the job ends. None: no preview
    """

    def __init__(self, worker: Worker, inputVolume, choice: Choice, outputVolume=None, previewSlice: int | None = None):
        super().__init__(worker)
        self._input, self._choice, self._output, self._index = inputVolume, choice, outputVolume, previewSlice
        self._preview = None

    def _begin(self) -> None:
        self._choice.check()
        self._voxels = Voxels(self._input)
        results.checkOutput(self._output, self._input)
        self._watch.voxels(self._voxels)
        self._watch.node(self._output)
        self._title = results.modelTitle(self._choice.model)  # now and not in the moment of the result: it reads files
        if self._index is None:
            self._runAll()
            return
        part = sliceRun(self._worker, self._voxels, self._choice, self._folder, self._index)
        part.progressed.connect(lambda fraction, text: self.progressed.emit(None, _("Denoising the visible slice")))
        part.asked.connect(lambda: self._try(self._runAll))  # the volume is written while the slice is computed
        self._run(part, self._showPreview)

    def _runAll(self) -> None:
        run = VolumeRun(self._worker, self._voxels, self._choice.message(), self._folder, self._choice.strength)
        run.progressed.connect(self.progressed.emit)
        self._run(run, self._finish)

    def _showPreview(self, image, event: dict) -> None:
        axis, record = acquisitionAxis(self._input), self._choice.record(event)
        self._preview = results.newPreview(self._input, image, axis, self._index, record)
        self.previewed.emit(self._preview)

    def _finish(self, image, residual, event: dict) -> None:
        self.record = self._choice.record(event)
        record = {**self.record, "source_crc32": residual.sourceChecksum}
        name = results.resultName(self._input, self._title)
        if self._output is None:
            output = results.newVolume(self._input, image, name, record)
        else:
            output = results.renewVolume(self._output, self._input, image, name, record)
        sharedResiduals().keep(output, self._input, residual)
        self._succeed(output)

    def _cleanUp(self) -> None:
        preview, self._preview = self._preview, None
        results.removeNode(preview)


class PreviewJob(Job):
    """One slice only. Result: a volume of one slice at its true place, neither listed in selectors nor saved.

    outputVolume  an earlier preview of the same input, to be renewed; None makes a new node
    """

    def __init__(self, worker: Worker, inputVolume, sliceIndex: int, choice: Choice, outputVolume=None):
        super().__init__(worker)
        self._input, self._index, self._choice, self._output = inputVolume, sliceIndex, choice, outputVolume

    def _begin(self) -> None:
        self._choice.check()
        voxels = Voxels(self._input)
        if self._output is not None and self._output.GetAttribute(results.PREVIEW) is None:
            raise UserError(_("Only an earlier preview can be renewed by a preview."))
        self._watch.voxels(voxels)
        self._watch.node(self._output)
        part = sliceRun(self._worker, voxels, self._choice, self._folder, self._index)
        part.progressed.connect(self.progressed.emit)
        self._run(part, self._finish)

    def _finish(self, image, event: dict) -> None:
        self.record = self._choice.record(event)
        axis = acquisitionAxis(self._input)
        self._succeed(results.newPreview(self._input, image, axis, self._index, self.record, self._output))


def sliceRun(worker: Worker, voxels: Voxels, choice: Choice, folder, index: int) -> SliceRun:
    """The part that computes slice `index` along the acquisition axis; UserError if there is no such slice."""
    axis = acquisitionAxis(voxels.volume)
    count = voxels.shape[axis]
    if not 0 <= index < count:
        text = _("{name} has slices 0 to {last}: choose one of them instead of {index}.")
        raise UserError(text.format(name=voxels.name, last=count - 1, index=index))
    return SliceRun(worker, voxels, choice.message(), folder, axis, index, choice.strength)
