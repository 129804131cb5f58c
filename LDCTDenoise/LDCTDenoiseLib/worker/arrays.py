"""Volumes on their way: .npy files of any real numbers in, a CTVolume; HU in the same type of number out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files.hounsfield import not_like_hounsfield_units
from ..files.padding import plateau_padding
from ..volume import CTVolume, Source
from .protocol import Request
from .unfinished import appearing_whole


def open_array(path: Path) -> np.ndarray:
    """The array [slices, rows, columns] in a .npy file, mapped and not read. InputError for anything else.

    Its values may be changed: that changes the memory of this process and not the file.
    """
    try:
        array = np.load(path, mmap_mode="c", allow_pickle=False)
    except OSError as error:
        raise InputError(f"{path.name} could not be read ({error.strerror or 'not a whole file'}).") from error
    except (ValueError, EOFError, SyntaxError, OverflowError, TypeError) as error:
        raise InputError(f"{path.name} is damaged, or not an array of numbers (.npy); try again.") from error
    if not isinstance(array, np.ndarray):  # an archive of arrays
        raise InputError(f"{path.name} holds several arrays where one volume is wanted.")
    if array.dtype.kind not in "iuf":
        raise InputError(f"{path.name} holds {array.dtype} values, and Hounsfield units are real numbers.")
    if array.ndim != 3 or 0 in array.shape:
        raise InputError(f"{path.name} has the shape {array.shape}; a volume has three axes, and voxels.")
    return array


def read_volume(request: Request, notice: Callable[[str], None]) -> CTVolume:
    """The volume of a request with `input`, `spacing`, `origin` and `direction`.

    What stands for no measurement is found as in files; or the request names it: `padding`, HU or null, for a part
    of a volume, since the part alone does not tell. Values that do not look like HU are noticed.
    """
    array = open_array(request.path("input"))
    hu = np.asarray(array, dtype=np.float32)
    lowest, highest = float(hu.min()), float(hu.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):  # min and max pass NaN on
        raise InputError("The volume holds values that are not finite numbers (NaN or infinity); replace them first.")
    if doubt := not_like_hounsfield_units(lowest, highest, "this volume"):
        notice(doubt)
    return CTVolume(hu, *geometry(request), _padding(hu, request), Source(dtype=array.dtype.str))


def _padding(hu: np.ndarray, request: Request) -> np.ndarray | None:
    if not request.names("padding"):
        return plateau_padding(hu)
    return hu == np.float32(request.number("padding")) if request.has("padding") else None


def geometry(request: Request) -> tuple[tuple[float, ...], tuple[float, ...], np.ndarray]:
    """Spacing, origin and direction [3, 3], as CTVolume takes them."""
    spacing, origin = request.numbers("spacing", 3), request.numbers("origin", 3)
    direction = np.reshape(request.numbers("direction", 9), (3, 3))
    lengths = np.linalg.norm(direction, axis=0)
    if min(spacing) <= 0:
        raise InputError("The volume's spacing is not positive; correct it in the Volumes module.")
    if min(lengths) == 0 or abs(np.linalg.det(direction / lengths)) < 1e-6:
        raise InputError("The volume's axes do not span space; correct its direction in the Volumes module.")
    return tuple(spacing), tuple(origin), direction / lengths


def write_array(path: Path, hu: np.ndarray, dtype: np.dtype) -> None:
    """HU [slices, rows, columns] as .npy in C order: whole numbers rounded to even and clipped to what they can hold.

    Written slice by slice and not through a memory map, in which a full disk would end the process.
    """
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": hu.shape}
    with appearing_whole(path) as aside, aside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for image in hu:
            file.write(np.ascontiguousarray(_as_type(image, dtype)).data)


def _as_type(image: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "f":
        return image.astype(dtype)
    limits = np.iinfo(dtype)
    low, high = float(limits.min), float(limits.max)
    if dtype.itemsize < 4:  # float32 holds these limits exactly
        return np.clip(np.rint(image), np.float32(low), np.float32(high)).astype(dtype)
    if high > limits.max:  # no float64 is 2⁶³ − 1
        high = float(np.nextafter(high, 0))
    return np.clip(np.rint(image.astype(np.float64)), low, high).astype(dtype)
