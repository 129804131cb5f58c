"""Where the Python half of Slicer comes from: our stand-ins, or Slicer's files where SLICER_BASE_PYTHON names them."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import slicer

from . import packaging

STAND_INS = {
    "i18n": "i18n",
    "ScriptedLoadableModule": "scripted_module",
    "parameterNodeWrapper": "parameter_node",
    "packaging": "packaging",
}


def real_folder() -> Path | None:
    """…/Base/Python/slicer of a Slicer checkout, or None."""
    value = os.environ.get("SLICER_BASE_PYTHON", "")
    if not value:
        return None
    folder = Path(value)
    if not (folder / "ScriptedLoadableModule.py").is_file():
        raise FileNotFoundError(f"SLICER_BASE_PYTHON={value}: there is no ScriptedLoadableModule.py in it.")
    return folder


def install() -> None:
    """Make ``slicer.i18n`` and its siblings importable."""
    folder = real_folder()
    if folder is not None:
        slicer.__path__.append(str(folder))
        for name, core in (("MRMLCorePython", "MRMLCore"), ("MRMLLogicPython", "MRMLLogic"), ("mrml", "MRMLCore")):
            sys.modules.setdefault(name, importlib.import_module(f"slicer_core.{core}"))
        _record_installations(importlib.import_module("slicer.packaging"))
        return
    for name, file in STAND_INS.items():
        module = importlib.import_module(f"{__package__}.{file}")
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)


def _record_installations(module) -> None:
    """Whoever has Slicer's files: no test installs anything."""
    for name in ("pip_install", "pip_uninstall"):
        setattr(module, name, getattr(packaging, name))
