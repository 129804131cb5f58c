"""Which DICOM files a volume was loaded from, and the way of a new series into Slicer's DICOM database."""

from __future__ import annotations

from pathlib import Path

import slicer
from slicer.i18n import tr as _

from .user_error import UserError

UIDS = "DICOM.instanceUIDs"  # Slicer's DICOM module notes there the image behind each slice, as it loads a volume


def isFromDatabase(volume) -> bool:
    """Whether Slicer loaded the volume through its DICOM database, and knows every image of it."""
    uids = (volume.GetAttribute(UIDS) or "").split()
    return bool(uids) and "Unknown" not in uids


def filesOf(volume) -> list[str]:
    """The files that the volume was loaded from, by Slicer's DICOM database; UserError if it does not know them."""
    name = volume.GetName()
    if not isFromDatabase(volume):
        text = _("{name} was not loaded through Slicer's DICOM database: name the folder of its DICOM series.")
        raise UserError(text.format(name=name))
    database = openDatabase()
    uids = list(dict.fromkeys(volume.GetAttribute(UIDS).split()))  # frames of one file have one UID
    files = [database.fileForInstance(uid) for uid in uids]
    missing = sum(not file or not Path(slicer.util.longPath(file)).is_file() for file in files)
    if missing:
        text = _(
            "{count} of the {total} DICOM files of {name} are not where they were: import the series again, or name "
            "its folder."
        )
        raise UserError(text.format(count=missing, total=len(files), name=name))
    return files


def openDatabase():
    """Slicer's DICOM database; UserError if there is none, or none is open."""
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not database.isOpen:
        raise UserError(_("Slicer's DICOM database is not open: open the DICOM module once, then try again."))
    return database


def addToDatabase(folder: Path, series: str) -> None:
    """Make the files of `folder` known to Slicer's DICOM database; they stay where they are. UserError if it refuses.

    series  the SeriesInstanceUID that must then be there
    """
    from DICOMLib import DICOMUtils

    database = openDatabase()
    DICOMUtils.importDicom(str(folder), database)
    if not database.filesForSeries(series):
        text = _("The series was written to {folder}, but Slicer's DICOM database did not take it: import it there.")
        raise UserError(text.format(folder=folder))


def requireUntransformed(volume, slices: int) -> None:
    """Raises UserError if a transform moves the volume away from where the scanner saw it.

    The one that Slicer itself adds to a series with a tilted gantry or uneven slices does the contrary, and is left
    out of account, for the headers keep the true place of each slice: a grid with two by two vectors a slice.
    """
    node = volume.GetParentTransformNode()
    if node is None:
        return
    if node.IsA("vtkMRMLGridTransformNode") and node.GetParentTransformNode() is None:
        grid = node.GetTransformToParent()
        image = grid.GetDisplacementGrid() if hasattr(grid, "GetDisplacementGrid") else None
        if image is not None and image.GetDimensions() == (2, 2, slices):
            return
    text = _("A transform moves {name} away from its DICOM series: take the volume out of it, then export.")
    raise UserError(text.format(name=volume.GetName()))
