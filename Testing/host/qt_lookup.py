"""Reading an attribute of a Qt object where PySide's own look-up differs from PythonQt's."""

import types

from PySide6 import QtCore

from . import qt_signals


class VirtualProperty:
    """Base of a property that is also a virtual function overridden in Python (see `standins.SizeHint`)."""


def install(classes) -> None:
    """Replace the look-up of those QObject classes that have their own."""
    for cls in classes:
        if "__getattribute__" in cls.__dict__:
            cls.__getattribute__ = _lookup(cls.__getattribute__)


def _lookup(native):
    def lookup(self, name):
        if name == "connect":  # PySide answers these two names before it looks at the class
            return types.MethodType(qt_signals.connect, self)
        if name == "disconnect":
            return types.MethodType(qt_signals.disconnect, self)
        if name in ("sizeHint", "minimumSizeHint"):  # PySide would find the override in the instance first
            found = getattr(type(self), name)
            if isinstance(found, VirtualProperty):
                return found.__get__(self)
        try:
            return native(self, name)
        except AttributeError:
            found = None if name.startswith("_") else _named_part(self, name)
            if found is None:
                raise
            return found

    return lookup


def _named_part(instance, name):
    """A dynamic property or a child of that name: PythonQt offers both as attributes. None if there is neither."""
    value = QtCore.QObject.property(instance, name)
    if value is not None:
        return value
    return next((child for child in instance.children() if child.objectName == name), None)
