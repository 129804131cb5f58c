"""Where the user's own models live: in the folder that each system has for the data of programs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HOME_VARIABLE = "LDCT_DENOISE_HOME"
NAME = "ldct-denoise"


def user_folder() -> Path:
    """The user's folder for this program; imported models are in its `models`. It need not exist.

    The environment variable LDCT_DENOISE_HOME puts it elsewhere.
    """
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser() if chosen else data_folder(sys.platform)


def data_folder(platform: str) -> Path:
    """The folder on a system, as `sys.platform` calls it."""
    if platform == "win32":
        return _named("LOCALAPPDATA", "~/AppData/Local") / NAME
    if platform == "darwin":
        return Path("~/Library/Application Support").expanduser() / NAME
    return _named("XDG_DATA_HOME", "~/.local/share") / NAME


def _named(variable: str, otherwise: str) -> Path:
    """The folder in an environment variable; a relative one means nothing, by the rules of XDG."""
    path = Path(os.environ.get(variable, "").strip()).expanduser()
    return path if path.is_absolute() else Path(otherwise).expanduser()
