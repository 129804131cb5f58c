"""What must be set before Qt and VTK are imported: no display, no noise, one place for the settings of tests."""

from __future__ import annotations

import atexit
import ctypes.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts")


_folders: list[Path] = []


def own_folder(purpose: str) -> Path:
    """A new temporary folder that is removed when Python ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"host-{purpose}-"))
    if not _folders:
        atexit.register(lambda: [shutil.rmtree(each, ignore_errors=True) for each in _folders])
    _folders.append(folder)
    return folder


def prepare(scale: float = 1.0) -> None:
    """Choose offscreen Qt and offscreen VTK unless a display is wanted (LDCT_HOST_DISPLAY=1); quiet their warnings.

    ``scale`` is the device pixel ratio of the whole application; it takes effect only before the first QApplication.
    """
    if os.environ.get("LDCT_HOST_DISPLAY") != "1":
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        if sys.platform.startswith("linux") and not os.environ.get("DISPLAY") and ctypes.util.find_library("EGL"):
            os.environ.setdefault(
                "VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow"
            )  # else VTK tries X first, and says so
    os.environ.setdefault("EGL_LOG_LEVEL", "fatal")
    os.environ.setdefault("MESA_LOG_FILE", os.devnull)
    os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
    os.environ.setdefault("QT_LOGGING_RULES", "qt.qpa.*=false;qt.text.font.*=false")
    if not (os.environ.get("XDG_RUNTIME_DIR") and Path(os.environ["XDG_RUNTIME_DIR"]).is_dir()):
        os.environ["XDG_RUNTIME_DIR"] = str(own_folder("runtime"))  # Qt warns without it
    if scale != 1.0:
        os.environ["QT_SCALE_FACTOR"] = f"{scale:g}"
    # numbers are written with a point whatever the machine's language is
    os.environ["LC_NUMERIC"] = "C"


def quiet_qt() -> None:
    """Qt's messages go to standard error, but for one that the offscreen platform prints at every window."""
    from PySide6.QtCore import qInstallMessageHandler

    def show(kind, context, message):
        if "propagateSizeHints" not in message:
            print(f"Qt: {message}", file=sys.stderr)

    qInstallMessageHandler(show)


def add_fonts() -> None:
    """Give offscreen Qt some letters: the system's fonts, or those that matplotlib ships."""
    import qt

    if qt.QFontDatabase.families():
        return
    folders = [Path(folder).expanduser() for folder in FONT_FOLDERS]
    try:
        import matplotlib

        folders.append(Path(matplotlib.get_data_path()) / "fonts" / "ttf")
    except ImportError:
        pass
    for folder in folders:
        files = sorted(folder.rglob("DejaVuSans*.ttf")) if folder.is_dir() else []
        for file in files:
            qt.QFontDatabase.addApplicationFont(str(file))
        if files:
            return


def use_own_settings() -> Path:
    """Keep QSettings in a fresh folder: a test neither reads nor changes the settings of the person who runs it."""
    import qt

    folder = own_folder("settings")
    qt.QSettings.setDefaultFormat(qt.QSettings.IniFormat)
    qt.QSettings.setPath(qt.QSettings.IniFormat, qt.QSettings.UserScope, str(folder))
    return folder
