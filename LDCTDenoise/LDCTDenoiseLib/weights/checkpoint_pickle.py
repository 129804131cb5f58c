"""What a checkpoint's pickle would make, read without making it.

PyTorch's restricted loader runs no code, but it does make Python's own containers: `bytearray(10**12)`, forty bytes in
a file, fills all memory. So the names in the pickle are looked at first.
"""

from __future__ import annotations

import pickletools
from typing import BinaryIO

_PYTHONS_OWN = ("builtins", "__builtin__", "_codecs")
_HARMLESS = ("set", "frozenset")
_MOST_STEPS = 2_000_000  # a checkpoint with its optimizer takes some 100,000


def is_only_data(file: BinaryIO, pickles: int = 1) -> bool:
    """Whether the `pickles` that follow each other from here on make nothing of Python's own by number or name.

    True also for what is no pickle: whoever loads it will notice. Whether what they name is PyTorch's, the loader
    judges.
    """
    steps = 0
    try:
        for _ in range(pickles):
            for step, argument, _place in pickletools.genops(file):
                steps += 1
                if steps > _MOST_STEPS:
                    return False
                if step.name in ("GLOBAL", "INST") and not _is_harmless(argument):
                    return False
    except (ValueError, IndexError, EOFError, OverflowError, MemoryError):  # the last: a text of a forged length
        return True
    return True


def _is_harmless(named: str) -> bool:
    module, _, name = named.partition(" ")
    return module not in _PYTHONS_OWN or name in _HARMLESS
