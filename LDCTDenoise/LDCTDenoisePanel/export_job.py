"""A result as a DICOM series: its voxels as they are now, in the headers of the series that they were made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from slicer.i18n import tr as _

from . import handover
from .dicom_source import addToDatabase, filesOf, openDatabase, requireUntransformed
from .jobs import Job
from .parts import Asking, Steps
from .remix import SOURCE, recordOf
from .user_error import UserError
from .volumes import Voxels, checkSameGrid, geometryOf
from .worker import Worker


class ExportDICOMJob(Job):
    """Result: the folder (Path), which appears whole or not at all. `record` tells folder, series and images.

    volume         a result of this module, its original in the scene
    folder         new or empty; with overwrite one that holds nothing but DICOM files
    private        keep private tags of the original
    addToDatabase  make the series known to Slicer's DICOM database; the files stay in the folder
    sourceFolder   of the original's series, or one of its files; None asks Slicer's DICOM database
    """

    def __init__(self, worker: Worker, volume, folder, *, private=False, overwrite=False, addToDatabase=False,
                 sourceFolder=None):  # fmt: skip
        super().__init__(worker)
        self._volume, self._folderToWrite = volume, Path(folder).expanduser().absolute()
        self._private, self._overwrite, self._addsToDatabase = private, overwrite, addToDatabase
        self._sourceFolder = Path(sourceFolder).expanduser().absolute() if sourceFolder is not None else None

    def _begin(self) -> None:
        if self._addsToDatabase:
            openDatabase()  # better to hear of it before the work
        source = sourceOf(self._volume)
        self._voxels = {"before": Voxels(source), "after": Voxels(self._volume)}
        requireUntransformed(self._volume, self._voxels["after"].shape[0])
        self._original = (
            {"series": str(self._sourceFolder)} if self._sourceFolder is not None else {"files": filesOf(source)}
        )
        for voxels in self._voxels.values():
            self._watch.voxels(voxels)
        part = Steps(self._write(), _("Handing the volume to the worker"))
        part.progressed.connect(self.progressed.emit)
        self._run(part, self._ask)

    def _write(self) -> Iterator[float]:
        for number, (role, voxels) in enumerate(self._voxels.items()):
            for fraction in handover.write(voxels, self._folder / f"{role}.npy"):
                yield (number + fraction) / 2

    def _ask(self) -> None:
        content = {
            "do": "export_dicom",
            **{role: str(self._folder / f"{role}.npy") for role in self._voxels},
            **geometryOf(self._volume).message(),
            **self._original,
            "folder": str(self._folderToWrite),
            "record": recordOf(self._volume),
            "private": int(self._private),
            "overwrite": int(self._overwrite),
        }
        part = Asking(self._worker, content)
        part.progressed.connect(self.progressed.emit)
        self._run(part, self._written)

    def _written(self, event: dict) -> None:
        folder = Path(event["folder"])
        self.record = {name: event[name] for name in ("folder", "series", "images")}
        if self._addsToDatabase:
            self.progressed.emit(None, _("Putting the series into Slicer's DICOM database"))
            addToDatabase(folder, event["series"])
        self._succeed(folder)

    def _cleanUp(self) -> None:
        from LDCTDenoiseLib.workplace import sweep

        sweep(self._folderToWrite.parent)  # a worker that had to be killed could not tidy up


def sourceOf(volume):
    """The original of a result of ours, as it lies in the scene; UserError where a DICOM series cannot be made."""
    if volume is None:
        raise UserError(_("No result is chosen: denoise a volume first."))
    name = volume.GetName()
    if not recordOf(volume).get("model"):
        text = _(
            "{name} was not denoised by this module, so its series could not tell how it was made: choose another."
        )
        raise UserError(text.format(name=name))
    source = volume.GetNodeReference(SOURCE)
    if source is None:
        text = _("The original of {name} is no longer in the scene: load it and denoise it again, then export.")
        raise UserError(text.format(name=name))
    for node in (source, volume):
        if node.GetImageData() is None:
            raise UserError(_("{name} holds no image: load it again.").format(name=node.GetName()))
    checkSameGrid(source, volume)
    if not _lieAlike(source, volume):
        text = _("{name} and its original do not lie at the same place: one was moved; denoise the original again.")
        raise UserError(text.format(name=name))
    return source


def _lieAlike(first, second) -> bool:
    one, other = geometryOf(first), geometryOf(second)
    return (
        np.allclose(one.origin, other.origin, atol=1e-3)
        and np.allclose(one.spacing, other.spacing, rtol=1e-5)
        and np.allclose(one.direction, other.direction, atol=1e-5)
    )
