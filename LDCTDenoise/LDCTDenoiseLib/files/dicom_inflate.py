"""DICOM files whose data set is deflated: unpacked only as far as it is needed, for a small file can hold terabytes."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

DEFLATED = "1.2.840.10008.1.2.1.99"
_PLAIN = b"1.2.840.10008.1.2.1\0\0\0"  # what it is once unpacked: explicit, little endian; of the same length
_LONGEST_HEADER = 1 << 25  # bytes, unpacked; an enhanced object of 2,000 frames has some 10 million
_CHUNK = 1 << 18


class Inflated:
    """The data set of a deflated file, read from its beginning to wherever one needs."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        self.position = data_set_begins(file)
        file.seek(self.position)

    def read(self, count: int) -> bytes:
        """The next `count` bytes, fewer at the end of the data. Raises ValueError if they cannot be unpacked."""
        out = bytearray()
        try:
            while len(out) < count and not self._unpack.eof:
                packed = self._unpack.unconsumed_tail or self._file.read(_CHUNK)
                part = self._unpack.decompress(packed, min(count - len(out), 1 << 24))
                if not packed and not part:
                    break
                out += part
        except zlib.error as error:
            raise ValueError("the deflated data are damaged") from error
        self.position += len(out)
        return bytes(out)

    def skip_to(self, position: int) -> None:
        """Forward to a place in the unpacked file."""
        while self.position < position and self.read(min(position - self.position, _CHUNK)):
            pass


def unpacked_header(file: BinaryIO) -> bytes:
    """The file as it would begin if it were not deflated, up to the pixels or somewhat further."""
    begin = data_set_begins(file)
    file.seek(0)
    head = file.read(begin).replace(DEFLATED.encode(), _PLAIN)
    return head + Inflated(file).read(_LONGEST_HEADER)


def data_set_begins(file: BinaryIO) -> int:
    """Where the file meta information ends: it alone is never deflated. Raises ValueError where it is not told."""
    file.seek(132)
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"\x02\0\0\0" or head[4:6] != b"UL":
        raise ValueError("the length of the file meta information is missing")
    length = struct.unpack("<I", head[8:])[0]
    if length > _CHUNK:
        raise ValueError("the file meta information is too long")
    return 144 + length


def is_deflated(head: bytes) -> bool:
    """Whether a file that begins with `head`, its first kilobytes, names the deflated transfer syntax."""
    return DEFLATED.encode() in head
