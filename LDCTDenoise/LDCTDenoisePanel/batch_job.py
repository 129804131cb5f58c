"""Every CT series below a folder, file to file: the command `batch` in a process of its own. No node, no scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slicer.i18n import tr as _

from .denoise_job import Choice
from .jobs import Job
from .parts import Part
from .progress_text import withTimeLeft
from .signal import Signal
from .user_error import UserError
from .worker import environmentOfLibrary, slicerPython, whatHappened
from .worker_process import WorkerProcess

LOG = "batch.csv"
FORMATS = ("same", "dicom", "nrrd", "nii.gz", "mha")
CANCELLED = 130  # exit status of the command


@dataclass(frozen=True)
class Batch:
    """What is to be done; see `files_logic.FilesLogic.denoiseFolder`. choice.model is not used: `models` are."""

    inputFolder: Path
    outputFolder: Path
    models: tuple[str, ...]
    choice: Choice
    format: str = "same"
    private: bool = False
    resume: bool = False
    overwrite: bool = False
    workers: int = 1
    scheduler: str | None = None
    onlyFind: bool = False

    def check(self) -> None:
        """Raises UserError for what cannot be, before a process is started."""
        self.choice.check()
        if not self.models:
            raise UserError(_("No methods are chosen: choose at least one."))
        if self.format not in FORMATS:
            text = _("There is no format {format}: choose one of {formats}.")
            raise UserError(text.format(format=self.format, formats=", ".join(FORMATS)))
        if not self.inputFolder.is_dir():
            raise UserError(_("The folder {folder} does not exist: choose another.").format(folder=self.inputFolder))
        if self.onlyFind:
            return
        if self.inputFolder.resolve() == self.outputFolder.resolve():
            raise UserError(_("Input and output are the same folder: choose another for the output."))
        if (self.outputFolder / LOG).exists() and not (self.resume or self.overwrite):
            text = _("{folder} holds a batch already: go on with it (resume), or choose another output folder.")
            raise UserError(text.format(folder=self.outputFolder))

    def arguments(self) -> list[str]:
        """As the command line wants them."""
        choice = self.choice
        arguments = [str(self.inputFolder), str(self.outputFolder), "--model", ",".join(self.models)]
        for name in ("seed", "strength", "draws", "device", "precision"):
            arguments += [f"--{name}", str(getattr(choice, name))]
        arguments += ["--format", self.format, "--private", "keep" if self.private else "drop"]
        arguments += ["--scheduler", self.scheduler] if self.scheduler else ["--workers", str(self.workers)]
        flags = {"--resume": self.resume, "--overwrite": self.overwrite, "--dry-run": self.onlyFind}
        return arguments + [flag for flag, isWanted in flags.items() if isWanted]


class BatchJob(Job):
    """Result: a list of dicts, one for each series and method: input, model, output, error (None if it went well), and
    what the log tells of it. With onlyFind: what was found, a dict with series and left.

    found(event) tells what was found, rowAdded(row) a series and method that has ended. What fails is told by
    `noticed` and listed, and the rest is done. What is complete when the job is cancelled stays.
    """

    needsScene = False

    def __init__(self, batch: Batch):
        super().__init__()
        self.batch = batch
        self.found, self.rowAdded = Signal(), Signal()
        self._rows: list[dict] = []
        self._found: dict = {}

    def _begin(self) -> None:
        self.batch.check()
        part = CommandRun(self.batch.arguments())
        part.progressed.connect(self.progressed.emit)
        part.found.connect(self._take)
        part.rowAdded.connect(self._add)
        self._run(part, self._ended)

    def _take(self, event: dict) -> None:
        self._found = {"series": event.get("series") or [], "left": event.get("left") or []}
        self.found.emit(self._found)

    def _add(self, row: dict) -> None:
        self._rows.append(row)
        if row["error"]:
            self._notice(f"{row.get('series', '')} ({row['model']}): {row['error']}")
        self.rowAdded.emit(row)

    def _ended(self, event: dict) -> None:
        self.record = event
        self._succeed(self._found if self.batch.onlyFind else self._rows)


class CommandRun(Part):
    """One run of the command. done(event), when it came to its end, whether or not single series failed."""

    GRACE = 1.5  # seconds to tidy up in after a cancellation

    def __init__(self, arguments: Sequence[str]):
        super().__init__()
        self.found, self.rowAdded = Signal(), Signal()  # (event), (row)
        self._arguments = ["-m", "LDCTDenoisePanel.batch_process", *arguments]
        self._process: WorkerProcess | None = None
        self._result: dict | None = None
        self._error, self._isReady, self._isCancelled = "", False, False

    def start(self) -> None:
        self._process = WorkerProcess(self._heard, self._ended, self.GRACE)
        self._process.start(slicerPython(), self._arguments, environmentOfLibrary())

    def cancel(self) -> None:
        self._isCancelled = True
        self._process.end()

    def _heard(self, event: dict) -> None:
        kind = event.get("event")
        if kind == "ready":
            self._isReady = True
        elif kind == "progress":
            self.progressed.emit(*_progress(event))
        elif kind == "notice":
            self.noticed.emit(str(event.get("text", "")))
        elif kind == "found":
            self.found.emit(event)
        elif kind == "series":
            self.rowAdded.emit({**event, "error": event.get("error") or None})
        elif kind == "result":
            self._result = event
        elif kind == "error":
            self._error = str(event.get("text", ""))

    def _ended(self, code: int | None, log: str) -> None:
        if self._isCancelled or (code == CANCELLED and self._result is None):
            self.cancelled.emit()
        elif self._result is not None:  # an error after it says only that some failed, which the rows tell
            result = self._result
            self._guarded(lambda: self.done.emit(result))
        else:
            self.failed.emit(self._error or whatHappened(code, self._isReady, log))


def _progress(event: dict) -> tuple[float | None, str]:
    """(fraction 0…1 or None, text): of the whole batch once it computes."""
    stage, done, total = event.get("stage", ""), event.get("done") or 0, event.get("total") or 0
    if stage == "denoise":
        fraction = min(1.0, done / total) if total else None
        return fraction, withTimeLeft(_("Denoising"), event.get("eta_s"))
    if stage == "check":
        return (done / total if total else None), _("Looking at what is done already")
    if total:
        return min(1.0, done / total), _("Looking at file {number} of {count}").format(number=done, count=total)
    return None, _("Looking for CT series, {count} files so far").format(count=done)
