"""NRRD, NIfTI and MetaImage files as a CTVolume, through SimpleITK."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..volume import CTVolume, Source
from .completeness import is_complete, may_hold
from .endings import KINDS, ending_of
from .hounsfield import not_like_hounsfield_units
from .padding import plateau_padding


def read_image(path: Path, *, progress: Callable[[int, int, str], None], check: Callable[[], None]) -> CTVolume:
    """The volume in `path`: three axes of one number a voxel, or two axes as a single slice.

    The numbers are taken as HU; a notice says so if they do not look like it. Directions stay as they are, be they
    left-handed. Raises InputError for other numbers of axes or components, for values that are not finite, and for
    files that are damaged or cut off.
    """
    import SimpleITK as sitk

    progress(0, 1, "read")
    try:
        header = sitk.ImageFileReader()
        header.SetFileName(str(path))
        header.ReadImageInformation()
        kind = sitk.GetPixelIDValueAsString(header.GetPixelID())  # "16-bit signed integer"
        _require_scalar_volume(path, header, kind)
        if not may_hold(path, _voxel_bytes(header, kind)) or not is_complete(path):
            raise _unreadable(path)
        check()
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:  # SimpleITK's only kind
        raise _unreadable(path) from error
    check()
    values = sitk.GetArrayViewFromImage(image)
    dtype = values.dtype.name
    hu = values.astype(np.float32).reshape((1, *values.shape) if values.ndim == 2 else values.shape)
    lowest, highest = float(hu.min()), float(hu.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):  # min and max pass NaN on
        raise InputError(f"{path.name} holds values that are not finite numbers (NaN or infinity); replace them first.")
    doubt = not_like_hounsfield_units(lowest, highest, path.name)
    source = Source(path, KINDS[ending_of(path)], dtype, files=(path,), notices=(doubt,) if doubt else ())
    progress(1, 1, "read")
    return CTVolume(hu, *_geometry(image), plateau_padding(hu), source)


def _require_scalar_volume(path: Path, header: object, kind: str) -> None:
    size = header.GetSize()
    if len(size) not in (2, 3):
        raise InputError(f"{path.name} has {len(size)} axes where a CT volume has three; choose or extract one volume.")
    if 0 in size:
        raise InputError(f"{path.name} holds no voxels; choose another file.")
    if header.GetNumberOfComponents() != 1 or "complex" in kind:
        raise InputError(f"{path.name} has several numbers in each voxel (a colour or vector image), and CT has one.")


def _voxel_bytes(header: object, kind: str) -> int:
    """How much memory the voxels take, by the header."""
    bits = re.match(r"\d+", kind)
    return math.prod(header.GetSize()) * (int(bits[0]) if bits else 8) // 8


def _geometry(image: object) -> tuple[tuple[float, ...], tuple[float, ...], np.ndarray]:
    """Spacing, origin and direction in three dimensions; a single slice is laid flat."""
    dimensions = image.GetDimension()
    direction = np.eye(3)
    direction[:dimensions, :dimensions] = np.reshape(image.GetDirection(), (dimensions, dimensions))
    spacing = (*image.GetSpacing(), 1.0)[:3]
    origin = (*image.GetOrigin(), 0.0)[:3]
    return spacing, origin, direction


def _unreadable(path: Path) -> InputError:
    return InputError(
        f"{path.name} is damaged, incomplete, or not what its ending says; copy it again from its source."
    )
