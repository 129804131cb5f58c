"""The slice that a report shows: one slice of every image, with the windows to show it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..picture import BODY, HEAD, LUNG, sensible_window
from ..stacks import pixel_size

_LUNG_SHARE = 0.1  # of the patient's outline: lung enough to be worth a window of its own
_MARGIN_MM = 8.0  # around the patient


@dataclass(frozen=True)
class Pictures:
    """One slice of all images of a document.

    slice_number   as the document's "slices", "rois" and "edges" count
    spacing        pixel size in mm, (between columns, between rows)
    images         name in the document → HU [rows, columns], all of one shape; the input first
    window         (low, high) HU of the pictures
    second_window  another one worth showing, or None
    noise_maps     name → local noise, HU [rows, columns]; may be empty
    """

    slice_number: int
    spacing: tuple[float, float]
    images: Mapping[str, np.ndarray]
    window: tuple[float, float]
    second_window: tuple[float, float] | None = None
    noise_maps: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "spacing", pixel_size(self.spacing))
        shapes = {np.shape(hu) for hu in (*self.images.values(), *self.noise_maps.values())}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise ValueError(f"the pictures of a report are slices of one shape, these have {sorted(shapes)}")

    @classmethod
    def of(
        cls,
        slice_number: int,
        spacing: Sequence[float] | float,
        images: Mapping[str, np.ndarray],
        noise_maps: Mapping[str, np.ndarray] | None = None,
    ) -> Pictures:
        """With the windows that suit the first image: a lung window beside that of the body where there is lung."""
        first = next(iter(images.values()))
        window = sensible_window(first)
        second = {BODY: LUNG if _much_lung(first) else None, LUNG: BODY, HEAD: None}[window]
        return cls(slice_number, pixel_size(spacing), images, window, second, noise_maps or {})


def slice_to_show(document: Mapping[str, Any]) -> int:
    """The number of the measured slice with the most ROIs and edges, nearest to the middle where several have."""
    slices = list(document["input"]["slices"])
    middle = (len(slices) - 1) / 2
    held = dict.fromkeys(slices, 0)
    for place in (document.get("rois") or {}).get("corners", []):
        if place[0] in held:
            held[place[0]] += 1
    most = max(held.values())
    # A ROI more or less is chance; a slice of the middle half shows more of the patient than one at an end.
    good = [number for number in slices if held[number] >= 0.75 * most]
    return min(good, key=lambda number: abs(slices.index(number) - middle))


def outline(slice_hu: np.ndarray) -> np.ndarray:
    """bool [rows, columns]: the largest connected thing denser than air, with its cavities; all where there is none."""
    from scipy.ndimage import binary_fill_holes, label, uniform_filter

    parts, count = label(uniform_filter(np.asarray(slice_hu, np.float32), 5) > -400)
    if count == 0:
        return np.ones(np.shape(slice_hu), bool)
    return binary_fill_holes(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))


def crop_to(mask: np.ndarray, spacing: tuple[float, float]) -> tuple[slice, slice]:
    """(rows, columns) around what a mask holds, with a margin of 8 mm; never empty."""
    box = []
    for axis, pixel in ((1, spacing[1]), (0, spacing[0])):
        held = np.flatnonzero(mask.any(axis=axis))
        margin = round(_MARGIN_MM / pixel)
        first, last = (held[0], held[-1]) if held.size else (0, mask.shape[1 - axis] - 1)
        box.append(slice(max(0, int(first) - margin), min(mask.shape[1 - axis], int(last) + margin + 1)))
    return box[0], box[1]


def _much_lung(slice_hu: np.ndarray) -> bool:
    inside = np.asarray(slice_hu)[outline(slice_hu)]
    return bool(np.mean((inside > -950) & (inside < -500)) > _LUNG_SHARE)
