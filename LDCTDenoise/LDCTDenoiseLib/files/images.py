"""NRRD, NIfTI and MetaImage files as a CTVolume, through SimpleITK."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..volume import CTVolume, Source
from .endings import KINDS, ending_of
from .hounsfield import not_like_hounsfield_units
from .padding import plateau_padding
from .sound_image import load_image, open_image

if TYPE_CHECKING:
    from SimpleITK import Image, ImageFileReader


def read_image(path: Path, *, progress: Callable[[int, int, str], None], check: Callable[[], None]) -> CTVolume:
    """The volume in `path`: three axes of one number a voxel, or two axes as a single slice.

    The numbers are taken as HU; a notice says so if they do not look like it. Directions stay as they are, be they
    left-handed. Raises InputError for other numbers of axes or components, for values that are not finite, and for
    files that are damaged or cut off.
    """
    import SimpleITK as sitk

    progress(0, 1, "read")
    header, reader = open_image(path)
    _require_scalar_volume(path, reader)
    check()
    image = load_image(path, header)
    check()
    geometry, values = _geometry(image), sitk.GetArrayViewFromImage(image)
    dtype = values.dtype.name
    hu = values.astype(np.float32).reshape((1, *values.shape) if values.ndim == 2 else values.shape)
    del values, image  # up to twice the memory of what is kept
    lowest, highest = float(hu.min()), float(hu.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):  # min and max pass NaN on
        raise InputError(f"{path.name} holds values that are not finite numbers (NaN or infinity); replace them first.")
    doubt = not_like_hounsfield_units(lowest, highest, path.name)
    source = Source(path, KINDS[ending_of(path)], dtype, files=(path,), notices=(doubt,) if doubt else ())
    progress(1, 1, "read")
    return CTVolume(hu, *geometry, plateau_padding(hu), source)


def image_shape(path: Path) -> tuple[int, int, int]:
    """(slices, rows, columns) by the header alone, without any voxel. Raises InputError as `read_image` does."""
    _, reader = open_image(path)
    _require_scalar_volume(path, reader)
    columns, rows, slices = (*reader.GetSize(), 1)[:3]
    return slices, rows, columns


def _require_scalar_volume(path: Path, header: ImageFileReader) -> None:
    import SimpleITK as sitk

    kind = sitk.GetPixelIDValueAsString(header.GetPixelID())  # "16-bit signed integer"
    size = header.GetSize()
    if len(size) not in (2, 3):
        raise InputError(f"{path.name} has {len(size)} axes where a CT volume has three; choose or extract one volume.")
    if 0 in size:
        raise InputError(f"{path.name} holds no voxels; choose another file.")
    if header.GetNumberOfComponents() != 1 or "complex" in kind:
        raise InputError(f"{path.name} has several numbers in each voxel (a colour or vector image), and CT has one.")


def _geometry(image: Image) -> tuple[tuple[float, ...], tuple[float, ...], np.ndarray]:
    """Spacing, origin and direction in three dimensions; a single slice is laid flat."""
    dimensions = image.GetDimension()
    direction = np.eye(3)
    direction[:dimensions, :dimensions] = np.reshape(image.GetDirection(), (dimensions, dimensions))
    spacing = (*image.GetSpacing(), 1.0)[:3]
    origin = (*image.GetOrigin(), 0.0)[:3]
    return spacing, origin, direction
