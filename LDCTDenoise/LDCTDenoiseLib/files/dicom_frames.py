"""Where the frames of a compressed DICOM file lie: its pixels are a chain of fragments, one or several a frame."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

_ITEM, _END = 0xE000FFFE, 0xE0DDFFFE  # tags as they lie in a little endian file
_STARTS = (b"\xff\xd8", b"\xff\x4f")  # a JPEG stream and a JPEG 2000 stream: never within one
_MOST_A_FRAME = 1 << 14  # fragments; writers make one, or one of some kilobytes


@dataclass(frozen=True)
class Fragment:
    """Bytes of the file: where they begin, and how many they are."""

    offset: int
    length: int


def frames_of(file: BinaryIO, offset: int, frames: int) -> list[list[Fragment]]:
    """For each of `frames` the fragments that hold it. `offset` is where the encapsulated pixels begin.

    The table of offsets that the first item may hold is not needed: a frame of several fragments shows by the
    stream that begins in its first. Raises ValueError if the chain is broken or holds another number of frames.
    """
    fragments = _chain(file, offset, frames * _MOST_A_FRAME)
    if len(fragments) == frames:
        return [[fragment] for fragment in fragments]
    if frames == 1 and fragments:
        return [fragments]
    groups: list[list[Fragment]] = []
    for fragment in fragments:
        file.seek(fragment.offset)
        if file.read(2) in _STARTS:
            groups.append([])
        elif not groups:
            raise ValueError("the first fragment begins no stream")
        groups[-1].append(fragment)
    if len(groups) != frames:
        raise ValueError(f"{len(groups)} frames instead of {frames}")
    return groups


def read_frame(file: BinaryIO, fragments: list[Fragment]) -> bytes:
    """The compressed stream of one frame."""
    parts = []
    for fragment in fragments:
        file.seek(fragment.offset)
        parts.append(file.read(fragment.length))
    return b"".join(parts)


def _chain(file: BinaryIO, offset: int, most: int) -> list[Fragment]:
    """The fragments, without the table of offsets before them; every one lies within the file."""
    size = file.seek(0, os.SEEK_END)
    fragments: list[Fragment] = []
    while True:
        file.seek(offset)
        head = file.read(8)
        tag, length = struct.unpack("<II", head) if len(head) == 8 else (0, 0)
        if tag == _END:
            return fragments[1:]
        if tag == 0 and fragments[1:] and offset >= size:
            return fragments[1:]  # some writers forget the end
        if tag != _ITEM or offset + 8 + length > size or len(fragments) > most:
            raise ValueError("the chain of fragments is broken")
        fragments.append(Fragment(offset + 8, length))
        offset += 8 + length
