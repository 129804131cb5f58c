"""Volume files through SimpleITK, which is shown only what has been checked: its readers believe any header."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .completeness import holds_its_voxels
from .room import require_room
from .volume_header import VolumeHeader, read_volume_header

if TYPE_CHECKING:
    from SimpleITK import Image, ImageFileReader


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
    """The voxels. Raises InputError if they are not all there, or do not fit into memory."""
    import SimpleITK as sitk

    if not holds_its_voxels(header):
        raise _unreadable(path)
    # As stored, as float32, and what a method makes of it.
    require_room(path.name, header.promised + 2 * 4 * math.prod(header.sizes))
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> InputError:
    return InputError(
        f"{path.name} is damaged, incomplete, or not what its ending says; copy it again from its source."
    )
