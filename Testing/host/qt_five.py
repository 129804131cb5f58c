"""What PySide's Qt 6 has and Slicer's usual Qt 5.15 has not: taken away, so that nothing relies on it unnoticed."""

from PySide6 import QtCore, QtGui, QtWidgets

_NEWER = {
    QtWidgets.QCheckBox: ("checkStateChanged",),
    QtWidgets.QFormLayout: ("setRowVisible", "isRowVisible"),
    QtGui.QColor: ("fromString", "isValidColorName"),
    QtCore.QProcess: ("startCommand", "unixProcessParameters", "setUnixProcessParameters"),
}


class _Absent:
    """Reading the name raises, as if it were not there."""

    def __init__(self, name):
        self.name = name

    def __get__(self, instance, owner=None):
        raise AttributeError(f"'{self.name}' is newer than Qt 5.15")


def install() -> None:
    """Hide the newer names."""
    for cls, names in _NEWER.items():
        for name in names:
            getattr(cls, name)  # a name that is misspelt here is an error
            setattr(cls, name, _Absent(name))
