"""What the stand-ins for CTK and qMRML widgets share: properties, setters, sizes that depend on the content."""

import weakref

from PySide6.QtCore import Property

from . import qt_attributes, qt_lookup
from .meta_facts import facts_of

classes: dict[str, type] = {}  # every stand-in by the name of the C++ class; the .ui loader looks here
_TYPES = {int: "int", float: "double", bool: "bool", str: "QString"}


def standin(cls):
    """Class decorator: strict attributes, and a method `setName` for every writable property `name` that has none."""
    for name, found in list(vars(cls).items()):
        setter = "set" + name[0].upper() + name[1:]
        if isinstance(found, Property) and found.fset is not None and not hasattr(cls, setter):
            setattr(cls, setter, found.fset)
    classes[cls.__name__] = cls
    facts_of(cls)
    return qt_attributes.standin(cls)


def stored(kind, name, default, changed=None):
    """A Qt property that the widget keeps itself, as `_name`; `changed` is the method to call after it was written."""
    memory = "_" + name

    def read(self):
        return self.__dict__.get(memory, default)

    def write(self, value):
        self.__dict__[memory] = qt_attributes.convert(value, _TYPES.get(kind, kind))
        if changed is not None:
            getattr(self, changed)()

    return Property(kind, read, write)


def forwarded(kind, part, name):
    """A Qt property that belongs to an inner widget: `part` is the attribute that holds it."""

    def read(self):
        return getattr(getattr(self, part), name)

    def write(self, value):
        setattr(getattr(self, part), name, value)

    return Property(kind, read, write)


class SizeHint(qt_lookup.VirtualProperty):
    """A size hint computed in Python: an attribute for Python, as PythonQt has it, and a virtual function for Qt.

    PySide calls an override that lies in the instance's own dictionary; `attach` puts it there. Python reads go to this
    descriptor (`qt_lookup`).
    """

    def __init__(self, compute):
        self.compute = compute
        self.name = compute.__name__

    def __get__(self, instance, owner=None):
        return self if instance is None else self.compute(instance)

    def __set__(self, instance, value):
        raise AttributeError(f"Property '{self.name}' of {type(instance).__name__} is read only")

    @staticmethod
    def attach(instance) -> None:
        """Let Qt see the hints of this widget; its constructor calls this."""
        this = weakref.ref(instance)
        for cls in reversed(type(instance).__mro__):
            for name, hint in vars(cls).items():
                if isinstance(hint, SizeHint):
                    instance.__dict__[name] = lambda compute=hint.compute: compute(this())
