"""`qt.QUiLoader`, what slicer.util.loadUI uses: it knows the stand-ins, makes MRML connections, and is strict.

A file with an unknown class, property, enum value, signal or slot raises UiError with the lines; so does whatever Qt's
own loader only warns about.
"""

from xml.etree.ElementTree import tostring

from PySide6 import QtCore, QtUiTools

from . import qt_attributes, qt_signals, standins
from .ui_check import Check
from .ui_xml import UiError, parse, value_of, widget_class


class QUiLoader(QtUiTools.QUiLoader):
    def createWidget(self, className, parent=None, name=""):
        cls = standins.classes.get(className)
        if cls is None:
            return super().createWidget(className, parent, name)
        widget = cls(parent)
        widget.setObjectName(name)
        return widget

    def load(self, device, parentWidget=None):
        """The widget of an open QFile (or other device)."""
        from . import ctk, qmrml_checkable_combo_box  # noqa: F401  the stand-ins must be known

        ctk.install()
        where = device.fileName() if hasattr(device, "fileName") else "the .ui file"
        if not device.isOpen():
            raise UiError(f"{where}: the file is not open")
        try:
            root, lines = parse(device.readAll().data().decode("utf-8"))
        except UiError as error:
            raise UiError(f"{where}: {error}") from None
        problems = Check(root, lines).problems
        if problems:
            raise UiError("\n".join(f"{where}, line {line}: {sentence}" for line, sentence in sorted(problems)))
        later = _take_out_what_only_python_knows(root)
        connections = [c for group in root.iter("connections") for c in group]
        for group in root.findall("connections"):
            root.remove(group)
        top = self._load_with_qt(where, tostring(root), parentWidget)

        def find(name):
            return top if top.objectName == name else top.findChild(QtCore.QObject, name)

        for name, key, value in later:
            setattr(find(name), key, value)
        for connection in connections:
            _connect(find, *(connection.findtext(k) for k in ("sender", "signal", "receiver", "slot")))
        return top

    def _load_with_qt(self, where, text, parent):
        warnings = []
        previous = QtCore.qInstallMessageHandler(lambda _kind, _context, message: warnings.append(message))
        buffer = QtCore.QBuffer()
        buffer.setData(text)
        buffer.open(QtCore.QIODevice.ReadOnly)
        try:
            with qt_attributes.ignoring_unknown():
                top = super().load(buffer, parent)
        finally:
            QtCore.qInstallMessageHandler(previous)
        said = [w for w in warnings if "propagateSizeHints" not in w]
        if top is None or said:
            raise UiError(f"{where}: " + "; ".join(said or [self.errorString()]))
        return top


def _take_out_what_only_python_knows(root) -> list:
    """Properties that a stand-in defines: removed from the XML and returned as (object, property, value)."""
    later = []
    for widget in root.iter("widget"):
        cls = widget_class(widget.get("class"))
        if cls.__name__ not in standins.classes:
            continue
        for element in widget.findall("property"):
            key = element.get("name")
            if isinstance(getattr(cls, key, None), QtCore.Property):
                later.append((widget.get("name"), key, value_of(element)))
                widget.remove(element)
    return later


def _connect(find, sender, signal, receiver, slot):
    name, arguments = slot.rstrip(")").split("(")
    count, method = len([a for a in arguments.split(",") if a]), getattr(find(receiver), name)
    qt_signals.connect(find(sender), signal, lambda *given: method(*given[:count]))
