"""Where slices lie in space: their order, the grid that they form, and what keeps them from forming one.

Positions along the normal decide; names and instance numbers do not. With `usual` the commonest step (steps within
2 % count as the same, the smaller wins a tie), the rules for steps that are not all alike are:

missing slices (refused)   at least half of the steps are usual; all others lie within a tenth of the usual step of
                           a whole multiple of it, twice or more; and no three wide steps of one size follow each
                           other: such a run is a protocol that changes its spacing, 5 mm below and 10 mm above.
uneven (accepted, told)    anything else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .dicom_slices import Slice

_SAME_PLACE = 0.01  # mm; slices nearer to each other than this are one position twice
_SAME_SPACING = 1e-3  # part of it by which pixel spacings may differ
_SAME_DIRECTION = 1e-3  # largest difference between direction cosines of one orientation, about 0.06°
_EVEN = 0.02  # steps that differ by less than this part are alike: positions are written with few digits
_MULTIPLE = 0.1  # of the usual step, see above
_TILT = (0.1, 2e-3)  # sideways by more than this many mm and this part of the length (0.11°): a tilted gantry


@dataclass(frozen=True)
class Grid:
    """The grid of a series, in the terms of CTVolume; `order` puts the given slices along the normal."""

    order: list[int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: np.ndarray
    notices: list[str]


def grid_of(slices: list[Slice]) -> Grid:
    """The grid on which `slices` lie, in any order given.

    Raises InputError for several matrix sizes, pixel spacings or orientations, for two slices at one place, and for
    missing slices. A tilted gantry, uneven steps and slices that wander sideways give a notice.
    """
    _require_one_matrix(slices)
    along_columns, along_rows, normal = _axes(slices)
    positions = np.array([piece.position for piece in slices])
    heights = (positions - positions[0]) @ normal
    order = [int(i) for i in np.argsort(heights, kind="stable")]
    positions, heights = positions[order], positions[order] @ normal
    row_spacing, column_spacing = slices[0].pixel_spacing
    notices: list[str] = []
    step = slices[0].thickness or 1.0
    if len(slices) > 1:
        steps = np.diff(heights)
        _require_distinct(steps, heights)
        even = _are_even(steps, heights)
        # From slice to slice, not along the normal: what ITK takes for the spacing of a tilted gantry too.
        distances = np.linalg.norm(np.diff(positions, axis=0), axis=1)
        step = np.linalg.norm(positions[-1] - positions[0]) / len(steps) if even else np.median(distances)
        notices += _sideways_notices(positions, normal, min(slices[0].pixel_spacing))
        if not even:
            notices.append(
                f"The distance between slices varies from {steps.min():.2f} to {steps.max():.2f} mm; slices are "
                f"denoised one by one, and the volume keeps the middle distance of {step:.2f} mm."
            )
    return Grid(
        order=order,
        spacing=(column_spacing, row_spacing, float(step)),
        origin=tuple(float(v) for v in positions[0]),
        direction=np.column_stack([along_columns, along_rows, normal]),
        notices=notices,
    )


def _require_one_matrix(slices: list[Slice]) -> None:
    first = slices[0]
    for piece in slices:
        size, usual = (piece.stored.rows, piece.stored.columns), (first.stored.rows, first.stored.columns)
        if size != usual:
            raise InputError(
                f"The slices differ in size ({usual[0]} × {usual[1]} and {size[0]} × {size[1]} pixels), so they are "
                "not one volume; choose a series of one size."
            )
        pairs = zip(piece.pixel_spacing, first.pixel_spacing, strict=True)
        if any(abs(here - there) > _SAME_SPACING * there for here, there in pairs):
            raise InputError(
                f"The slices differ in pixel spacing ({first.pixel_spacing[0]:g} and {piece.pixel_spacing[0]:g} mm), "
                "so they are not one volume; choose a series of one field of view."
            )


def _axes(slices: list[Slice]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors along columns, along rows and along the normal, which are the same for all slices."""
    cosines = np.array([piece.orientation for piece in slices])
    if np.abs(cosines - cosines[0]).max() > _SAME_DIRECTION:
        raise InputError(
            "The slices lie in several orientations, so they are not one volume; choose a parallel series."
        )
    row, column = cosines[0, :3], cosines[0, 3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if max(abs(length - 1) for length in lengths) > 0.01 or abs(row @ column) > 0.01:
        name = slices[0].path.name
        raise InputError(f"{name} has an impossible orientation (ImageOrientationPatient); export the series again.")
    row, column = row / lengths[0], column / lengths[1]
    normal = np.cross(row, column)
    return row, column, normal / np.linalg.norm(normal)


def _require_distinct(steps: np.ndarray, heights: np.ndarray) -> None:
    twice = np.flatnonzero(steps < _SAME_PLACE)
    if not twice.size:
        return
    place = f"at {heights[twice[0]]:.1f} mm"
    if twice.size == 1:
        raise InputError(f"Two slices lie at the same place, {place}; keep one of them.")
    raise InputError(
        f"{twice.size} slices lie at the place of another, the first {place}: the files hold a series twice, or "
        "several phases; keep one slice for each place."
    )


def _are_even(steps: np.ndarray, heights: np.ndarray) -> bool:
    """Whether the distance between slices is the same everywhere. Raises InputError if slices are missing."""
    mean = float(steps.mean())
    if np.abs(steps - mean).max() <= max(_EVEN * mean, _SAME_PLACE):
        return True
    usual = _usual(steps)
    multiples = np.rint(steps / usual).astype(int)
    wide = np.flatnonzero(multiples >= 2)
    in_multiples = np.abs(steps - multiples * usual).max() <= _MULTIPLE * usual
    if wide.size and in_multiples and 2 * wide.size <= steps.size and not _has_run_of_three(multiples):
        raise _missing(int((multiples - 1).sum()), usual, float(heights[wide[0]]), float(heights[wide[0] + 1]))
    return False


def _usual(steps: np.ndarray) -> float:
    """The commonest step: the one that most others resemble, the smaller of two that are equally common."""
    ordered = np.sort(steps)
    alike = np.searchsorted(ordered, ordered * (1 + _EVEN), side="right") - np.arange(ordered.size)
    first = int(np.argmax(alike))  # the first of equals is the smallest
    return float(np.median(ordered[first : first + alike[first]]))


def _has_run_of_three(multiples: np.ndarray) -> bool:
    """Whether three wide steps of one size follow each other."""
    return bool(
        np.any((multiples[:-2] >= 2) & (multiples[:-2] == multiples[1:-1]) & (multiples[1:-1] == multiples[2:]))
    )


def _missing(count: int, usual: float, below: float, above: float) -> InputError:
    slices = "A slice is" if count == 1 else f"{count} slices are"
    first = "" if count == 1 else "first "
    return InputError(
        f"{slices} missing: slices lie {usual:g} mm apart, but {first}between {below:.1f} and {above:.1f} mm there is "
        "a gap; get the whole series."
    )


def _sideways_notices(positions: np.ndarray, normal: np.ndarray, pixel: float) -> list[str]:
    """What to tell of slices that do not lie straight above each other.

    With a tilted gantry they shift sideways as they rise. A volume with a right-angled grid cannot show that; it is
    stacked straight from the place of its first slice, as ITK stacks it.
    """
    rise = (positions - positions[0]) @ normal
    sideways = positions - positions[0] - np.outer(rise, normal)
    shift = float(np.linalg.norm(sideways[-1]))
    tilted = shift > _TILT[0] and shift > _TILT[1] * rise[-1]
    slope = sideways[-1] / rise[-1] if tilted else np.zeros(3)
    wandering = float(np.linalg.norm(sideways - np.outer(rise, slope), axis=1).max())
    notices = []
    if tilted:
        angle = np.degrees(np.arctan(np.linalg.norm(slope)))
        notices.append(
            f"The gantry was tilted by {angle:.1f}°; slices are denoised one by one, and the volume keeps the place of "
            "its first slice and the distance between slices, but stacks them straight."
        )
    if wandering > max(0.5 * pixel, _TILT[0]):
        notices.append(
            f"Slices lie up to {wandering:.1f} mm beside the line of the others; they are denoised one by one, and the "
            "volume stacks them straight."
        )
    return notices
