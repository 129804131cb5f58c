"""What the header of a volume file promises, read and checked here before ITK believes it.

ITK's readers take memory for whatever a header claims, open whatever file it names, and can be crashed by numbers
that no writer writes. Only headers that pass here are shown to them.
"""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .endings import KINDS, ending_of

LONGEST = 1 << 22  # bytes of a header; one with the names of many segments has some 100 kB
_MOST_AXES = 10


@dataclass(frozen=True)
class VolumeHeader:
    """`sizes` are voxels along each axis; the numbers of a voxel together take `voxel_bytes`.

    data    the file in which the voxels lie, from the byte `start` on (at least)
    packed  whether they are compressed there
    """

    sizes: tuple[int, ...]
    voxel_bytes: int
    data: Path
    start: int
    packed: bool

    @property
    def promised(self) -> int:
        """Bytes of all voxels, unpacked."""
        return math.prod(self.sizes) * self.voxel_bytes


def read_volume_header(path: Path) -> VolumeHeader:
    """The header of a NRRD, NIfTI or MetaImage file.

    Raises ValueError if it is none or claims what cannot be, InputError if it names files elsewhere.
    """
    from .metaimage_header import metaimage_header
    from .nifti_header import nifti_header
    from .nrrd_header import nrrd_header

    read = {"nrrd": nrrd_header, "nifti": nifti_header, "metaimage": metaimage_header}[KINDS[ending_of(path)]]
    return read(path, _head(path))


def _head(path: Path) -> bytes:
    try:
        if ending_of(path) == ".nii.gz":
            with gzip.open(path, "rb") as file:
                return file.read(1024)
        with path.open("rb") as file:
            return file.read(LONGEST)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError("not gzip") from error


def sizes_of(words: str, axes: int) -> tuple[int, ...]:
    """As many whole numbers from 1 on as there are axes."""
    sizes = tuple(whole(word) for word in words.split())
    if not 1 <= axes <= _MOST_AXES or len(sizes) != axes or min(sizes) < 1:
        raise ValueError("impossible sizes")
    return sizes


def whole(word: str) -> int:
    """A whole number of at most 18 digits, as a writer writes it."""
    if len(word) > 19 or not word.isascii() or not word.removeprefix("-").isdigit():
        raise ValueError("not a whole number")
    return int(word)


def numbers(words: str, count: int, largest: float = 1e9) -> tuple[float, ...]:
    """`count` finite numbers, none beyond `largest`."""
    found = tuple(float(word) for word in words.split())
    if len(found) != count or not all(abs(number) <= largest for number in found):
        raise ValueError("impossible numbers")
    return found


def data_beside(path: Path, name: str) -> Path:
    """The file `name` beside the header `path`. Raises InputError for a file elsewhere, or for several."""
    folders = ("/" in name or "\\" in name or ":" in name) and not name.startswith("./")
    inside = name.removeprefix("./")
    if folders or inside in ("", ".", "..") or "/" in inside or "%" in inside or inside.upper().startswith("LIST"):
        raise InputError(
            f"{path.name} keeps its voxels in another folder or in several files; convert it to one file (.nrrd, .mha)."
        )
    if "\0" in inside or len(inside) > 255:
        raise ValueError("an impossible name")
    return path.parent / inside
