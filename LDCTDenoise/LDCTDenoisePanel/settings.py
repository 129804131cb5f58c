"""Choices that belong to this machine and not to a scene: device, folders, measured times. Kept in QSettings."""

import os
from pathlib import Path

import qt

GROUP = "LDCTDenoise/"
HOME_VARIABLE = "LDCT_DENOISE_HOME"  # the library's own name for the folder of imported models


class MachineSettings:
    """Machine choices as attributes. `store`: a QSettings, or anything with its value/setValue/remove."""

    def __init__(self, store=None):
        self._store = store if store is not None else qt.QSettings()

    def _text(self, key, default=""):
        value = self._store.value(GROUP + key)
        return str(value) if value not in (None, "") else default

    def _keep(self, key, value):
        if value in (None, ""):
            self._store.remove(GROUP + key)
        else:
            self._store.setValue(GROUP + key, value)

    @property
    def device(self):
        """ "auto", "cpu", "cuda:0", …"""
        return self._text("device", "auto")

    @device.setter
    def device(self, name):
        self._keep("device", name)

    @property
    def precision(self):
        """ "auto", "float32", "bfloat16" or "float16"."""
        return self._text("precision", "auto")

    @precision.setter
    def precision(self, name):
        self._keep("precision", name)

    @property
    def modelFolder(self):
        """Folder with imported models in `models`; the user's own, or the same default as the command line has."""
        return self._text("modelFolder", defaultModelFolder())

    @modelFolder.setter
    def modelFolder(self, folder):
        self._keep("modelFolder", "" if str(folder) == defaultModelFolder() else str(folder))

    def applyModelFolder(self):
        """Lets the library in this process, and workers started from now on, look into the chosen folder."""
        os.environ[HOME_VARIABLE] = self.modelFolder

    @property
    def exportFolder(self):
        """Where the last file was saved; the user's home until then."""
        return self._text("exportFolder", str(Path.home()))

    @exportFolder.setter
    def exportFolder(self, folder):
        self._keep("exportFolder", str(folder))

    @property
    def intoDatabase(self):
        """Whether an exported series is also made known to Slicer's DICOM database."""
        return self._text("intoDatabase") == "yes"

    @intoDatabase.setter
    def intoDatabase(self, isWanted):
        self._keep("intoDatabase", "yes" if isWanted else "")

    @property
    def batchFolders(self):
        """(input, output) of the last batch, each "" until then."""
        return self._text("batchInput"), self._text("batchOutput")

    @batchFolders.setter
    def batchFolders(self, folders):
        for key, folder in zip(("batchInput", "batchOutput"), folders, strict=True):
            self._keep(key, str(folder))

    @property
    def resumeInstall(self):
        """What to go on installing after a restart: "torch" or ""."""
        return self._text("resumeInstall")

    @resumeInstall.setter
    def resumeInstall(self, what):
        self._keep("resumeInstall", what)

    def secondsPerSlice(self, model, device):
        """Seconds per slice that a method took here, or None before its first run."""
        try:
            seconds = float(self._text(_timeKey(model, device)))
        except ValueError:
            return None
        return seconds if 0 < seconds < 1e6 else None

    def setSecondsPerSlice(self, model, device, seconds):
        self._keep(_timeKey(model, device), float(seconds))


def _timeKey(model, device):
    return f"secondsPerSlice/{model}/{device}".replace("\\", "_")


def defaultModelFolder():
    """The user's data folder for this program, the one that the command line uses (LDCT_DENOISE_HOME put aside)."""
    data = qt.QStandardPaths.writableLocation(qt.QStandardPaths.GenericDataLocation)
    return str(Path(data) / "ldct-denoise")
