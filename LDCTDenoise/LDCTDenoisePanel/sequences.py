"""Volume sequences (4-D): frame by frame through the warm worker, into a new sequence beside the old one."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from . import results
from .denoise_job import Choice
from .jobs import Job
from .parts import VolumeRun
from .remix import SOURCE
from .user_error import UserError
from .volumes import Voxels
from .worker import Worker


def isSequence(node) -> bool:
    return node is not None and node.IsA("vtkMRMLSequenceNode")


def sequenceOf(volume):
    """The sequence whose current frame `volume` shows (its proxy), or None for an ordinary volume."""
    if volume is None or volume.GetScene() is None:
        return None
    found = [browser.GetSequenceNode(volume) for browser in _nodes("vtkMRMLSequenceBrowserNode")]
    return next((sequence for sequence in found if sequence is not None), None)


def browsersOf(sequence) -> list:
    """The browser nodes in which `sequence` takes part."""
    return [one for one in _nodes("vtkMRMLSequenceBrowserNode") if one.IsSynchronizedSequenceNode(sequence, True)]


def proxyOf(sequence):
    """The volume in which a browser shows the current frame of `sequence`, or None if no browser does."""
    proxies = [browser.GetProxyNode(sequence) for browser in browsersOf(sequence)]
    return next((proxy for proxy in proxies if proxy is not None), None)


class SequenceJob(Job):
    """Result: a new sequence node with the same index values, in the same browsers. Nothing is left if it is cancelled.

    The strength is mixed for good: a frame keeps no residual.
    """

    def __init__(self, worker: Worker, sequence, choice: Choice):
        super().__init__(worker)
        self._input, self._choice = sequence, choice
        self._records: list[dict] = []

    def _begin(self) -> None:
        self._choice.check()
        self._count = self._input.GetNumberOfDataNodes()
        if self._count < 1:
            raise UserError(_("{name} has no frames: choose another sequence.").format(name=self._input.GetName()))
        self._watch.node(self._input)
        self._title = results.modelTitle(self._choice.model)
        self._output = results.newNode("vtkMRMLSequenceNode", results.resultName(self._input, self._title))
        self._output.SetIndexName(self._input.GetIndexName())
        self._output.SetIndexUnit(self._input.GetIndexUnit())
        self._output.SetIndexType(self._input.GetIndexType())
        self._output.SetNumericIndexValueTolerance(self._input.GetNumericIndexValueTolerance())
        self._nextFrame()

    def _nextFrame(self) -> None:
        number = self._output.GetNumberOfDataNodes()
        if number == self._count:
            self._finish()
            return
        if self._input.GetNumberOfDataNodes() != self._count:
            text = _("{name} got other frames meanwhile, so the work was stopped: start it again.")
            raise UserError(text.format(name=self._input.GetName()))
        voxels = Voxels(self._input.GetNthDataNode(number))
        message, strength = self._choice.message(), self._choice.strength
        run = VolumeRun(self._worker, voxels, message, self._folder, strength, keepsResidual=False)
        run.progressed.connect(lambda fraction, text: self._progress(number, fraction, text))
        self._run(run, lambda image, residual, event: self._add(number, voxels.volume, image, event))

    def _progress(self, number: int, fraction: float | None, text: str) -> None:
        frame = _("Frame {number} of {count}: {text}").format(number=number + 1, count=self._count, text=text)
        self.progressed.emit((number + (fraction or 0)) / self._count, frame)

    def _add(self, number: int, source, image, event: dict) -> None:
        record = self._choice.record(event)
        self._records.append(record)
        empty = results.newNode("vtkMRMLScalarVolumeNode", source.GetName() or self._title)
        results.copyPlace(source, empty)
        results.describe(empty, record)
        # A frame is copied into the sequence with its voxels; without them there is nothing to copy.
        frame = self._output.SetDataNodeAtValue(empty, self._input.GetNthIndexValue(number))
        frame.SetAndObserveImageData(image)
        self._nextFrame()

    def _finish(self) -> None:
        seconds = sum(record.get("seconds") or 0 for record in self._records)
        self.record = {**self._records[0], "frames": self._count, "seconds": round(seconds, 3)}
        sequence = self._output
        sequence.SetName(slicer.mrmlScene.GenerateUniqueName(sequence.GetName()))
        results.describe(sequence, self.record)
        slicer.mrmlScene.AddNode(sequence)
        sequence.SetNodeReferenceID(SOURCE, self._input.GetID())
        results.placeBeside(self._input, sequence)
        for browser in browsersOf(self._input):
            addToBrowser(browser, self._input, sequence)
        self._succeed(sequence)


def addToBrowser(browser, source, sequence) -> None:
    """`sequence` moves with the others of `browser`; its proxy volume is shown like that of `source`, beside it."""
    browser.AddSynchronizedSequenceNode(sequence)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    shown, proxy = browser.GetProxyNode(source), browser.GetProxyNode(sequence)
    if shown is None or proxy is None:
        return
    results.copyDisplay(shown, proxy)
    results.placeBeside(shown, proxy)
    proxy.SetAndObserveTransformNodeID(shown.GetTransformNodeID())
    proxy.SetNodeReferenceID(SOURCE, shown.GetID())


def _nodes(className: str) -> list:
    return list(slicer.util.getNodesByClass(className))
