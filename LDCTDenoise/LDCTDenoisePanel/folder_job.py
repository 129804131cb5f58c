"""Every CT volume below a folder, file to file: no node, no scene."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from slicer.i18n import tr as _

from .denoise_job import Choice
from .jobs import Job
from .parts import Asking
from .progress_text import progressText
from .user_error import UserError
from .worker import Worker

ENDING = ".nrrd"


class FolderJob(Job):
    """Result: a list of dicts, one for each volume and model: input, model, output, error (None if it went well).

    DICOM series of CT and volume files are found at any depth; outputs are OUT/<same folders>/<name>_<model>.nrrd.
    What fails is told by `noticed` and listed, and the rest is done. Files that are complete when the job is
    cancelled stay.
    """

    needsScene = False

    def __init__(self, inputFolder, outputFolder, models: Sequence[str], choice: Choice, overwrite: bool = False):
        # A process of its own: hours of work must not keep the panel's worker from a preview.
        super().__init__(Worker(arguments=("-m", "LDCTDenoisePanel.folder_worker"), grace=1.5))
        self._inputFolder, self._outputFolder = Path(inputFolder).expanduser(), Path(outputFolder).expanduser()
        self._models, self._choice, self._overwrite = list(dict.fromkeys(models)), choice, overwrite
        self._results: list[dict] = []
        self._current: Path | None = None  # the output that is being made

    def _begin(self) -> None:
        self._choice.check()
        if not self._models:
            raise UserError(_("No methods are chosen: choose at least one."))
        if not self._inputFolder.is_dir():
            raise UserError(_("The folder {folder} does not exist: choose another.").format(folder=self._inputFolder))
        if self._inputFolder.resolve() == self._outputFolder.resolve():
            raise UserError(_("Input and output are the same folder: choose another for the output."))
        content = {"do": "scan", "folder": str(self._inputFolder), "without": str(self._outputFolder)}
        part = Asking(self._worker, content)
        part.progressed.connect(lambda fraction, text: self.progressed.emit(None, _("Looking for CT volumes")))
        self._run(part, self._found)

    def _found(self, event: dict) -> None:
        if not event["items"]:
            text = _("There is no CT volume in or below {folder}: choose another folder.")
            raise UserError(text.format(folder=self._inputFolder))
        # model by model, so that each is loaded once
        self._tasks = [(item, model) for model in self._models for item in event["items"]]
        self._next()

    def _next(self) -> None:
        number = len(self._results)
        if number == len(self._tasks):
            self._succeed(self._results)
            return
        item, model = self._tasks[number]
        output = self._outputFolder / f"{item['name']}_{model}{ENDING}"
        message = replace(self._choice, model=model).message()
        content = {
            **message,
            "strength": self._choice.strength,
            "input": item["input"],
            "output": str(output),
            "overwrite": int(self._overwrite),
        }

        def ended(error: str | None) -> None:
            self._removeHalfWritten()
            self._current = None
            self._results.append({"input": item["input"], "model": model, "output": str(output), "error": error})
            if error:
                self._notice(f"{item['name']} ({model}): {error}")
            self._next()

        self._current = output
        part = _FileAsking(self._worker, content, number, len(self._tasks), item["name"])
        part.progressed.connect(self.progressed.emit)
        self._run(part, lambda event: ended(None), ended)

    def _cleanUp(self) -> None:
        self._worker.shutdown()
        self._removeHalfWritten()

    def _removeHalfWritten(self) -> None:
        """The hidden folder in which the library was writing the current output when its process ended."""
        if self._current is None:
            return
        for folder in self._current.parent.glob(".ldct-*.part"):
            with contextlib.suppress(OSError):
                if not any(file.name != self._current.name for file in folder.iterdir()):
                    shutil.rmtree(folder, ignore_errors=True)


class _FileAsking(Asking):
    """A request that is one of many: its progress is that of the whole."""

    def __init__(self, worker: Worker, content: dict, number: int, count: int, name: str):
        super().__init__(worker, content)
        self._number, self._count, self._name = number, count, name

    def start(self) -> None:
        def progress(event: dict) -> None:
            fraction, text = progressText(event, self._content["draws"])
            if event.get("stage") != "denoise":
                fraction = 0
            whole = (self._number + (fraction or 0)) / self._count
            place = _("Volume {number} of {count}, {name}: {text}")
            text = place.format(number=self._number + 1, count=self._count, name=self._name, text=text)
            self.progressed.emit(whole, text)

        self._ask(self._worker, self._content, self.done.emit, progress)
