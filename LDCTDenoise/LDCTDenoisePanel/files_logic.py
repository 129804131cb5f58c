"""What the Python console sees of files: results as DICOM series, and whole folders without any node."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .batch_job import Batch, BatchJob
from .denoise_job import Choice
from .export_job import ExportDICOMJob
from .jobs import started
from .worker import Worker

DEFAULT_MODEL = "rddm-balanced"


class FilesLogic:
    """The part of `logic.ConsoleLogic` that reads and writes files."""

    def exportDICOM(
        self,
        volumeNode,
        folder,
        *,
        private: bool = False,
        overwrite: bool = False,
        addToDatabase: bool = False,
        sourceFolder=None,
        waitForCompletion: bool = True,
    ):
        """Write a result as a derived DICOM series that overlays the series it was made from. For research use only.

        volumeNode     a result of `denoise`, as it is now: a strength that was changed later counts
        folder         new or empty; it appears whole or not at all
        private        keep the private tags of the original, which may hold anything; they are left out otherwise
        overwrite      replace a folder that holds nothing but DICOM files
        addToDatabase  make the series known to Slicer's DICOM database; its files stay in `folder`
        sourceFolder   the folder of the original's DICOM series, or one of its files, where Slicer did not load the
                       original through its DICOM database

        Returns the folder, or the running job. Refused with one sentence, for no series could tell the truth of it:
        what was cropped, resampled, moved or put under a transform, an original that is not in the scene or is not
        what its DICOM files hold, and volumes that this module did not denoise. The transform that Slicer adds for
        tilted or uneven slices may stay.
        """
        job = ExportDICOMJob(
            self._theWorker(),
            volumeNode,
            folder,
            private=private,
            overwrite=overwrite,
            addToDatabase=addToDatabase,
            sourceFolder=sourceFolder,
        )
        return started(job, waitForCompletion)

    def denoiseFolder(
        self,
        inputFolder,
        outputFolder,
        models: Sequence[str] = (DEFAULT_MODEL,),
        overwrite: bool = False,
        *,
        resume: bool = False,
        format: str = "same",
        private: bool = False,
        seed: int = 0,
        strength: float = 1.0,
        draws: int = 1,
        device: str = "auto",
        precision: str = "auto",
        workers: int = 1,
        scheduler: str | None = None,
        waitForCompletion: bool = True,
    ):
        """Denoise every CT series and volume file in and below a folder, file to file; nothing is loaded into Slicer.

        The same as `ldct-denoise batch`, with the same outputs: <outputFolder>/<same folders>/<name>_<model>, a DICOM
        folder or a volume file, a record .json beside it, and the log batch.csv. For research use only.

        overwrite  replace outputs that exist and are not of this batch
        resume     go on with the batch that was begun in `outputFolder`; what is done is not done again
        format     of the outputs: "same" as the input, "dicom", "nrrd", "nii.gz", "mha"
        private    keep the private tags of the originals in DICOM outputs
        workers    processes, scheduler: address of a Dask cluster; they need the package distributed

        Returns a list of dicts with input, model, output and error (None, or a sentence: the others are done all the
        same), and what the log tells besides (status, seconds, noise_before, noise_after …); or the running job, whose
        `found` tells what there is and `rowAdded` each series and method as it ends. Cancelling keeps what is done.
        """
        batch = Batch(
            _path(inputFolder),
            _path(outputFolder),
            _each(models),
            Choice(DEFAULT_MODEL, seed, strength, draws, device, precision),
            format=format,
            private=private,
            resume=resume,
            overwrite=overwrite,
            workers=workers,
            scheduler=scheduler,
        )
        return started(BatchJob(batch), waitForCompletion)

    def findSeries(self, inputFolder, outputFolder=None, models: Sequence[str] = (DEFAULT_MODEL,), *, format="same",
                   waitForCompletion: bool = True):  # fmt: skip
        """What `denoiseFolder` would do, without doing it. Returns a dict, or the running job.

        "series": list of dicts with name, kind, slices, rows, columns, facts, notices; "left": list of dicts with
        name, files and why.
        """
        inputFolder = _path(inputFolder)
        output = _path(outputFolder) if outputFolder is not None else inputFolder / "denoised"
        batch = Batch(inputFolder, output, _each(models), Choice(), format=format, onlyFind=True)
        return started(BatchJob(batch), waitForCompletion)

    def _theWorker(self) -> Worker:
        raise NotImplementedError


def _path(folder) -> Path:
    return Path(folder).expanduser().absolute()


def _each(models: Sequence[str]) -> tuple[str, ...]:
    """Once, in their order."""
    return tuple(dict.fromkeys(models))
