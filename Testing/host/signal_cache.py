"""PySide writes the signals of objects made in C++ (by a .ui loader) onto them when they are first read; let it."""

from PySide6.QtCore import SignalInstance

from . import qt_attributes

_strict = qt_attributes.set_attribute


def _set_attribute(self, name, value):
    if isinstance(value, SignalInstance):
        self.__dict__[name] = value
    else:
        _strict(self, name, value)


qt_attributes.set_attribute = _set_attribute
