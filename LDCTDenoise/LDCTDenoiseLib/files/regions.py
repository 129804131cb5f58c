"""Regions of interest that a user drew, as masks on a volume: a label image, or a Slicer markups file with ROIs."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..volume import CTVolume
from .endings import ending_of
from .names import require_unicode
from .sound_image import load_image, open_image

MARKUPS = (".mrk.json", ".json")
MOST_LABELS = 100
FARTHEST_MM = 1e5  # no scanner is larger, nor its patient's table
SQUARE = 1e-3  # how far the axes of a box may be from right angles

Region = Callable[[CTVolume, str], np.ndarray]  # (volume, the file's name) → its mask


def read_regions(path: str | PathLike[str], volume: CTVolume, most: int | None = None) -> list[np.ndarray]:
    """Masks bool of the shape of `volume`, as stored: one for each label of an image, or each ROI of a markups file.

    A label image may lie on another raster (a segment saved by itself); it is brought onto the volume's, nearest
    neighbour. Raises InputError for other files, for regions that do not meet the volume, and for more than `most`
    of them: counted before there are masks, for those of a whole atlas would not fit into memory.
    """
    path = Path(path)
    require_unicode(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the spelling.")
    regions = _markups(path) if path.name.lower().endswith(MARKUPS) else _labels(path)
    if not regions:
        raise InputError(f"{path.name} holds no region of interest; draw one, or choose another file.")
    if most is not None and len(regions) > most:
        raise InputError(f"{path.name} holds {len(regions)} regions of interest: choose one, or two for their CNR.")
    return [region(volume, path.name) for region in regions]


def _labels(path: Path) -> list[Region]:
    if not ending_of(path):
        raise InputError(
            f"{path.name} is no label image and no markups file (.mrk.json); save the region as one of them."
        )
    import SimpleITK as sitk

    image = load_image(path, open_image(path)[0])
    if (
        image.GetDimension() != 3
        or image.GetNumberOfComponentsPerPixel() != 1
        or "float" in image.GetPixelIDTypeAsString()
    ):
        raise InputError(f"{path.name} is no label image of three axes with whole numbers; export the segment as one.")
    names = np.unique(sitk.GetArrayViewFromImage(image))
    names = names[names != 0]
    if len(names) > MOST_LABELS:
        raise InputError(f"{path.name} holds {len(names)} different numbers: it looks like a scan, not like regions.")
    return [partial(_of_label, image, int(name)) for name in names]


def _of_label(image, label: int, volume: CTVolume, name: str) -> np.ndarray:
    import SimpleITK as sitk

    grid = sitk.ResampleImageFilter()
    grid.SetSize([int(side) for side in volume.shape[::-1]])
    grid.SetOutputSpacing([float(step) for step in volume.spacing])
    grid.SetOutputOrigin([float(place) for place in volume.origin])
    grid.SetOutputDirection(volume.direction.ravel().tolist())
    grid.SetInterpolator(sitk.sitkNearestNeighbor)
    mask = sitk.GetArrayFromImage(grid.Execute(image)) == label
    return mask if mask.any() else _refuse(name)


def _markups(path: Path) -> list[Region]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        drawn = [one for one in facts["markups"] if one["type"] == "ROI"]
        boxes = [_box(one) for one in drawn]
    except (OSError, ValueError, KeyError, TypeError, RecursionError, AttributeError, OverflowError) as error:
        raise InputError(f"{path.name} is no markups file as Slicer writes them; save the ROI again.") from error
    return [partial(_of_box, box) for box in boxes]


def _box(facts: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(centre, axes as columns, size) in LPS and mm; ValueError for what is no box of a scanner's size."""
    centre, size = np.asarray(facts["center"], float).reshape(3), np.asarray(facts["size"], float).reshape(3)
    axes = np.asarray(facts.get("orientation") or np.eye(3), float).reshape(3, 3)
    if not ((np.abs(centre) <= FARTHEST_MM).all() and (size > 0).all() and (size <= FARTHEST_MM).all()):  # nor NaN
        raise ValueError("a box needs a place and a size")
    if not (np.abs(axes) <= 1.01).all() or np.abs(axes.T @ axes - np.eye(3)).max() > SQUARE:
        raise ValueError("a box needs right angles")
    system = facts.get("coordinateSystem", "LPS")
    if system not in ("LPS", "RAS"):
        raise ValueError("a box needs LPS or RAS coordinates")
    if system == "RAS":
        turn = np.diag([-1.0, -1.0, 1.0])
        centre, axes = turn @ centre, turn @ axes
    return centre, axes, size


def _of_box(box: tuple[np.ndarray, np.ndarray, np.ndarray], volume: CTVolume, name: str) -> np.ndarray:
    """Voxels whose centres lie in the box; only those near it are looked at."""
    centre, axes, size = box
    to_index = np.linalg.inv(volume.direction * np.asarray(volume.spacing))
    signs = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1)
    corners = to_index @ (axes @ (signs * size[:, None]) + (centre - np.asarray(volume.origin))[:, None])
    low, high, sides = corners.min(axis=1), corners.max(axis=1), np.array(volume.shape[::-1])
    if (high < -0.5).any() or (low > sides - 0.5).any():
        _refuse(name)
    first, last = np.maximum(np.floor(low).astype(int), 0), np.minimum(np.ceil(high).astype(int) + 1, sides)
    mask = np.zeros(volume.shape, dtype=bool)
    x, y, z = np.meshgrid(*[np.arange(a, b) for a, b in zip(first, last, strict=True)], indexing="ij")
    places = np.stack([x, y, z]).reshape(3, -1)
    offset = (
        volume.direction @ (places * np.asarray(volume.spacing)[:, None])
        + (np.asarray(volume.origin) - centre)[:, None]
    )
    inside = (np.abs(axes.T @ offset) <= size[:, None] / 2).all(axis=0)
    if not inside.any():
        through = 2 - volume.orientation.slice_axis  # of x, y, z
        gap = "two slices" if np.ceil(low[through]) > np.floor(high[through]) else "the voxels"
        raise InputError(f"A region of {name} is so thin that it lies between {gap}; draw it thicker, or move it.")
    mask[tuple(places[::-1, inside])] = True
    return mask


def _refuse(name: str):
    raise InputError(f"A region of {name} does not meet the volume: was it drawn on another scan?")
