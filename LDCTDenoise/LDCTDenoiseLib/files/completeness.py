"""Whether a volume file holds all the bytes that its header promises.

ITK fills what is missing in a truncated NIfTI file (and, before version 5.4, in a MetaImage) with whatever lies in
memory, and says nothing when the disk is full while it writes a NIfTI file. So the lengths are compared here, after
writing as well as before reading. NRRD is checked by ITK itself.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from pathlib import Path

from .endings import ending_of

_METAIMAGE_BYTES = {"CHAR": 1, "SHORT": 2, "INT": 4, "LONG": 4, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}
_LONGEST_HEADER = 1 << 16  # bytes
_DENSEST = 1100  # deflate packs at most 1032 bytes into one
_CHUNK = 1 << 22


def is_complete(path: Path) -> bool:
    """False if `path` is shorter than its header promises; True if it is whole or cannot be judged here."""
    ending = ending_of(path)
    if ending == ".nii":
        with path.open("rb") as file:
            promised = _nifti_length(file.read(_LONGEST_HEADER))
        return promised is not None and path.stat().st_size >= promised
    if ending == ".nii.gz":
        return _gzip_is_complete(path)
    if ending in (".mha", ".mhd"):
        return _metaimage_is_complete(path)
    return True


def may_hold(path: Path, promised: int) -> bool:
    """Whether the data of `path` can be unpacked to `promised` bytes: a forged header must not take all memory.

    True also where the data cannot be found here, for instance in a list of files.
    """
    data, ending = path, ending_of(path)
    if ending in (".nii", ".nii.gz"):
        return True  # `is_complete` unpacks and counts
    if ending in (".nhdr", ".mhd"):
        with path.open("rb") as file:
            head = file.read(_LONGEST_HEADER)
        named = re.search(rb"^(?:data file:|ElementDataFile *=) *(.+?)\r?$", head, re.MULTILINE)
        data = path.parent / named[1].decode("utf-8", "replace") if named else path.parent
    return not data.is_file() or promised <= _DENSEST * data.stat().st_size


def _nifti_length(head: bytes) -> int | None:
    """The length of the whole file in bytes, by its header; None if it is not NIfTI."""
    for order in "<>":
        size = struct.unpack(order + "i", head[:4])[0] if len(head) >= 352 else 0
        if size == 348:
            axes = struct.unpack(order + "8h", head[40:56])
            bits, start = struct.unpack(order + "h", head[72:74])[0], struct.unpack(order + "f", head[108:112])[0]
        elif size == 540 and len(head) >= 540:
            axes = struct.unpack(order + "8q", head[16:80])
            bits, start = struct.unpack(order + "h", head[14:16])[0], struct.unpack(order + "q", head[168:176])[0]
        else:
            continue
        voxels = math.prod(max(1, n) for n in axes[1 : 1 + max(0, min(7, axes[0]))])
        return int(start) + voxels * bits // 8
    return None


def _gzip_is_complete(path: Path) -> bool:
    """Unpacks the whole file without keeping it: a cut gzip stream shows only at its end."""
    length = 0
    try:
        with gzip.open(path, "rb") as file:
            head = file.read(_LONGEST_HEADER)
            promised, length = _nifti_length(head), len(head)
            while chunk := file.read(_CHUNK):
                length += len(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False
    return promised is not None and length >= promised


def _metaimage_is_complete(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    name, pairs, start = "", {}, 0
    while start < len(head) and not name:  # ElementDataFile is the header's last line
        end = head.find(b"\n", start) + 1 or len(head)
        key, _, value = head[start:end].decode("utf-8", "replace").partition("=")
        pairs[key.strip()] = value.strip()
        name, start = pairs.get("ElementDataFile", ""), end
    data = path if name == "LOCAL" else path.parent / name
    try:
        promised = int(pairs["CompressedDataSize"]) if "CompressedDataSize" in pairs else _metaimage_bytes(pairs)
    except (KeyError, ValueError):
        return True  # an unusual header: ITK's own checks have to do
    if not name or not data.is_file():
        return True  # a list or pattern of files, or one that ITK will miss
    return data.stat().st_size >= promised + (start if name == "LOCAL" else 0)


def _metaimage_bytes(pairs: dict[str, str]) -> int:
    kind = pairs["ElementType"].removeprefix("MET_").replace("UCHAR", "CHAR").removeprefix("U")
    channels = int(pairs.get("ElementNumberOfChannels", "1"))
    return math.prod(int(n) for n in pairs["DimSize"].split()) * channels * _METAIMAGE_BYTES[kind]
