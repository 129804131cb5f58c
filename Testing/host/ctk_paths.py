"""ctkPathLineEdit and ctkDirectoryButton: choosing files and folders."""

import enum

from PySide6.QtCore import QDir, QSettings, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStyle,
    QToolButton,
    QWidget,
)

from .standins import Property, forwarded, standin, stored

_HISTORY = 5  # paths that are remembered


class _Filter(enum.IntFlag):
    Dirs = 0x001
    Files = 0x002
    Drives = 0x004
    NoSymLinks = 0x008
    Readable = 0x010
    Writable = 0x020
    Executable = 0x040
    Hidden = 0x100
    System = 0x200


@standin
class ctkPathLineEdit(QWidget):
    """A line for a path with a history (kept in QSettings under `settingKey`) and a button to browse."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)

    Filter = Filters = _Filter
    Dirs, Files, Drives, NoSymLinks = _Filter.Dirs, _Filter.Files, _Filter.Drives, _Filter.NoSymLinks
    Readable, Writable, Executable = _Filter.Readable, _Filter.Writable, _Filter.Executable
    Hidden, System = _Filter.Hidden, _Filter.System
    AdjustToContents, AdjustToContentsOnFirstShow = 0, 1
    AdjustToMinimumContentsLength, AdjustToMinimumContentsLengthWithIcon = 2, 3

    def __init__(self, *arguments):
        QWidget.__init__(self, next((a for a in arguments if isinstance(a, QWidget)), None))
        self._combo, self._browse = QComboBox(self), QToolButton(self)
        self._combo.setEditable(True)
        self._combo.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self._combo.setSizeAdjustPolicy(QComboBox.AdjustToMinimumContentsLengthWithIcon)
        self._combo.setMinimumContentsLength(0)
        self._combo.setMinimumWidth(20)
        self._browse.setText("...")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        layout.addWidget(self._browse)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self._combo.editTextChanged.connect(self.currentPathChanged.emit)
        self._browse.clicked.connect(self.browse)

    currentPath = Property(
        str, lambda self: self._combo.currentText, lambda self, path: self._combo.setEditText(path or "")
    )
    filters = stored(int, "filters", int(_Filter.Dirs | _Filter.Files | _Filter.Readable))
    nameFilters = stored("QStringList", "nameFilters", ())
    label = stored(str, "label", "")
    options = stored(int, "options", 0)
    settingKey = stored(str, "settingKey", "", "retrieveHistory")
    showBrowseButton = Property(
        bool, lambda self: not self._browse.isHidden(), lambda self, on: self._browse.setVisible(on)
    )
    showHistoryButton = stored(bool, "showHistoryButton", True)
    sizeAdjustPolicy = forwarded(int, "_combo", "sizeAdjustPolicy")
    minimumContentsLength = forwarded(int, "_combo", "minimumContentsLength")

    def browse(self):
        """Ask for a path as the filters say: a folder, or a file to open or to write."""
        if not self.filters & _Filter.Files:
            path = QFileDialog.getExistingDirectory(self, self.label, self.currentPath)
        elif self.filters & _Filter.Writable:
            path = QFileDialog.getSaveFileName(self, self.label, self.currentPath)
        else:
            path = QFileDialog.getOpenFileName(self, self.label, self.currentPath)
        if path:
            self.currentPath = path

    def _key(self) -> str:
        return self.settingKey or f"ctkPathLineEdit/{self.objectName}"

    def addCurrentPathToHistory(self):
        """Remember the current path as the latest."""
        if self.currentPath:
            paths = [p for p in self._remembered() if p != self.currentPath]
            QSettings().setValue(self._key(), [self.currentPath, *paths][:_HISTORY])
            self.retrieveHistory()

    def retrieveHistory(self):
        """Fill the list from QSettings; the latest path becomes the current one."""
        paths = self._remembered()
        self._combo.clear()
        self._combo.addItems(paths)

    def _remembered(self) -> list:
        paths = QSettings().value(self._key()) or []
        return [paths] if isinstance(paths, str) else list(paths)


@standin
class ctkDirectoryButton(QWidget):
    """A button that shows a folder and opens a dialog to choose another."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    def __init__(self, *arguments):
        self._directory = QDir.currentPath()
        QWidget.__init__(self, next((a for a in arguments if isinstance(a, QWidget)), None))
        self._button = QPushButton(self)
        self._button.setSizePolicy(QSizePolicy.Ignored, QSizePolicy.Fixed)
        self._button.setMinimumWidth(49)
        self._button.setIcon(self.style().standardIcon(QStyle.SP_DirIcon))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self._button.clicked.connect(self.browse)
        if arguments and isinstance(arguments[0], str):
            self._set_directory(arguments[0])

    def _set_directory(self, path):
        path = QDir(str(path)).absolutePath()
        changed, self._directory = path != self._directory, path
        self._show()
        self.directorySelected.emit(path)
        if changed:
            self.directoryChanged.emit(path)

    def _show(self):
        text = self.text or self._directory
        self._button.setText(self.fontMetrics().elidedText(text, Qt.ElideMiddle, max(self.width - 40, 120)))

    def resizeEvent(self, event):
        self._show()

    def browse(self):
        """Ask for a folder."""
        path = QFileDialog.getExistingDirectory(self, self.caption, self._directory)
        if path:
            self._set_directory(path)
        return path

    directory = Property(str, lambda self: self._directory, _set_directory, notify=directoryChanged)
    caption = stored(str, "caption", "")
    text = stored(str, "text", "", "_show")
    icon = forwarded(QIcon, "_button", "icon")
    elideMode = stored(int, "elideMode", int(Qt.ElideMiddle))
    acceptMode = stored(int, "acceptMode", 0)
    options = stored(int, "options", 0)
