"""The header of a NRRD, NIfTI or MetaImage file as ITK writes it, for voxels that are written without ITK.

ITK wants the whole volume in memory, in the type in which it is stored and beside the one at hand. So it is given one
slice, and the number of slices is put right in its header: all that depends on it is that one number.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path

import numpy as np

from ..volume import CTVolume
from .endings import KINDS, ending_of

_COMPRESSED = (".nrrd", ".nhdr", ".nii.gz")  # MetaImage and .nii stay plain: quick, and readable by everything
_BESIDE = (".nhdr", ".mhd")  # a header alone, which names the file of the voxels
_NIFTI_SLICES = 46  # byte at which NIfTI keeps their number, as int16
_NIFTI_START = 108  # and the place of the first voxel, as float32
MOST_NIFTI_SLICES = 32767


def write_header(volume: CTVolume, dtype: np.dtype, path: Path) -> tuple[bytes, Path]:
    """The header, and the file for the voxels: `path` itself, where they follow the header, or one beside it.

    Leaves an unfinished file at `path`, and the other one if there are two.
    Raises RuntimeError (ITK's) or ValueError if no such header can be written, and OSError.
    """
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(np.zeros((1, *volume.shape[1:]), dtype))
    image.SetSpacing([float(v) for v in volume.spacing])
    image.SetOrigin([float(v) for v in volume.origin])
    image.SetDirection([float(v) for v in volume.direction.ravel()])
    sitk.WriteImage(image, str(path), useCompression=is_compressed(path))
    kind, count = KINDS[ending_of(path)], len(volume.hu)
    if kind == "nifti":
        return _nifti(path, count), path
    header = path.read_bytes()
    if ending_of(path) in _BESIDE:
        return _text(header, kind, count), _named(header, kind, path)
    return _text(_before_voxels(header, kind), kind, count), path


def is_compressed(path: Path) -> bool:
    return ending_of(path) in _COMPRESSED


def _nifti(path: Path, count: int) -> bytes:
    if count > MOST_NIFTI_SLICES:
        raise ValueError("NIfTI has no room for that many slices")
    try:
        content = gzip.decompress(path.read_bytes()) if is_compressed(path) else path.read_bytes()
        (start,) = struct.unpack_from("=f", content, _NIFTI_START)
        header = bytearray(content[: int(start)])
        if len(header) != int(start) or struct.unpack_from("=h", header, _NIFTI_SLICES) != (1,):
            raise ValueError("ITK wrote another header")
        struct.pack_into("=h", header, _NIFTI_SLICES, count)
    except (struct.error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError("ITK wrote less than a header") from error
    return bytes(header)


def _named(header: bytes, kind: str, path: Path) -> Path:
    """The file that a header names for its voxels. By its name alone: systems put files of their own beside others."""
    line = {"nrrd": rb"^data file: ", "metaimage": rb"^ElementDataFile = "}[kind]
    found = re.search(line + rb"([^\r\n]+)", header, re.MULTILINE)
    name = path.name if found is None else found[1].decode("utf-8", "surrogateescape").removeprefix("./")
    beside = path.with_name(name)  # ValueError if it is more than a name
    if beside == path or not beside.is_file():
        raise ValueError("ITK wrote less than a header")
    return beside


def _before_voxels(content: bytes, kind: str) -> bytes:
    """The lines up to an empty one, or up to the one with the name of the data."""
    end = {"nrrd": rb"\n\r?\n", "metaimage": rb"^ElementDataFile = LOCAL\r?\n"}[kind]
    found = re.search(end, content, re.MULTILINE)
    if not found:
        raise ValueError("ITK wrote less than a header")
    return content[: found.end()]


def _text(header: bytes, kind: str, count: int) -> bytes:
    """The lines with another third size."""
    field = {"nrrd": rb"sizes: ", "metaimage": rb"DimSize = "}[kind]
    header, changed = re.subn(rb"^(%s\d+ \d+) 1(?=\r?$)" % field, rb"\g<1> %d" % count, header, flags=re.MULTILINE)
    if changed != 1:
        raise ValueError("ITK wrote another header")
    return header
