"""What Qt's meta-object says about a class, as plain Python values.

A meta-object of a class written in Python is made anew when Qt learns more about the class, and the old one dies. So
the facts about a stand-in are read once, when the class is made.
"""

import functools
from typing import NamedTuple

from PySide6 import QtCore


class Facts(NamedTuple):
    properties: dict  # name -> (type name, writable)
    signals: frozenset  # normalized signatures
    methods: frozenset  # normalized signatures of signals, slots and invokable methods


@functools.cache
def facts_of(cls) -> Facts:
    """The facts about a QObject class and its bases."""
    meta = cls.staticMetaObject
    properties = [meta.property(index) for index in range(meta.propertyCount())]
    methods = [meta.method(index) for index in range(meta.methodCount())]
    return Facts(
        {p.name(): (p.typeName(), p.isWritable()) for p in properties},
        frozenset(_signature(m) for m in methods if m.methodType() == QtCore.QMetaMethod.Signal),
        frozenset(_signature(m) for m in methods),
    )


def _signature(method) -> str:
    return method.methodSignature().data().decode()
