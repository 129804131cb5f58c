"""Volume files through SimpleITK, which is shown only what has been checked: its readers believe any header."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .completeness import holds_its_voxels
from .room import require_room
from .volume_header import VolumeHeader, read_volume_header

if TYPE_CHECKING:
    from SimpleITK import Image, ImageFileReader

_SPACINGS = (1e-4, 1e4)  # mm
_FARTHEST = 1e6  # mm
_NO_MEMORY = ("Failed to allocate memory", "bad_alloc")  # by ITK, and by the C++ library below it
_FLAT = 1e-3  # the volume of a box whose sides are the directions: 1 at right angles


def open_image(path: Path) -> tuple[VolumeHeader, ImageFileReader]:
    """The header as it was checked here, and SimpleITK's reader that knows it too. Raises InputError."""
    import SimpleITK as sitk

    try:
        header = read_volume_header(path)
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        if math.prod(reader.GetSize()) * reader.GetNumberOfComponents() > header.promised:
            raise ValueError("ITK understands the header otherwise")
    except InputError:  # a ValueError too
        raise
    except (ValueError, RuntimeError) as error:  # SimpleITK's only kind
        raise _unreadable(path) from error
    return header, reader


def load_image(path: Path, header: VolumeHeader) -> Image:
    """The voxels. Raises InputError if they are not all there, do not fit into memory, or lie nowhere."""
    import SimpleITK as sitk

    if not holds_its_voxels(header):
        raise _unreadable(path)
    require_room(path.name, header.promised + 5 * math.prod(header.sizes))  # as stored, float32 and bool
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        if any(sign in str(error) for sign in _NO_MEMORY):
            raise MemoryError from error
        raise _unreadable(path) from error
    _require_place(path, image)
    return image


def _require_place(path: Path, image: Image) -> None:
    spacing = np.array(image.GetSpacing())
    direction = np.reshape(image.GetDirection(), (spacing.size, spacing.size))
    places = np.array([*image.GetOrigin(), *direction.ravel()])
    if not (
        (spacing >= _SPACINGS[0]).all()  # nor NaN
        and (spacing <= _SPACINGS[1]).all()
        and (np.abs(places) <= _FARTHEST).all()
        and abs(np.linalg.det(direction)) > _FLAT
    ):
        raise InputError(f"{path.name} has an impossible spacing, place or orientation; convert it again.")


def _unreadable(path: Path) -> InputError:
    return InputError(
        f"{path.name} is damaged, incomplete, or not what its ending says; copy it again from its source."
    )
