"""A CTVolume as NRRD, NIfTI or MetaImage, slice by slice: the volume is in memory once, whatever type is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..atomic import atomic_output
from ..errors import InputError
from ..volume import CTVolume
from .endings import KINDS, ending_of
from .gzip_stream import write_gzip
from .image_header import MOST_NIFTI_SLICES, is_compressed, write_header

_SQUARE = 1e-4  # how far axes may be from right angles in a format that cannot hold slanted ones


def write_image(volume: CTVolume, path: Path, *, overwrite: bool) -> Path:
    """Writes the volume to `path`, whose ending names the format. Raises InputError, see `write_volume`."""
    if KINDS[ending_of(path)] == "nifti":
        _require_nifti(volume, path)
    dtype = stored_type(volume)
    with atomic_output(path, overwrite) as aside:
        try:
            header, data = write_header(volume, dtype, aside)
        except (RuntimeError, ValueError) as error:  # a RuntimeError is SimpleITK's only kind
            raise _not_written(path) from error
        _write(_planes(volume, dtype), header, aside, data)
    return path


def stored_type(volume: CTVolume) -> np.dtype:
    """The type to write HU in: the source's own where it is an integer type and can hold them.

    Otherwise the smaller of int16 and int32 that can, if the source stored whole HU (integer type, whole slope and
    intercept: a DICOM uint16 with intercept −1024 becomes int16), and float32 for everything else.
    """
    source = volume.source
    own = np.dtype(source.dtype)
    if own.kind not in "iu" or not (float(source.slope).is_integer() and float(source.intercept).is_integer()):
        return np.dtype(np.float32)
    lowest, highest = float(volume.hu.min()), float(volume.hu.max())
    for dtype in (own, np.dtype(np.int16), np.dtype(np.int32)):
        if np.iinfo(dtype).min <= np.rint(lowest) and np.rint(highest) <= np.iinfo(dtype).max:
            return dtype
    return np.dtype(np.float32)  # also for NaN, which no integer type holds


def _require_nifti(volume: CTVolume, path: Path) -> None:
    skew = np.abs(volume.direction.T @ volume.direction - np.eye(3)).max()
    if skew > _SQUARE:
        raise InputError(f"{path.name}: NIfTI cannot hold the slanted volume of a tilted gantry; write .nrrd or .mha.")
    if len(volume.hu) > MOST_NIFTI_SLICES:
        raise InputError(f"{path.name}: NIfTI cannot hold more than {MOST_NIFTI_SLICES} slices; write .nrrd or .mha.")


def _write(planes: Iterator[memoryview], header: bytes, path: Path, data: Path) -> None:
    """The header into `path`, the voxels into `data`, behind the header where that is the same file."""
    if data != path:
        path.write_bytes(header)
        header = b""
    with data.open("wb") as file:
        if not is_compressed(path):
            file.write(header)
            file.writelines(planes)
        elif KINDS[ending_of(path)] == "nifti":  # which packs its header too
            write_gzip(file, (part for parts in ((header,), planes) for part in parts))
        else:
            file.write(header)
            write_gzip(file, planes)


def _planes(volume: CTVolume, dtype: np.dtype) -> Iterator[memoryview]:
    """The bytes of each slice."""
    for hu in volume.hu:
        values = hu if dtype.kind == "f" else np.rint(hu)  # half to even
        yield np.ascontiguousarray(values, dtype).reshape(-1).data.cast("B")


def _not_written(path: Path) -> InputError:
    return InputError(f"{path} could not be written completely; is the disk full? Make room or choose another folder.")
