"""`object.connect("signal(type)", slot)`: signals by their C++ signature, checked against the object's meta-object.

As in PythonQt a slot gets as many arguments as it has parameters, an exception in it is printed (and kept), a bound
method keeps its object alive until it is disconnected, and an unknown signal prints, returns False (and is kept, too).
"""

import inspect
import types

import shiboken6
from PySide6 import QtCore

from . import errors
from .meta_facts import facts_of
from .qt_attributes import is_strict

# C++ address of the sender -> its connections; the sender itself must not be held, a lost timer has to die.
_connections: dict[int, list["Connection"]] = {}


class Connection:
    """One slot at one signal. `relay` is what Qt calls."""

    def __init__(self, signature, bound_signal, slot, argument_count):
        self.signature, self.slot = signature, slot
        relay_count = accepted_arguments(slot)

        def relay(*arguments):
            given = arguments[:argument_count]
            try:
                slot(*(given if relay_count is None else given[:relay_count]))
            except Exception as error:
                errors.record(error)

        self.relay = relay
        self.disconnect = lambda signal: signal.disconnect(relay)
        bound_signal.connect(relay)


def accepted_arguments(slot) -> int | None:
    """How many arguments PythonQt hands to this slot; None: all. Parameters with defaults count, so they are filled."""
    function = slot.__func__ if isinstance(slot, types.MethodType) else slot
    if not isinstance(function, types.FunctionType):
        return None
    code = function.__code__
    if code.co_flags & inspect.CO_VARARGS:
        return None
    return code.co_argcount - (1 if isinstance(slot, types.MethodType) else 0)


def connect(sender, signature, receiver, member=None) -> bool:
    """Connect a signal to a callable, or to a named slot of another object; False if there is no such signal."""
    slot = receiver if member is None else getattr(receiver, member.split("(")[0], None)
    found = find_signal(sender, signature)
    if found is None or not callable(slot):
        what = f"signal '{signature}'" if found is None else f"slot for '{signature}'"
        errors.record(errors.SignalError(f"{type(sender).__name__} '{sender.objectName}' has no {what}"))
        return False
    bound, count = found
    address = shiboken6.getCppPointer(sender)[0]
    if address not in _connections:
        _connections[address] = []
        sender.destroyed.connect(lambda *_: _connections.pop(address, None))
    _connections[address].append(Connection(normalized(signature), bound, slot, count))
    return True


def disconnect(sender, signature, receiver=None, member=None) -> bool:
    """Undo `connect`; without a receiver all slots of the signal. False if nothing was connected."""
    slot = receiver if member is None else getattr(receiver, member.split("(")[0], None)
    known = _connections.get(shiboken6.getCppPointer(sender)[0], [])
    wanted = normalized(signature)
    gone = [c for c in known if c.signature == wanted and (slot is None or c.slot == slot)]
    for connection in gone:
        connection.disconnect(find_signal(sender, signature)[0])
        known.remove(connection)
    return bool(gone)


def normalized(signature: str) -> str:
    """The signature as Qt's meta-objects spell it: no spaces, no const reference."""
    return bytes(QtCore.QMetaObject.normalizedSignature(signature).data()).decode()


def find_signal(sender, signature):
    """(bound signal, number of its arguments) of a C++ signature, or None.

    A stand-in whose signal carries a VTK object lists the C++ signature in `cpp_signals` of its class, because PySide
    knows such an argument only as "PyObject".
    """
    wanted = normalized(signature)
    name, _, arguments = wanted.partition("(")
    arguments = arguments.rstrip(")")
    count = len(_split(arguments))
    for cls in type(sender).__mro__:
        if wanted in cls.__dict__.get("cpp_signals", ()):
            return getattr(sender, name), count
    cls = type(sender)
    known = wanted in facts_of(cls).signals if is_strict(cls) else sender.metaObject().indexOfSignal(wanted) >= 0
    if not known:
        return None
    signal = getattr(sender, name, None)
    if not isinstance(signal, QtCore.SignalInstance):
        return None
    return (signal[arguments] if arguments else signal), count


def _split(arguments: str) -> list[str]:
    """The argument types; commas inside <> do not separate."""
    parts, depth = [""], 0
    for letter in arguments:
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [p for p in parts if p]
