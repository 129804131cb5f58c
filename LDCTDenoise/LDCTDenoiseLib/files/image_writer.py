"""A CTVolume as NRRD, NIfTI or MetaImage, through SimpleITK."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..atomic import atomic_output
from ..errors import InputError
from ..volume import CTVolume
from .completeness import is_complete
from .endings import KINDS, ending_of

_COMPRESSED = (".nrrd", ".nhdr", ".nii.gz")  # MetaImage and .nii stay plain: quick, and readable by everything
_SQUARE = 1e-4  # how far axes may be from right angles in a format that cannot hold slanted ones


def write_image(volume: CTVolume, path: Path, *, overwrite: bool) -> Path:
    """Writes the volume to `path`, whose ending names the format. Raises InputError, see `write_volume`."""
    import SimpleITK as sitk

    ending = ending_of(path)
    skew = np.abs(volume.direction.T @ volume.direction - np.eye(3)).max()
    if KINDS[ending] == "nifti" and skew > _SQUARE:
        raise InputError(f"{path.name}: NIfTI cannot hold the slanted volume of a tilted gantry; write .nrrd or .mha.")
    dtype = stored_type(volume)
    values = volume.hu if dtype.kind == "f" else np.rint(volume.hu)  # np.rint: half to even
    with atomic_output(path, overwrite) as aside:
        image = sitk.GetImageFromArray(values.astype(dtype, copy=False))
        image.SetSpacing([float(v) for v in volume.spacing])
        image.SetOrigin([float(v) for v in volume.origin])
        image.SetDirection([float(v) for v in volume.direction.ravel()])
        try:
            sitk.WriteImage(image, str(aside), useCompression=ending in _COMPRESSED)
        except RuntimeError as error:
            raise _not_written(path) from error
        if not is_complete(aside):
            raise _not_written(path)
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


def _not_written(path: Path) -> InputError:
    return InputError(f"{path} could not be written completely; is the disk full? Make room or choose another folder.")
