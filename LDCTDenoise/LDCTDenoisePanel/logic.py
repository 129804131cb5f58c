"""What the Python console sees: denoise, compare and measure without any widget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import slicer

from .denoise_job import Choice, DenoiseJob, PreviewJob
from .files_logic import DEFAULT_MODEL, FilesLogic
from .jobs import AskJob, started
from .measure.job import MeasureJob, ReportJob
from .perceive_job import PerceiveJob
from .remix import sharedResiduals
from .sequences import SequenceJob, isSequence, sequenceOf
from .simulate_job import SimulateJob
from .volumes import axialSize
from .worker import Worker, sharedWorker

_comparison = None  # one for the application: it holds the views


class ConsoleLogic(FilesLogic):
    """Denoise CT volumes, and compare and measure the results. For research use only.

        logic = LDCTDenoiseLogic()
        after = logic.denoise(slicer.util.getNode("CT"), model="rddm-balanced")
        logic.showComparison(slicer.util.getNode("CT"), after)
        logic.exportDICOM(after, "folder of the new series")

    All that takes time is done by a separate process. Methods with `waitForCompletion` wait for it by default, while
    the application stays alive, and raise UserError, whose text says what to do, if it fails. With
    waitForCompletion=False they return the running job at once: see `LDCTDenoisePanel.jobs.Job` for its signals
    progressed, finished, failed and cancelled, and for cancel() and wait().
    """

    def __init__(self, worker: Worker | None = None):
        """worker  for tests; None takes the one of the application"""
        self._worker = worker

    # denoise

    def denoise(
        self,
        inputVolume,
        model: str = DEFAULT_MODEL,
        *,
        seed: int = 0,
        strength: float = 1.0,
        draws: int = 1,
        device: str = "auto",
        precision: str = "auto",
        waitForCompletion: bool = True,
        outputVolume=None,
        previewSlice: int | None = None,
        wholeSequence: bool = True,
    ):
        """Denoise a CT volume, or every frame of a volume sequence. Returns the new node, or the running job.

        inputVolume    scalar volume node in HU; or a sequence node, or the volume that shows a sequence's current frame
        model          id of a method, see `state`: "rddm-balanced", "nlm", …
        seed           the same seed gives the same result
        strength       1 is the full effect, 0 the original; `setStrength` changes it later at once
        draws          average of that many random answers, for methods that draw
        device         "auto", "cpu", "cuda", "cuda:1", "mps"
        precision      "auto", "float32", "bfloat16", "float16"
        outputVolume   a volume node to be renewed when the result is complete; None makes a new one with a unique name
        previewSlice   with waitForCompletion=False: this slice (along the acquisition axis) is computed first, and the
                       job's `previewed` tells a volume of that slice, which is gone when the job ends
        wholeSequence  False: of a volume that shows a sequence's frame only that frame is denoised

        The result lies beside the input in the subject hierarchy, has its geometry, transform and display, refers to
        it ("LDCTDenoise.source") and tells in its attributes how it was made ("LDCTDenoise.record", JSON). A sequence
        gives a new sequence in the same browser.
        """
        choice = Choice(model, seed, strength, draws, device, precision)
        sequence = inputVolume if isSequence(inputVolume) else sequenceOf(inputVolume) if wholeSequence else None
        if sequence is not None:
            job = SequenceJob(self._theWorker(), sequence, choice)
        else:
            job = DenoiseJob(self._theWorker(), inputVolume, choice, outputVolume, previewSlice)
        return started(job, waitForCompletion)

    def previewSlice(
        self,
        inputVolume,
        sliceIndex: int,
        model: str = DEFAULT_MODEL,
        *,
        seed: int = 0,
        strength: float = 1.0,
        draws: int = 1,
        device: str = "auto",
        precision: str = "auto",
        waitForCompletion: bool = True,
        outputVolume=None,
    ):
        """Denoise one slice, with the very HU that it gets in the whole. Returns a volume of one slice, or the job.

        sliceIndex    along the acquisition axis, from 0 as stored
        outputVolume  an earlier preview to be renewed

        The volume lies at the true place of the slice, is in no selector and is not saved with the scene.
        """
        choice = Choice(model, seed, strength, draws, device, precision)
        job = PreviewJob(self._theWorker(), inputVolume, sliceIndex, choice, outputVolume)
        return started(job, waitForCompletion)

    def setStrength(self, outputVolume, strength: float) -> bool:
        """Mix a result anew with its original, at once: original + strength · (denoised − original).

        Returns False, and changes nothing, where that is not possible any more: the original was removed or changed,
        the result was edited, or it was loaded with a scene that was saved at another strength than 1; and for the
        frames of a sequence, which keep the strength of their run.
        """
        if sequenceOf(outputVolume) is not None:
            return False
        return sharedResiduals().setStrength(outputVolume, strength)

    def simulateLowDose(self, inputVolume, dose: float = 0.25, seed: int = 0, waitForCompletion: bool = True):
        """What a scan at `dose` (between 0 and 1) of the dose would have shown. Returns the new node, or the job."""
        return started(SimulateJob(self._theWorker(), inputVolume, dose, seed), waitForCompletion)

    # compare and measure

    def compare(
        self,
        inputVolume,
        models: Sequence[str],
        *,
        seed: int = 0,
        strength: float = 1.0,
        draws: int = 1,
        device: str = "auto",
        precision: str = "auto",
        waitForCompletion: bool = True,
    ):
        """Denoise a volume with several methods. Returns the list of new nodes, or the running job.

        A method that fails is left out of the list and told by the job's `noticed` and `problems`; UserError only if
        all fail. Which method made a volume is in its attribute "LDCTDenoise.model".
        """
        from .compare_job import CompareJob

        choice = Choice(DEFAULT_MODEL, seed, strength, draws, device, precision)
        return started(CompareJob(self._theWorker(), inputVolume, models, choice), waitForCompletion)

    def difference(self, before, after):
        """The signed difference `after` − `before` in HU as a new volume node: blue–white–red, symmetric window."""
        from .views.difference import makeDifference

        return makeDifference(before, after)

    def measure(self, before, after, reference=None, waitForCompletion: bool = True, table=None, regions=()):
        """Figures of a result: noise, texture, shift of the HU, edges, structure; with a reference also PSNR and SSIM.

        before, after  volume nodes of the same size
        reference      the normal-dose volume, if there is one
        table          a vtkMRMLTableNode to be renewed; None makes a new one
        regions        up to two pairs (markups ROI, "") or (segmentation, segment ID): noise is measured in the first,
                       not in places found automatically, and contrast to noise against the second

        Returns the table node with the columns Quantity, Before, After, Change, Unit, or the running job. The whole
        document (figures with errors, definitions, curves, verdicts) is in the node's attribute "LDCTDenoise.record"
        as JSON; `plots` draws it.
        """
        return started(MeasureJob(self._theWorker(), before, after, reference, table, regions), waitForCompletion)

    def plots(self, table) -> dict:
        """The curves of what `measure` returned as chart nodes: noise power spectrum, HU shift, edge profiles, …

        Returns key → vtkMRMLPlotChartNode, each with its table node; those of an earlier measurement are renewed.
        """
        from .measure.plots import plotsOf

        return plotsOf(table)

    def report(self, before, after, file, reference=None, waitForCompletion: bool = True, regions=()):
        """Measure and write one HTML page with figures, plots and pictures. Returns its path, or the running job.

        file     ends with .html; an existing one is replaced
        regions  as for `measure`
        """
        return started(ReportJob(self._theWorker(), before, after, file, reference, regions), waitForCompletion)

    def exportFigures(self, table, file) -> None:
        """Write what `measure` returned: the whole document as .json, or the figures with their errors as .csv."""
        from .measure.files import writeFigures

        writeFigures(table, file)

    def perceive(self, inputVolume, model: str = "founddiff", *, device: str = "auto", waitForCompletion: bool = True):
        """How much dose and which anatomy a volume looks like to a model, by at most 16 slices spread over it.

        Returns a dict, or the running job: "dose" with "median", "low" and "high" (quartiles over the slices) as
        fractions of the usual dose; "ranges", each with "slices" [first, last), "anatomy", "probability" and "dose";
        "suggestion" with "model", "strength" and "reason". An estimate; nothing is changed by it.
        """
        return started(PerceiveJob(self._theWorker(), inputVolume, model, device), waitForCompletion)

    def showComparison(self, before, after) -> None:
        """Show original, denoised and signed difference side by side, linked, in the plane of acquisition.

        A difference of the two that is in the scene is used again. `comparison.leave()` gives the layout back.
        """
        self.comparison.showThree(before, after, _differenceOf(before, after) or self.difference(before, after))

    @property
    def comparison(self):
        """The views of this application: `LDCTDenoisePanel.views.comparison.Comparison`."""
        global _comparison
        if _comparison is None:
            from .views.comparison import Comparison

            _comparison = Comparison()
        return _comparison

    # the worker

    def state(self, waitForCompletion: bool = False, callback: Callable[[dict], None] | None = None):
        """What the worker's Python has: versions, devices, and which models are ready.

        Returns the dict, or the running job; callback(dict) is called in either case.
        """
        job = AskJob(self._theWorker(), {"do": "state"})
        if callback is not None:
            job.finished.connect(callback)
        return started(job, waitForCompletion)

    def warm(self, inputVolume, model: str = DEFAULT_MODEL, *, device: str = "auto", precision: str = "auto") -> None:
        """Have the worker load a method ahead, so that the first slice of this volume comes sooner. Returns at once.

        It is done behind everything else, at the low priority at which the worker always computes; the memory of a
        GPU is left alone.
        """
        size = axialSize(inputVolume)
        self._theWorker().warm({"model": model, "size": list(size), "device": device, "precision": precision})

    def importWeights(self, file, model: str | None = None, waitForCompletion: bool = True):
        """Import an authors' checkpoint: recognised by its content, checked, and kept in the user's folder.

        model  the id to import it as; None recognises it. Returns {"model": id}, or the running job.
        """
        job = AskJob(self._theWorker(), {"do": "import_weights", "file": str(file), "model": model})
        return started(job, waitForCompletion)

    def shutdown(self) -> None:
        """End the worker's process and cancel what it does; the next request starts it again.

        Nobody needs to call this: the process ends with the application.
        """
        self._theWorker().shutdown()

    def _theWorker(self) -> Worker:
        return self._worker or sharedWorker()


def _differenceOf(before, after):
    """The difference node of these two that is in the scene already, or None."""
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        if (
            node.GetAttribute("LDCTDenoise.difference") == "1"
            and node.GetNodeReference("LDCTDenoise.source") is before
            and node.GetNodeReference("LDCTDenoise.denoised") is after
        ):
            return node
    return None
