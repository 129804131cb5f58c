"""Spoiling bytes without knowing what they mean."""

from __future__ import annotations

import struct
from random import Random

_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def harm_bytes(content: bytes, chance: Random, first: int = 0, last: int | None = None) -> bytes:
    """`content` with one to six changes between the bytes `first` and `last`."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        end = len(data) if last is None else min(last, len(data))
        if end <= first:
            return bytes(data)
        chance.choice(_CHANGES)(data, chance, chance.randrange(first, end))
    return bytes(data)


def _flip(data: bytearray, chance: Random, place: int) -> None:
    data[place] ^= 1 << chance.randrange(8)


def _replace(data: bytearray, chance: Random, place: int) -> None:
    data[place] = chance.randrange(256)


def _number(data: bytearray, chance: Random, place: int) -> None:
    """A number at the edge of its type, in either byte order."""
    code = chance.choice(("<H", ">H", "<I", ">I"))
    value = chance.choice(_NUMBERS) & (0xFFFF if code[1] == "H" else 0xFFFFFFFF)
    part = struct.pack(code, value)
    data[place : place + len(part)] = part


def _cut(data: bytearray, chance: Random, place: int) -> None:
    del data[place:]


def _remove(data: bytearray, chance: Random, place: int) -> None:
    del data[place : place + chance.choice((1, 2, 4, 8, 64))]


def _insert(data: bytearray, chance: Random, place: int) -> None:
    data[place:place] = chance.choice((b"\0", b"\xff", b"\n", b" ", b"\0" * 64, chance.randbytes(4)))


def _repeat(data: bytearray, chance: Random, place: int) -> None:
    part = bytes(data[place : place + chance.choice((4, 16, 256))])
    data[place:place] = part * chance.choice((1, 2, 40))


def _blank(data: bytearray, chance: Random, place: int) -> None:
    length = min(chance.choice((2, 8, 64, 512)), len(data) - place)
    data[place : place + length] = bytes([chance.choice((0, 0x20, 0xFF))]) * length


_CHANGES = (_flip, _flip, _replace, _replace, _number, _number, _number, _cut, _remove, _insert, _repeat, _blank)
