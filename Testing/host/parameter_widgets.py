"""Which widget shows which type of parameter, and how. What Slicer cannot connect raises RuntimeError here, too."""

from __future__ import annotations

import enum

from . import parameter_rules as rules
from .parameter_types import NodeCodec, OptionalCodec, Parameter

_DOUBLES = {
    "QDoubleSpinBox",
    "ctkDoubleSpinBox",
    "ctkSliderWidget",
    "ctkDoubleSlider",
    "qMRMLSliderWidget",
    "qMRMLSpinBox",
}
_COMBOS = {"QComboBox", "ctkComboBox"}
_NEED_RANGE = {"ctkSliderWidget", "qMRMLSliderWidget", "QSlider"}


class Connection:
    """One parameter at one widget: ``get`` and ``set`` its value; ``signal`` is None when it only shows."""

    def __init__(self, widget, signal, get, set):
        self.widget, self.signal, self.get, self.set, self._slot = widget, signal, get, set, None

    def onChanged(self, call):
        """Call when the user changes the widget; None ends it."""
        if self.signal is None:
            return
        if self._slot is not None:
            self.widget.disconnect(self.signal, self._slot)
        self._slot = call
        if call is not None:
            self.widget.connect(self.signal, call)


def connection(widget, parameter: Parameter) -> Connection:
    kind, name = parameter.codec.kind, type(widget).__name__
    optional, node = isinstance(parameter.codec, OptionalCodec), _node_codec(parameter.codec)
    if node is not None and name == "qMRMLNodeComboBox":
        widget.nodeTypes = [accepted.__name__ for accepted in node.accepted]
        return Connection(widget, "currentNodeChanged(vtkMRMLNode*)", widget.currentNode, widget.setCurrentNode)
    if node is None and not optional:
        if kind is bool and name in ("QCheckBox", "ctkCheckBox", "QPushButton", "ctkCheckablePushButton"):
            if name == "QPushButton":
                widget.checkable = True
            return _property(widget, "checked", "toggled(bool)")
        if kind in (int, float) and (name in _DOUBLES or (kind is int and name in ("QSlider", "QSpinBox"))):
            return _number(widget, name, parameter)
        if name in _COMBOS and (choices := _choices(parameter)):
            return _combo(widget, choices)
        if kind is str and name in ("QLineEdit", "QTextEdit", "QLabel"):
            signal = {"QLineEdit": "textChanged(QString)", "QTextEdit": "textChanged()", "QLabel": None}[name]
            return _property(widget, "plainText" if name == "QTextEdit" else "text", signal)
        if getattr(kind, "__module__", "").startswith("pathlib"):
            attribute = {"ctkPathLineEdit": "currentPath", "ctkDirectoryButton": "directory"}.get(name)
            if attribute is not None:
                found = _property(widget, attribute, f"{attribute}Changed(QString)")
                found.get = lambda: kind(getattr(widget, attribute))
                found.set = lambda value: setattr(widget, attribute, str(value))
                return found
    raise RuntimeError(f"Unable to create GUI connector from {parameter.hint} to {name}")


def _node_codec(codec) -> NodeCodec | None:
    codec = codec.inner if isinstance(codec, OptionalCodec) else codec
    return codec if isinstance(codec, NodeCodec) else None


def _property(widget, attribute, signal) -> Connection:
    return Connection(
        widget, signal, lambda: getattr(widget, attribute), lambda value: setattr(widget, attribute, value)
    )


def _number(widget, name, parameter) -> Connection:
    """Range from the annotations; decimals and step only if they are annotated."""
    annotations, integer = parameter.annotations, parameter.codec.kind is int
    low = next((a.minimum for a in annotations if getattr(a, "minimum", None) is not None), None)
    high = next((a.maximum for a in annotations if getattr(a, "maximum", None) is not None), None)
    if name in _NEED_RANGE and (low is None or high is None):
        raise RuntimeError(f"Unable to create GUI connector: {name} needs a range, {parameter.name} has none")
    small = name in ("QSlider", "QSpinBox")
    if not small and integer and name != "ctkDoubleSlider":
        widget.decimals = 0
    for kind, attribute in ((rules.SingleStep, "singleStep"), (rules.Decimals, "decimals")):
        found = next((a for a in annotations if type(a) is kind), None)
        if found is not None:
            setattr(widget, attribute, found.value)
    widget.minimum = low if low is not None else (-(2**31) if small else -1e300)
    widget.maximum = high if high is not None else (2**31 - 1 if small else 1e300)
    convert = int if integer else float
    signal = "valueChanged(int)" if small else "valueChanged(double)"
    return Connection(
        widget, signal, lambda: convert(widget.value), lambda value: setattr(widget, "value", convert(value))
    )


def _choices(parameter):
    """[(text, value)] of an Enum or a Choice, else an empty list."""
    kind = parameter.codec.kind
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        label = getattr(kind, "label", lambda member: member.name)
        return [(label(member), member) for member in kind]
    choice = next((a for a in parameter.annotations if isinstance(a, rules.Choice)), None)
    return [(str(value), value) for value in choice.choices] if choice else []


def _combo(widget, choices) -> Connection:
    values = [value for _, value in choices]
    widget.clear()
    for text, _ in choices:
        widget.addItem(text)

    def show(value):
        if value not in values:
            raise ValueError(f"{value!r} is not one of {values}")
        widget.setCurrentIndex(values.index(value))

    return Connection(widget, "currentIndexChanged(int)", lambda: values[widget.currentIndex], show)
