"""Windows that ask the user something; tests give the panel answers instead."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _


class Dialogs:
    """`parent`: the widget over which the windows appear."""

    def __init__(self, parent=None):
        self._parent = parent

    def confirm(self, text):
        return slicer.util.confirmOkCancelDisplay(text, windowTitle=_("LDCT Denoise"))

    def error(self, text):
        slicer.util.errorDisplay(text, windowTitle=_("LDCT Denoise"))

    def openFile(self, title, folder, kinds):
        """An existing file, or "" if the user changed his mind. kinds: as "Pictures (*.png)"."""
        return _path(qt.QFileDialog.getOpenFileName(self._parent, title, folder, kinds))

    def openFolder(self, title, folder):
        """An existing folder, or "" if the user changed his mind."""
        return _path(qt.QFileDialog.getExistingDirectory(self._parent, title, folder))

    def saveFile(self, title, suggestion, kinds, ending):
        """A path to write to, or "". Nothing that exists is overwritten without asking.

        ending  what is added to a name without one of the kinds' endings, as ".png"
        """
        path = _path(qt.QFileDialog.getSaveFileName(self._parent, title, suggestion, kinds))
        if not path or Path(path).suffixes:
            return path  # the file dialog itself asks before it overwrites
        path += ending
        question = _("{file} exists already. Replace it?").format(file=Path(path).name)
        return path if not Path(path).exists() or self.confirm(question) else ""

    def show(self, path):
        """Opens a file or folder with the program that the system has for it; False if there is none."""
        return qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path)))

    def copy(self, text):
        """Puts a text where the user can paste it."""
        slicer.app.clipboard().setText(text)


def _path(answer):
    """PythonQt gives the path, other Qt bindings a pair (path, kind)."""
    return answer[0] if isinstance(answer, tuple) else (answer or "")
