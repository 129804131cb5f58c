"""slicer.parameterNodeWrapper: typed fields on a vtkMRMLScriptedModuleNode, connected to widgets by their property.

@parameterNodeWrapper
class Parameters:
    inputVolume: slicer.vtkMRMLScalarVolumeNode
    strength: Annotated[float, WithinRange(0, 1)] = 1.0
"""

from __future__ import annotations

import typing
import weakref

import qt
import slicer.util
import vtk

from . import errors
from .parameter_rules import (
    Choice,
    Decimals,
    Default,
    Exclude,
    Maximum,
    Minimum,
    SingleStep,
    Validator,
    WithinRange,
)
from .parameter_types import Parameter
from .parameter_widgets import connection

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "Maximum",
    "Minimum",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]

SlicerParameterNamePropertyName = "SlicerParameterName"


def isParameterNodeWrapper(classOrObject) -> bool:
    kind = classOrObject if isinstance(classOrObject, type) else type(classOrObject)
    return issubclass(kind, _Wrapper)


def parameterNodeWrapper(cls=None):
    """Class decorator; the class's annotations become the parameters."""
    return _wrap(cls) if cls is not None else _wrap


def _wrap(cls):
    hints = typing.get_type_hints(cls, include_extras=True)
    parameters = {name: Parameter(name, hint, cls.__dict__.get(name)) for name, hint in hints.items()}
    for name in parameters:
        if hasattr(_Wrapper, name):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
    body = {k: v for k, v in cls.__dict__.items() if k not in parameters and k not in ("__dict__", "__weakref__")}
    body.update({name: _field(parameter) for name, parameter in parameters.items()}, allParameters=parameters)
    return type(cls.__name__, (_Wrapper, *(b for b in cls.__bases__ if b is not object)), body)


def _field(parameter):
    return property(
        lambda self: self.getValue(parameter.name), lambda self, value: self.setValue(parameter.name, value)
    )


class _Wrapper:
    allParameters: typing.ClassVar[dict] = {}

    def __init__(self, parameterNode, prefix=None):
        self.parameterNode = parameterNode
        self._cache, self._guis, self._nextTag, self._showing = {}, {}, 0, False
        for parameter in self.allParameters.values():
            if not parameter.codec.stored(parameterNode, parameter.name):
                parameter.write(parameterNode, parameter.default.value)
            self._cache[parameter.name] = parameter.read(parameterNode)
        me = weakref.ref(self)  # the observer must not keep the wrapper alive
        self._tag = parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: me() and me()._refresh())
        weakref.finalize(self, parameterNode.RemoveObserver, self._tag)

    def _refresh(self):
        """Another hand changed the node: read it again. What cannot be read is reported and keeps its last value."""
        for parameter in self.allParameters.values():
            try:
                self._cache[parameter.name] = parameter.read(self.parameterNode)
            except ValueError as error:
                errors.record(error)

    def _parameter(self, name) -> Parameter:
        if name not in self.allParameters:
            raise ValueError(f"There is no parameter {name}; there are {', '.join(self.allParameters)}")
        return self.allParameters[name]

    def getValue(self, name):
        self._parameter(name)
        return self._cache[name]

    def setValue(self, name, value):
        """Store the value; observers find it already readable. The same value again raises no event."""
        parameter = self._parameter(name)
        with slicer.util.NodeModify(self.parameterNode):
            parameter.write(self.parameterNode, value)
            self._cache[name] = parameter.read(self.parameterNode)

    def default(self, name):
        return self._parameter(name).default

    def isCached(self, name):
        return self._parameter(name) is not None

    @classmethod
    def dataType(cls, name):
        return cls.allParameters[name].hint

    # the node's own face
    def StartModify(self):
        return self.parameterNode.StartModify()

    def EndModify(self, was):
        return self.parameterNode.EndModify(was)

    def AddObserver(self, event, call, priority=0.0):
        return self.parameterNode.AddObserver(event, call, priority)

    def RemoveObserver(self, tag):
        self.parameterNode.RemoveObserver(tag)

    def Modified(self):
        self.parameterNode.Modified()

    # widgets
    def connectGui(self, gui):
        """Connect every widget below ``gui`` (or among its attributes) that has the property SlicerParameterName."""
        isWidget = isinstance(gui, qt.QWidget)
        widgets = gui.findChildren(qt.QWidget) if isWidget else list(vars(gui).values())
        named = {widget.property(SlicerParameterNamePropertyName): widget for widget in widgets}
        return self.connectParametersToGui({name: widget for name, widget in named.items() if name})

    def connectParametersToGui(self, mapping):
        connections = {name: connection(widget, self._parameter(name)) for name, widget in mapping.items()}
        tag, self._nextTag = self._nextTag, self._nextTag + 1
        for name, found in connections.items():
            found.set(self.getValue(name))
            found.onChanged(self._fromWidget(name, found))
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show())
        self._guis[tag] = (connections, observer)
        return tag

    def disconnectGui(self, tag):
        connections, observer = self._guis.pop(tag, ({}, None))
        for found in connections.values():
            found.onChanged(None)
        if observer is not None:
            self.RemoveObserver(observer)

    def _fromWidget(self, name, found):
        def changed():
            if not self._showing:
                self.setValue(name, found.get())

        return changed

    def _show(self):
        """Node → widgets; what the widgets then signal is not written back."""
        if self._showing:
            return
        self._showing = True
        try:
            for connections, _ in list(self._guis.values()):
                for name, found in connections.items():
                    found.set(self.getValue(name))
        finally:
            self._showing = False
