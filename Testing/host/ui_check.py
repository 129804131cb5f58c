"""What is wrong with a Designer file: Qt's own loader passes most mistakes over in silence."""

from PySide6 import QtWidgets

from . import qt_signals
from .meta_facts import facts_of
from .ui_xml import enum_value, widget_class

# properties that Designer gives to layouts and spacers and that are no Qt properties of them
_LAYOUT = {f"{side}Margin" for side in ("left", "top", "right", "bottom")}
_LAYOUT |= {"margin", "spacing", "horizontalSpacing", "verticalSpacing"}
_SPACER = {"orientation", "sizeHint", "sizeType"}
_DYNAMIC = {"SlicerParameterName", "SlicerPackParameterName"}
# which elements may stand in a property of this type
_CONTENT = {
    "bool": {"bool"},
    "int": {"number", "enum", "set"},
    "double": {"double", "number", "float"},
    "QString": {"string"},
    "QStringList": {"stringlist"},
}


class Check:
    """All mistakes of one file as (line, sentence) in `problems`."""

    def __init__(self, root, lines):
        self.root, self.lines, self.problems = root, lines, []
        self.classes = {}  # object name -> widget class
        self.names = set()
        for element in root.iter():
            if element.tag in ("widget", "layout", "spacer", "action", "actiongroup", "buttongroup"):
                self._named(element)
        for element in root.iter():
            if element.tag == "widget":
                self._widget(element)
            elif element.tag == "layout":
                self._layout(element)
            elif element.tag == "spacer":
                self._known(element, _SPACER, "a spacer")
            elif element.tag in ("enum", "set"):
                self._enum(element)
            elif element.tag == "connection":
                self._connection(element)
            elif element.tag == "tabstop" and element.text not in self.names:
                self._wrong(element, f"there is no object '{element.text}'")

    def _wrong(self, element, sentence):
        self.problems.append((self.lines[element], sentence))

    def _named(self, element):
        name = element.get("name")
        if not name:
            if element.tag == "widget":
                self._wrong(element, f"a {element.get('class')} without a name")
            return
        if name in self.names:
            self._wrong(element, f"the name '{name}' is used twice")
        self.names.add(name)
        if element.tag == "widget":
            self.classes[name] = widget_class(element.get("class"))

    def _widget(self, element):
        class_name = element.get("class")
        cls = widget_class(class_name)
        if cls is None:
            self._wrong(element, f"unknown widget class '{class_name}'")
            return
        for part in element.findall("property"):
            self._property(part, cls)

    def _property(self, element, cls):
        name, known = element.get("name"), facts_of(cls).properties
        if name == "buddy" and issubclass(cls, QtWidgets.QLabel):
            if element[0].text not in self.names:
                self._wrong(element, f"there is no object '{element[0].text}'")
            return
        if name == "orientation" and cls is QtWidgets.QFrame:  # a Designer "Line"
            return
        if name not in known:
            if element.get("stdset") != "0":
                self._wrong(element, f"{cls.__name__} has no property '{name}'")
            elif name.startswith("Slicer") and name not in _DYNAMIC:
                self._wrong(element, f"'{name}' is none of Slicer's properties ({', '.join(sorted(_DYNAMIC))})")
            return
        content, (kind, writable) = element[0].tag, known[name]
        if not writable:
            self._wrong(element, f"the property '{name}' of {cls.__name__} is read only")
        elif kind in _CONTENT and content not in _CONTENT[kind]:
            self._wrong(element, f"the property '{name}' of {cls.__name__} is a {kind}, not a <{content}>")

    def _layout(self, element):
        cls = getattr(QtWidgets, element.get("class", ""), None)
        if cls is None:
            self._wrong(element, f"unknown layout class '{element.get('class')}'")
            return
        self._known(element, _LAYOUT | set(facts_of(cls).properties), cls.__name__)

    def _known(self, element, names, what):
        for part in element.findall("property"):
            if part.get("name") not in names:
                self._wrong(part, f"{what} has no property '{part.get('name')}'")

    def _enum(self, element):
        try:
            enum_value(element.text or "")
        except ValueError as error:
            self._wrong(element, str(error))

    def _connection(self, element):
        sender, signal, receiver, slot = (element.findtext(k) for k in ("sender", "signal", "receiver", "slot"))
        for name in (sender, receiver):
            if name not in self.names:
                self._wrong(element, f"there is no object '{name}'")
                return
        source, target = self.classes.get(sender), self.classes.get(receiver)
        if source is not None and not _has_signal(source, signal):
            self._wrong(element, f"{source.__name__} has no signal '{signal}'")
        if target is not None and not _has_slot(target, slot):
            self._wrong(element, f"{target.__name__} has no slot '{slot}'")


def _has_signal(cls, signature) -> bool:
    wanted = qt_signals.normalized(signature)
    declared = any(wanted in base.__dict__.get("cpp_signals", ()) for base in cls.__mro__)
    return declared or wanted in facts_of(cls).signals


def _has_slot(cls, signature) -> bool:
    """A slot of Qt, or a method that the stand-in defines in Python."""
    wanted = qt_signals.normalized(signature)
    if wanted in facts_of(cls).methods:
        return True
    name = wanted.split("(")[0]
    return any(name in base.__dict__ for base in cls.__mro__ if not base.__module__.startswith("PySide6"))
