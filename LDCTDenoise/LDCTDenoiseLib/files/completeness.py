"""Whether a volume file holds all the voxels that its header promises.

ITK fills what is missing in a truncated NIfTI file (and, before version 5.4, in a MetaImage) with whatever lies in
memory. So the lengths are compared here before it reads.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from .endings import ending_of
from .volume_header import VolumeHeader

_DENSEST = 1100  # deflate packs at most 1032 bytes into one
_CHUNK = 1 << 22
_MOST_BEYOND = 1 << 26  # bytes after the last voxel


def holds_its_voxels(header: VolumeHeader) -> bool:
    """Whether the data are long enough; of packed NRRD and MetaImage, whether they can be: ITK notices what is cut."""
    if not header.data.is_file():
        return False
    size = header.data.stat().st_size
    if not header.packed:
        return size >= header.start + header.promised
    if header.promised > _DENSEST * size:
        return False
    return ending_of(header.data) != ".nii.gz" or _unpacks_to(header.data, header.start + header.promised)


def _unpacks_to(path: Path, promised: int) -> bool:
    """Unpacks the whole file without keeping it: a cut gzip stream shows only at its end."""
    length = 0
    try:
        with gzip.open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                length += len(chunk)
                if length > promised + _MOST_BEYOND:  # a bomb
                    return False
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False
    return length >= promised
