"""do: export_dicom. A result as a derived DICOM series, after it was proved to be made from the series that it names.

The request has `before` and `after` (.npy: the voxels of the original and of the result), their geometry, `files` (the
images of the original's series) or `series` (its folder or one of its files), the `folder` to write, the `record` (how
after was made), and may have `private` and `overwrite`, 0 or 1. The answer is `folder`, `series` (the new UID) and
`images`.

Slicer may keep slices in another order than the library, so the volumes are first brought into that of the series.
There the original must have the very voxels of the series, at their places: no result gets another patient's headers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files import read_series, read_volume, write_volume
from ..files.dicom_header import read_header, value_of
from ..inference.progress import JsonLines
from ..volume import CTVolume
from .arrays import geometry, open_array
from .kept import Kept
from .protocol import Request

SAME_VALUE = 0.501  # HU: Slicer may have rounded to whole numbers
SAME_STEP = 0.01  # part of the distance between slices
AGAIN = "load the series again, denoise that volume and export its result"


def run(request: Request, talk: JsonLines, kept: Kept) -> dict:
    before, after = open_array(request.path("before")), open_array(request.path("after"))
    if before.shape != after.shape:
        raise InputError("The result and its original have different sizes; denoise the original again.")
    series = _series(request, talk)
    there = CTVolume(np.broadcast_to(np.float32(0), after.shape), *geometry(request))
    first, then = there.orientation, series.orientation.inverse  # by the orientation that both share
    _require_same_place(there.reoriented(first).reoriented(then), series)
    _require_same_values(then.apply(first.apply(before)), series.hu)
    folder = write_volume(
        _filled(series, then.apply(first.apply(after))),
        request.path("folder"),
        overwrite=bool(request.whole("overwrite", 0)),
        record=request.facts("record"),
        private=bool(request.whole("private", 0)),
        progress=talk.progress,
    )
    images = sorted(Path(folder).glob("*.dcm"))
    return {"folder": str(folder), "series": read_header(images[0]).series, "images": len(images)}


def _series(request: Request, talk: JsonLines) -> CTVolume:
    if request.has("files"):
        series = read_series(request.paths("files"), progress=talk.progress)
    else:
        series = read_volume(request.path("series"), progress=talk.progress)
    if series.source.kind != "dicom":
        raise InputError("The chosen original is no DICOM series, so its result cannot become one; choose its folder.")
    return series


def _require_same_place(ours: CTVolume, series: CTVolume) -> None:
    """Raises InputError unless the voxels of `ours`, already in the order of the series, lie where its voxels lie."""
    if ours.shape != series.shape:
        raise InputError(
            f"The volume has {_size(ours)} voxels and its DICOM series {_size(series)}: what was cropped, resampled or "
            f"taken from several series cannot be written as a series; {AGAIN}."
        )
    turned = np.sum(ours.direction * series.direction, axis=0)  # cosines between the axes of both
    in_place = (
        min(turned[:2]) > 1 - 1e-6
        # Slices of a tilted gantry are stacked along their normal or along their shift, by who reads them.
        and turned[2] > np.cos(np.radians(45))
        and np.allclose(ours.spacing[:2], series.spacing[:2], rtol=1e-3)
        and (len(ours.hu) == 1 or any(abs(ours.spacing[2] - step) <= SAME_STEP * step for step in _steps(series)))
        and np.linalg.norm(np.subtract(ours.origin, series.origin)) < 0.5 * min(series.spacing[:2])
    )
    if not in_place:
        raise InputError(
            "The volume does not lie where its DICOM series lies: it was moved, turned or resampled after it was "
            f"loaded; {AGAIN}."
        )


def _steps(series: CTVolume) -> set[float]:
    """What a reader may take for the distance between slices, mm: uneven ones have a middle, a mean and a first."""
    steps = {series.spacing[2]}
    files = series.source.files
    if len(set(files)) == len(files) > 1:
        first, second, last = (_position(files[i]) for i in (0, 1, -1))
        steps |= {float(np.linalg.norm(second - first)), float(np.linalg.norm(last - first)) / (len(files) - 1)}
    return steps


def _position(file: Path) -> np.ndarray:
    return np.array([float(v) for v in value_of(read_header(file).dataset, "ImagePositionPatient")])


def _require_same_values(before: np.ndarray, hu: np.ndarray) -> None:
    """Both in the order of the series; slice by slice, for the difference of two whole volumes may not fit."""
    for ours, theirs in zip(before, hu, strict=True):
        if not np.abs(np.asarray(ours, dtype=np.float32) - theirs).max() <= SAME_VALUE:  # NaN is no agreement
            raise InputError(
                "The voxels of the original are not those of its DICOM series: it was changed after it was loaded, or "
                f"the series is another one; {AGAIN}."
            )


def _filled(series: CTVolume, after: np.ndarray) -> CTVolume:
    """The series with the result in the place of its own values, which nobody needs any longer; padding stays.

    Slice by slice into the same memory: a second volume would take longer to fetch from the system than to write.
    """
    for number, image in enumerate(after):
        if not np.isfinite(image).all():
            raise InputError("The result holds values that are not finite numbers (NaN or infinity); denoise it again.")
        measured = True if series.padding is None else ~series.padding[number]
        np.copyto(series.hu[number], image, where=measured)
    return series


def _size(volume: CTVolume) -> str:
    return " × ".join(str(count) for count in volume.shape[::-1])
