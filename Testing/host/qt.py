"""The module that modules import as `qt`: PySide6 with the semantics of Slicer's PythonQt."""

import inspect
import os
import sys
import types

if os.environ.get("LDCT_HOST_DISPLAY") != "1":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYSIDE6_OPTION_PYTHON_ENUM", "2")  # enums compare with ints, as PythonQt's do

import shiboken6
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

from . import errors, qt_attributes, qt_dialogs, qt_five, qt_lookup, qt_private_places, qt_timers

_MODULES = (QtCore, QtGui, QtWidgets, QtUiTools)
_module = None


def install():
    """Make `import qt` give the stand-in; returns it. Calling it again changes nothing."""
    global _module
    if _module is None:
        errors.install()
        # dir() and not vars(): PySide makes its classes when they are first asked for
        everything = {name: getattr(module, name) for module in _MODULES for name in dir(module)}
        classes = {c for c in everything.values() if inspect.isclass(c) and issubclass(c, shiboken6.Object)}
        others = {c for c in classes if not issubclass(c, QtCore.QObject)}
        bases_first = sorted(classes - others, key=lambda c: len(c.__mro__))
        qt_attributes.install(bases_first, others)
        qt_lookup.install(bases_first)
        qt_five.install()
        qt_timers.install()
        qt_private_places.install()
        qt_dialogs.install()
        _module = types.ModuleType("qt", "PySide6 as PythonQt's qt: QtCore, QtGui, QtWidgets and QtUiTools in one.")
        vars(_module).update({name: value for name, value in everything.items() if name.startswith("Q")})
        from . import ui_loader  # its class needs the attributes

        _module.QUiLoader = ui_loader.QUiLoader
        sys.modules["qt"] = _module
    return _module
