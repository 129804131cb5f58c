"""Reading a Designer file: its elements with their lines, and its enum texts."""

import functools
from xml.etree.ElementTree import TreeBuilder
from xml.parsers import expat

from PySide6 import QtCore, QtGui, QtWidgets

from . import standins


class UiError(Exception):
    """A .ui file with mistakes; the text names the file and each line."""


def parse(text: str):
    """The root element and a dict element → line number."""
    builder, parser, lines = TreeBuilder(), expat.ParserCreate(), {}

    def start(tag, attributes):
        lines[builder.start(tag, attributes)] = parser.CurrentLineNumber

    parser.StartElementHandler = start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise UiError(f"not well-formed XML: {error}") from error
    return builder.close(), lines


@functools.cache
def widget_class(name: str):
    """The Python class for a widget of this class name, or None. Stand-ins first."""
    found = standins.classes.get(name) or getattr(QtWidgets, "QFrame" if name == "Line" else name, None)
    return found if isinstance(found, type) and issubclass(found, QtWidgets.QWidget) else None


def enum_value(text: str):
    """The number of "Qt::AlignLeft|Qt::AlignTop" or "QFrame::Shape::Box". ValueError names the part that is unknown."""
    value = 0
    for part in text.split("|"):
        *scope, key = part.strip().split("::")
        found = _scope(scope[0]) if scope else None
        for name in [*scope[1:], key]:
            found = getattr(found, name, None)
        if not isinstance(found, int):
            raise ValueError(f"'{part.strip()}' is no enum value")
        value |= int(found)
    return value


def _scope(name: str):
    if name in standins.classes:
        return standins.classes[name]
    return next((getattr(m, name) for m in (QtCore, QtGui, QtWidgets) if hasattr(m, name)), None)


def value_of(element):
    """The Python value of a <property>'s content, for the properties of stand-ins."""
    content = element[0]
    text = content.text or ""
    if content.tag == "bool":
        return text.strip() == "true"
    if content.tag == "number":
        return int(text)
    if content.tag in ("double", "float"):
        return float(text)
    if content.tag == "stringlist":
        return [item.text or "" for item in content.findall("string")]
    if content.tag in ("enum", "set"):
        return enum_value(text)
    return text
