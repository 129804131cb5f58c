"""slicer.dicomDatabase and DICOMLib: an index of DICOM files in memory, filled by DICOMUtils.importDicom."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import slicer
from PySide6.QtCore import Property, QObject, Signal

from . import dicom_loading

DIRECTORY_KEY = "DatabaseDirectory_0.8.0"


class ctkDICOMDatabase(QObject):
    """What Slicer's Python code asks of it. ``open_`` and ``takes`` are set by tests: a closed or refusing database."""

    databaseChanged = Signal()

    def __init__(self):
        super().__init__()
        self.initializeDatabase()

    def initializeDatabase(self):
        """Empty, open and willing."""
        self.open_, self.takes = True, True
        self._files = {}  # instance UID → (file, series UID, study UID)
        return True

    isOpen = Property(bool, lambda self: self.open_)
    databaseDirectory = Property(str, lambda self: slicer.app.temporaryPath + "/dicom")

    def insert(self, file):
        """Index one file; a file that is no DICOM is passed over, as CTK does."""
        import pydicom

        try:
            header = pydicom.dcmread(file, stop_before_pixels=True)
            known = (str(file), str(header.SeriesInstanceUID), str(header.StudyInstanceUID))
        except (pydicom.errors.InvalidDicomError, AttributeError):
            return
        if self.takes:
            self._files.setdefault(str(header.SOPInstanceUID), known)  # what is there already is not indexed again

    def fileForInstance(self, uid):
        return self._files.get(uid, ("",))[0]

    def instanceForFile(self, file):
        return next((uid for uid, known in self._files.items() if known[0] == file), "")

    def filesForSeries(self, series, hits=-1):
        found = [known[0] for known in self._files.values() if known[1] == series]
        return tuple(found if hits < 0 else found[:hits])

    def seriesForFile(self, file):
        return next((known[1] for known in self._files.values() if known[0] == file), "")

    def seriesForStudy(self, study):
        return tuple(dict.fromkeys(known[1] for known in self._files.values() if known[2] == study))

    def instanceValue(self, uid, tag):
        return self.fileValue(self.fileForInstance(uid), tag)

    def fileValue(self, file, tag):
        """A header's value as CTK gives it: text, several values parted by a backslash."""
        import pydicom

        group, element = (int(part, 16) for part in tag.split(","))
        found = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[(group, element)]).get((group, element))
        if found is None or found.value is None:
            return ""
        several = isinstance(found.value, pydicom.multival.MultiValue)
        return "\\".join(map(str, found.value)) if several else str(found.value)


def importDicom(dicomDataDir, dicomDatabase=None, copyFiles=False):
    """Index every file in and below a folder. Slicer's own only logs an error, and then returns False."""
    database = dicomDatabase if dicomDatabase is not None else slicer.dicomDatabase
    for file in sorted(path for path in Path(dicomDataDir).rglob("*") if path.is_file()):
        database.insert(file)
    database.databaseChanged.emit()
    return True


def loadSeriesByUID(seriesUIDs, messages=None, progressCallback=None):
    """IDs of the volumes that Slicer makes of these series; a list is wanted, as by Slicer's own."""
    if not isinstance(seriesUIDs, list) or not seriesUIDs:
        raise ValueError("No series UIDs given")
    return [dicom_loading.load(slicer.dicomDatabase.filesForSeries(uid)).GetID() for uid in seriesUIDs]


def install() -> None:
    """The database and the package, as the DICOM module leaves them at Slicer's start."""
    slicer.dicomDatabase = ctkDICOMDatabase()
    slicer.dicomDatabaseDirectorySettingsKey = DIRECTORY_KEY
    package, utils = types.ModuleType("DICOMLib"), types.ModuleType("DICOMLib.DICOMUtils")
    utils.importDicom, utils.loadSeriesByUID = importDicom, loadSeriesByUID
    package.DICOMUtils, package.__path__ = utils, []
    sys.modules["DICOMLib"], sys.modules["DICOMLib.DICOMUtils"] = package, utils
