"""Settings and standard folders of the tests: a temporary folder, never the user's own."""

import atexit
import shutil
import tempfile

from PySide6.QtCore import QCoreApplication, QSettings, QStandardPaths


def install() -> None:
    """Send QSettings to a temporary folder, which is removed at exit, and QStandardPaths to Qt's test locations."""
    folder = tempfile.mkdtemp(prefix="slicer-host-settings-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    QSettings.setDefaultFormat(QSettings.IniFormat)
    for file_format in (QSettings.IniFormat, QSettings.NativeFormat):
        for scope in (QSettings.UserScope, QSettings.SystemScope):
            QSettings.setPath(file_format, scope, folder)
    QStandardPaths.setTestModeEnabled(True)
    QCoreApplication.setOrganizationName("TestHost")  # without a name QSettings() stores nothing
    QCoreApplication.setApplicationName("Slicer")
