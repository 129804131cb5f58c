"""CTVolume: Hounsfield units, geometry, and where they came from. Geometry is known here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Source:
    """Where a volume came from, and what a writer needs to give the same kind of file back.

    `slope` and `intercept` turn the stored integers into HU (1 and 0 where the file holds HU itself);
    `files` lists one path per slice for DICOM, in slice order, and the one file otherwise.
    """

    path: Path | None = None
    kind: str = "array"  # "dicom", "nrrd", "nifti", "metaimage" or "array"
    dtype: str = "float32"  # numpy name of the type the file stores
    slope: float = 1.0
    intercept: float = 0.0
    files: tuple[Path, ...] = ()
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
    def is_axial(self) -> bool:
        """Whether the slices lie across the body, as CT is acquired (within 45°)."""
        return abs(self.direction[2, 2]) > 0.7

    def as_seen(self, slice_hu: np.ndarray) -> np.ndarray:
        """An axial slice [rows, columns] as a radiologist sees it: patient's right on the left, front on top."""
        flip_columns, flip_rows = self.direction[0, 0] < 0, self.direction[1, 1] < 0
        return slice_hu[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]

    def slices(self, first: int, last: int) -> CTVolume:
        """The volume of slices `first` up to but without `last`, at its true place in space."""
        origin = np.asarray(self.origin) + self.direction[:, 2] * self.spacing[2] * first
        files = self.source.files[first:last] if len(self.source.files) == len(self.hu) else self.source.files
        return replace(
            self,
            hu=self.hu[first:last],
            origin=tuple(float(v) for v in origin),
            padding=None if self.padding is None else self.padding[first:last],
            source=replace(self.source, files=files),
        )
