"""How a parameter's value is kept in a parameter node: the same names and texts as Slicer writes into a scene.

bool "True"/"False"; number, str and Path as text; Enum by its member's name; a node as a reference whose role is the
parameter; list as name.len and name.0, name.1 …; Optional as name.0, or name.1 when it is None.
"""

from __future__ import annotations

import enum
import pathlib
import types
import typing

import slicer
import slicer.util

from .parameter_rules import Default, Validator

_PATHS = (pathlib.Path, pathlib.PurePath, pathlib.PosixPath, pathlib.PurePosixPath, pathlib.WindowsPath)


def split(hint):
    """(type, annotations) of a hint such as Annotated[float, WithinRange(0, 1)]."""
    if typing.get_origin(hint) is typing.Annotated:
        inner, *annotations = typing.get_args(hint)
        return inner, annotations
    return hint, []


def is_node(kind) -> bool:
    return isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)


def union_members(kind) -> tuple:
    return typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else ()


class Codec:
    """Text in the node ↔ value in Python, for one kind that fits into one text."""

    def __init__(self, kind, accepted, default, to_text=str, from_text=None):
        self.kind, self.accepted, self.default = kind, accepted, default
        self.to_text, self.from_text = to_text, from_text or kind

    def check(self, value):
        if value is None:
            raise ValueError("Value must not be None")
        if not isinstance(value, self.accepted):
            raise TypeError(f"Value must be {self.accepted}, not {type(value).__name__} {value!r}")

    def stored(self, node, name) -> bool:
        return bool(node.HasParameter(name))

    def write(self, node, name, value):
        node.SetParameter(name, self.to_text(value))

    def read(self, node, name):
        return self.from_text(node.GetParameter(name))

    def remove(self, node, name):
        node.UnsetParameter(name)


class NodeCodec(Codec):
    def __init__(self, kinds):
        super().__init__(kinds[0], tuple(kinds), None)

    def check(self, value):
        if value is not None:
            super().check(value)

    def write(self, node, name, value):
        node.SetParameter(name, "")  # tells "None was stored" from "nothing was stored"
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node, name):
        return node.GetNodeReference(name)

    def remove(self, node, name):
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)


class OptionalCodec(Codec):
    def __init__(self, inner):
        super().__init__(inner.kind, inner.accepted, None)
        self.inner = inner

    def check(self, value):
        if value is not None:
            self.inner.check(value)

    def stored(self, node, name):
        return self.inner.stored(node, f"{name}.0") or bool(node.HasParameter(f"{name}.1"))

    def write(self, node, name, value):
        self.remove(node, name)
        if value is None:
            node.SetParameter(f"{name}.1", "None")
        else:
            self.inner.write(node, f"{name}.0", value)

    def read(self, node, name):
        return self.inner.read(node, f"{name}.0") if self.inner.stored(node, f"{name}.0") else None

    def remove(self, node, name):
        self.inner.remove(node, f"{name}.0")
        node.UnsetParameter(f"{name}.1")


class ListCodec(Codec):
    def __init__(self, inner):
        super().__init__(list, (list, tuple, StoredList), ())
        self.inner = inner

    def check(self, value):
        super().check(value)
        for element in value:
            self.inner.check(element)

    def stored(self, node, name):
        return bool(node.HasParameter(f"{name}.len"))

    def write(self, node, name, value):
        self.remove(node, name)
        for index, element in enumerate(value):
            self.inner.write(node, f"{name}.{index}", element)
        node.SetParameter(f"{name}.len", str(len(value)))

    def read(self, node, name):
        length = int(node.GetParameter(f"{name}.len") or 0)
        return StoredList((self.inner.read(node, f"{name}.{index}") for index in range(length)), self, node, name)

    def remove(self, node, name):
        for index in range(int(node.GetParameter(f"{name}.len") or 0)):
            self.inner.remove(node, f"{name}.{index}")
        node.UnsetParameter(f"{name}.len")


class StoredList(list):
    """A list parameter: a change in place is stored and raises the node's event."""

    def __init__(self, elements, codec, node, name):
        super().__init__(elements)
        self._where = (codec, node, name)

    def _storing(name):  # makes the methods below
        def method(self, *args, **kwargs):
            result = getattr(list, name)(self, *args, **kwargs)
            codec, node, parameter = self._where
            codec.check(list(self))
            with slicer.util.NodeModify(node):
                codec.write(node, parameter, list(self))
            return result

        return method

    append, extend, insert = _storing("append"), _storing("extend"), _storing("insert")
    remove, pop, clear = _storing("remove"), _storing("pop"), _storing("clear")
    sort, reverse, __iadd__ = _storing("sort"), _storing("reverse"), _storing("__iadd__")
    __setitem__, __delitem__ = _storing("__setitem__"), _storing("__delitem__")


def codec_for(kind) -> Codec:
    """The codec of a type; TypeError when parameters of that type cannot be stored."""
    kind, _ = split(kind)
    members = union_members(kind)
    if members:
        real = [member for member in members if member is not type(None)]
        if all(is_node(member) for member in real):
            return NodeCodec(real) if type(None) not in members else OptionalCodec(NodeCodec(real))
        if len(real) == 1:
            return OptionalCodec(codec_for(real[0]))
    elif is_node(kind):
        return NodeCodec([kind])
    elif kind is list or typing.get_origin(kind) is list:
        return ListCodec(codec_for((typing.get_args(kind) or (str,))[0]))
    elif kind is bool:
        return Codec(bool, bool, False, from_text=lambda text: text == "True")
    elif kind is int:
        return Codec(int, int, 0)
    elif kind is float:
        return Codec(float, (int, float), 0.0)
    elif kind is str:
        return Codec(str, str, "")
    elif kind in _PATHS:
        return Codec(kind, kind, kind())
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        return Codec(kind, kind, next(iter(kind)), lambda member: member.name, lambda name: kind[name])
    raise TypeError(f"A parameter of type {kind} cannot be stored.")


class Parameter:
    """One field of a wrapper: its type, codec, rules and default."""

    def __init__(self, name, hint, given=None):
        self.name, self.hint = name, hint
        kind, annotations = split(hint)
        self.codec = codec_for(kind)
        self.validators = [a for a in annotations if isinstance(a, Validator)]
        self.annotations = annotations
        default = next((a for a in annotations if isinstance(a, Default)), None)
        self.default = Default(given) if given is not None else default or Default(self.codec.default)

    def write(self, node, value):
        self.codec.check(value)
        for validator in self.validators:
            validator.validate(value)
        with slicer.util.NodeModify(node):
            self.codec.write(node, self.name, value)

    def read(self, node):
        """The stored value; a bad number is read without complaint, an unknown Enum name is a ValueError."""
        try:
            return self.codec.read(node, self.name)
        except KeyError as error:
            raise ValueError(f"{self.name}: {error} is no member of {self.codec.kind}") from error
