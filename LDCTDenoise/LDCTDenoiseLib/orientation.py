"""How a volume is stored, and the one orientation in which its slices are computed.

The same patient can be stored with rows or slices running either way, or as coronal or sagittal planes. Methods see
axial slices, numbered from the feet, with front on top and the patient's right on the left, whatever the storage:
so the same slice gives the same HU. Getting there takes only transposes and flips, which are views and cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np


@dataclass(frozen=True)
class Orientation:
    """A transpose and flips, from an array [slices, rows, columns] as stored to the standard orientation.

    order    order[i] is the stored axis that becomes axis i
    flipped  flipped[i]: whether axis i then runs the other way
    """

    order: tuple[int, int, int] = (0, 1, 2)
    flipped: tuple[bool, bool, bool] = (False, False, False)

    @property
    def slice_axis(self) -> int:
        """The stored axis along which the axial slices lie."""
        return self.order[0]

    @property
    def inverse(self) -> Orientation:
        """The way back."""
        order = tuple(self.order.index(axis) for axis in range(3))
        return Orientation(order, tuple(self.flipped[axis] for axis in order))

    def apply(self, array: np.ndarray) -> np.ndarray:
        """`array` (three axes) in this orientation, a view."""
        return array.transpose(self.order)[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]

    def first_standard(self, first: int, last: int, total: int) -> int:
        """The standard number of the lowest of the stored slices first … last − 1 of `total`."""
        return total - last if self.flipped[0] else first


def standard_orientation(direction: np.ndarray) -> Orientation:
    """To slices from feet to head, rows from front to back, columns from the patient's right to left (LPS+).

    direction  [3, 3], its columns are the LPS vectors along columns, rows and slices, at any angle, also left-handed.
    The assignment of axes with the largest sum of |direction cosines| is taken. Where two are equal (at 45°), the
    body decides and not the storage, so that every storage of a volume has the same standard orientation.
    """
    vectors = np.asarray(direction, dtype=np.float64).reshape(3, 3)[:, ::-1]  # now of array axes 0, 1, 2
    return max((_candidate(vectors, order) for order in permutations(range(3))), key=lambda found: found[0])[1]


def acquisition_axis(direction: np.ndarray) -> int:
    """The axis 0, 1 or 2 of a stored array [slices, rows, columns] nearest to head–feet, along which CT is acquired.

    direction  as for `standard_orientation`
    """
    return standard_orientation(direction).slice_axis


def _candidate(vectors: np.ndarray, order: tuple[int, ...]) -> tuple[tuple[float, ...], Orientation]:
    """An orientation with that order of axes, and what it is ranked by; digits past the sixth are rounding."""
    frame = vectors[:, order]
    cosines = frame[[2, 1, 0], [0, 1, 2]]  # towards head, back, left
    flipped = cosines < 0
    frame = np.where(flipped, -frame, frame)
    rank = (round(float(np.abs(cosines).sum()), 6), *frame.round(6).ravel().tolist())
    return rank, Orientation(tuple(order), tuple(flipped.tolist()))
