"""PythonQt's attributes on PySide classes: Qt properties are read and written by name, unknown names are refused.

`label.text` instead of `label.text()`, `button.enabled = False` beside `button.setEnabled(False)`; writing a name that
the object does not have raises AttributeError, unless its class was written in Python.
"""

import contextlib

import shiboken6
from PySide6 import QtCore

_read_property, _write_property = QtCore.QObject.property, QtCore.QObject.setProperty
_standins: set[type] = set()
_ignoring = False
_NUMBERS = {"int": int, "uint": int, "qlonglong": int, "double": float, "float": float, "bool": bool}


def standin(cls):
    """Class decorator: a class that stands in for a C++ one, so its instances are as strict as Qt's own.

    Names that begin with an underscore remain free: they are the stand-in's own memory.
    """
    _standins.add(cls)
    return cls


def is_strict(cls) -> bool:
    """Whether instances of exactly this class come from C++ in Slicer and so take no new attributes."""
    return cls in _standins or cls.__module__.startswith("PySide6.")


def convert(value, type_name: str):
    """What PythonQt makes of a value written to a property: 1.7 → int 1, 5 → "5", None → "", numpy → plain numbers."""
    if type_name == "QString":
        return "" if value is None else str(value)
    if type_name == "QStringList":
        return tuple(str(item) for item in value or ())
    number = _NUMBERS.get(type_name)
    return number(value) if number and not isinstance(value, str) and value is not None else value


class QtProperty:
    """One Qt property of one class as a data descriptor. On the class itself the native function stays reachable."""

    def __init__(self, name, type_name, native, getter, setter, writable):
        self.name, self.type_name, self.native = name, type_name, native
        self.getter, self.setter, self.writable = getter, setter, writable

    def __get__(self, instance, owner=None):
        if instance is None:
            return self.native if self.native is not None else self
        return self.getter(instance) if self.getter else _read_property(instance, self.name)

    def __set__(self, instance, value):
        if not self.writable:
            raise AttributeError(f"Property '{self.name}' of {type(instance).__name__} is read only")
        value = convert(value, self.type_name)
        if self.setter is not None:
            try:
                self.setter(instance, value)
                return
            except TypeError:  # for instance an int for an enum: the meta-object knows how to convert it
                pass
        if not _write_property(instance, self.name, value):
            raise TypeError(f"Property '{self.name}' of {type(instance).__name__} does not take {value!r}")


def properties_of(cls) -> dict:
    """The descriptors that this class needs: its own properties and those whose getter it defines anew."""
    meta, own = cls.staticMetaObject, cls.__dict__
    made = {}
    for index in range(meta.propertyCount()):
        qt_property = meta.property(index)
        name = qt_property.name()
        if index < meta.propertyOffset() and name not in own:
            continue
        native = own.get(name, getattr(cls, name, None))
        if isinstance(native, QtProperty):
            native = native.native
        static = isinstance(own.get(name), staticmethod) or isinstance(getattr(cls, name, None), type(len))
        capital = name[:1].upper() + name[1:]
        getter = native if callable(native) and not static else None
        if getter is None:
            getter = next((f for f in (getattr(cls, p + capital, None) for p in ("is", "has")) if callable(f)), None)
        setter = getattr(cls, "set" + capital, None)
        static_access = getattr(cls, name, None) if static else native
        made[name] = QtProperty(name, qt_property.typeName(), static_access, getter, setter, qt_property.isWritable())
    return made


@contextlib.contextmanager
def ignoring_unknown():
    """PySide's form loader writes every child as an attribute of the form; PythonQt finds children without that."""
    global _ignoring
    _ignoring = True
    try:
        yield
    finally:
        _ignoring = False


def set_attribute(self, name, value):
    """`setattr` as PythonQt does it: properties are written, other names only on classes written in Python."""
    cls = type(self)
    if isinstance(value, QtCore.SignalInstance):  # PySide itself, when a signal of an object made in C++ is first read
        self.__dict__[name] = value
        return
    for base in cls.__mro__:
        if name in base.__dict__:
            found = base.__dict__[name]
            if isinstance(found, QtCore.Property):  # a property of a stand-in; PySide calls its setter only from C++
                if found.fset is None:
                    raise AttributeError(f"Property '{name}' of {cls.__name__} is read only")
                found.fset(self, value)
                return
            if hasattr(type(found), "__set__"):
                type(found).__set__(found, self, value)
                return
            if is_strict(cls) and not name.startswith("_"):
                raise AttributeError(f"'{name}' of {cls.__name__} is a method or signal and cannot be written")
            break
    if is_strict(cls) and not (cls in _standins and name.startswith("_")):
        if _ignoring:
            return
        if _read_property(self, name) is None:
            raise AttributeError(f"{cls.__name__} has no attribute '{name}' and takes no new ones")
        _write_property(self, name, value)  # a dynamic property
        return
    self.__dict__[name] = value


def set_value_attribute(self, name, value):
    """`setattr` of a class that is no QObject, such as QFont: only the fields that some have, as QStyleOption.rect."""
    cls = type(self)
    field = next((base.__dict__[name] for base in cls.__mro__ if name in base.__dict__), None)
    if hasattr(type(field), "__set__"):
        type(field).__set__(field, self, value)
    elif is_strict(cls):
        raise AttributeError(f"{cls.__name__} takes no attribute '{name}': it has only methods")
    else:
        self.__dict__[name] = value


def install(classes, others) -> None:
    """Give QObject classes, bases before their subclasses, their properties and the strict `setattr`.

    `others` are the classes of Qt that are no QObject.
    """
    for cls in others:
        cls.__setattr__ = set_value_attribute
    for cls in classes:
        for name, descriptor in properties_of(cls).items():
            setattr(cls, name, descriptor)
        if "__setattr__" in cls.__dict__:  # every Shiboken class has its own
            cls.__setattr__ = set_attribute
        if "exec_" in cls.__dict__:  # PySide warns about the old name, which is PythonQt's
            cls.exec_ = cls.__dict__["exec"]
    base = QtCore.QObject
    base.name = base.__dict__["objectName"]
    base.className = lambda self: self.metaObject().className()
    base.delete = lambda self: shiboken6.delete(self)
