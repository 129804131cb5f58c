"""Regions of interest that a user drew, as masks on a volume: a label image, or a Slicer markups file with ROIs."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..volume import CTVolume
from .endings import ending_of

MARKUPS = (".mrk.json", ".json")


def read_regions(path: str | PathLike[str], volume: CTVolume) -> list[np.ndarray]:
    """Masks bool of the shape of `volume`, as stored: one for each label of an image, or each ROI of a markups file.

    A label image may lie on another raster (a segment saved by itself); it is brought onto the volume's, nearest
    neighbour. Raises InputError for other files, and for regions that do not meet the volume.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the spelling.")
    regions = _markups(path, volume) if path.name.lower().endswith(MARKUPS) else _labels(path, volume)
    if not regions:
        raise InputError(f"{path.name} holds no region of interest; draw one, or choose another file.")
    if not all(region.any() for region in regions):
        raise InputError(f"A region of {path.name} does not meet the volume: was it drawn on another scan?")
    return regions


def _labels(path: Path, volume: CTVolume) -> list[np.ndarray]:
    if not ending_of(path):
        raise InputError(
            f"{path.name} is no label image and no markups file (.mrk.json); save the region as one of them."
        )
    import SimpleITK as sitk

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(f"{path.name} is damaged, incomplete, or not what its ending says.") from error
    if (
        image.GetDimension() != 3
        or image.GetNumberOfComponentsPerPixel() != 1
        or "float" in image.GetPixelIDTypeAsString()
    ):
        raise InputError(f"{path.name} is no label image of three axes with whole numbers; export the segment as one.")
    grid = sitk.ResampleImageFilter()
    grid.SetSize([int(side) for side in volume.shape[::-1]])
    grid.SetOutputSpacing([float(step) for step in volume.spacing])
    grid.SetOutputOrigin([float(place) for place in volume.origin])
    grid.SetOutputDirection(volume.direction.ravel().tolist())
    grid.SetInterpolator(sitk.sitkNearestNeighbor)
    labels = sitk.GetArrayFromImage(grid.Execute(image))
    names = np.unique(sitk.GetArrayViewFromImage(image))
    return [labels == name for name in names if name != 0]


def _markups(path: Path, volume: CTVolume) -> list[np.ndarray]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        drawn = [one for one in facts["markups"] if one["type"] == "ROI"]
        boxes = [_box(one) for one in drawn]
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise InputError(f"{path.name} is no markups file as Slicer writes them; save the ROI again.") from error
    return [_inside(volume, *box) for box in boxes]


def _box(facts: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(centre, axes as columns, size) in LPS and mm; ValueError for other numbers of numbers."""
    centre, size = np.asarray(facts["center"], float).reshape(3), np.asarray(facts["size"], float).reshape(3)
    axes = np.asarray(facts.get("orientation") or np.eye(3), float).reshape(3, 3)
    if not (np.isfinite(centre).all() and np.isfinite(axes).all() and (size > 0).all()):
        raise ValueError("a box needs finite numbers and a size")
    if facts.get("coordinateSystem", "LPS") == "RAS":
        turn = np.diag([-1.0, -1.0, 1.0])
        centre, axes = turn @ centre, turn @ axes
    return centre, axes, size


def _inside(volume: CTVolume, centre: np.ndarray, axes: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Voxels whose centres lie in the box; only those near it are looked at."""
    to_index = np.linalg.inv(volume.direction * np.asarray(volume.spacing))
    signs = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1)
    corners = to_index @ (axes @ (signs * size[:, None]) + (centre - np.asarray(volume.origin))[:, None])
    first = np.maximum(np.floor(corners.min(axis=1)).astype(int), 0)
    last = np.minimum(np.ceil(corners.max(axis=1)).astype(int) + 1, volume.shape[::-1])
    mask = np.zeros(volume.shape, dtype=bool)
    if (last <= first).any():
        return mask
    x, y, z = np.meshgrid(*[np.arange(a, b) for a, b in zip(first, last, strict=True)], indexing="ij")
    places = np.stack([x, y, z]).reshape(3, -1)
    offset = (
        volume.direction @ (places * np.asarray(volume.spacing)[:, None])
        + (np.asarray(volume.origin) - centre)[:, None]
    )
    inside = (np.abs(axes.T @ offset) <= size[:, None] / 2).all(axis=0)
    mask[tuple(places[::-1, inside])] = True
    return mask
