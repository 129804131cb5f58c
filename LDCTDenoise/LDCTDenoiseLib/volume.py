"""CTVolume: Hounsfield units, geometry, and where they came from. Geometry is known here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from .orientation import Orientation, standard_orientation


@dataclass(frozen=True)
class Source:
    """Where a volume came from, and what a writer needs to give the same kind of file back.

    `slope` and `intercept` turn the stored integers into HU (1 and 0 where the file holds HU itself);
    `files` lists one path per slice for DICOM, in slice order, and the one file otherwise; `frames` beside it the
    number of the frame in that file, counted from 0: for DICOM only, 0 unless the object is a multi-frame one.
    """

    path: Path | None = None
    kind: str = "array"  # "dicom", "nrrd", "nifti", "metaimage" or "array"
    dtype: str = "float32"  # numpy name of the type the file stores
    slope: float = 1.0
    intercept: float = 0.0
    files: tuple[Path, ...] = ()
    frames: tuple[int, ...] = ()
    notices: tuple[str, ...] = ()  # sentences a user should read, e.g. gantry tilt
    tags: dict[str, str] = field(default_factory=dict)  # acquisition facts without names: kernel, kVp, …


@dataclass(frozen=True)
class CTVolume:
    """A CT volume.

    hu         float32 [slices, rows, columns], Hounsfield units, padding values included as they were.
    spacing    mm, (between columns, between rows, between slices): ITK's order x, y, z.
    origin     mm, LPS position of the centre of voxel [0, 0, 0].
    direction  float64 [3, 3]; its columns are the LPS unit vectors along columns, rows and slices.
    padding    bool [slices, rows, columns], True where the scanner stored no measurement; None if nowhere.
    """

    hu: np.ndarray
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: np.ndarray = field(default_factory=lambda: np.eye(3))
    padding: np.ndarray | None = None
    source: Source = field(default_factory=Source)

    def __post_init__(self) -> None:
        if self.hu.ndim != 3:
            raise ValueError(f"a CT volume has three axes, this array has {self.hu.ndim}")
        if self.padding is not None and self.padding.shape != self.hu.shape:
            raise ValueError("the padding mask does not have the shape of the volume")
        object.__setattr__(self, "hu", np.asarray(self.hu, dtype=np.float32))
        object.__setattr__(self, "direction", np.asarray(self.direction, dtype=np.float64).reshape(3, 3))

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.hu.shape

    def with_hu(self, hu: np.ndarray) -> CTVolume:
        """The same volume with other values: geometry, source and padded voxels stay as they are."""
        if hu.shape != self.hu.shape:
            raise ValueError(f"expected values of shape {self.hu.shape}, got {hu.shape}")
        return replace(self, hu=hu if self.padding is None else np.where(self.padding, self.hu, hu))

    @property
    def orientation(self) -> Orientation:
        """The way from this volume to its standard orientation; see `orientation`."""
        return standard_orientation(self.direction)

    @property
    def axial_count(self) -> int:
        """How many axial slices there are, along whichever axis they lie."""
        return self.shape[self.orientation.slice_axis]

    def lies_like(self, other: CTVolume) -> bool:
        """Whether the voxels of both lie at the same places, to half a voxel."""
        return (
            self.shape == other.shape
            and np.allclose(self.spacing, other.spacing, rtol=1e-3)
            and np.allclose(self.direction, other.direction, atol=1e-3)
            and np.allclose(self.origin, other.origin, atol=0.5 * min(other.spacing))
        )

    def slices(self, first: int, last: int, axis: int = 0) -> CTVolume:
        """The volume of slices `first` up to but without `last` of an axis of the array, at its true place in space."""
        origin = np.asarray(self.origin) + self.direction[:, 2 - axis] * self.spacing[2 - axis] * first
        files, frames = self.source.files, self.source.frames
        if axis == 0 and len(files) == len(self.hu):
            files, frames = files[first:last], frames[first:last]
        part = (slice(None),) * axis + (slice(first, last),)
        return replace(
            self,
            hu=self.hu[part],
            origin=tuple(float(v) for v in origin),
            padding=None if self.padding is None else self.padding[part],
            source=replace(self.source, files=files, frames=frames),
        )

    def reoriented(self, orientation: Orientation) -> CTVolume:
        """The same volume in space with its axes in another order or direction; the arrays are views."""
        vectors, steps = self.direction[:, ::-1], self.spacing[::-1]  # of array axes 0, 1, 2
        origin, kept = np.asarray(self.origin), []
        for axis, flip in zip(orientation.order, orientation.flipped, strict=True):
            if flip:
                origin = origin + vectors[:, axis] * steps[axis] * (self.shape[axis] - 1)
            kept.append(-vectors[:, axis] if flip else vectors[:, axis])
        files, frames = self.source.files, self.source.frames
        if len(files) == len(self.hu) > 1:  # a file is no slice any more where another axis comes first
            way = slice(None, None, -1 if orientation.flipped[0] else 1) if orientation.slice_axis == 0 else slice(0)
            files, frames = files[way], frames[way]
        return replace(
            self,
            hu=orientation.apply(self.hu),
            spacing=tuple(steps[axis] for axis in reversed(orientation.order)),
            origin=tuple(float(v) for v in origin),
            direction=np.stack(kept[::-1], axis=1),
            padding=None if self.padding is None else orientation.apply(self.padding),
            source=replace(self.source, files=files, frames=frames),
        )

    def standard(self) -> CTVolume:
        """The volume in its standard orientation: axial slices from the feet, as a radiologist sees them."""
        return self.reoriented(self.orientation)
