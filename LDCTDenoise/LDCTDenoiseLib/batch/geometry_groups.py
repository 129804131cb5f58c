"""The volumes that one series holds: phases, acquisitions and reconstructions under one SeriesInstanceUID.

Images of another matrix, pixel spacing or orientation are another volume. Where several images lie at one place, a
value of their headers tells them apart if it parts them without waste: the parts together hold as many images at one
place as there were before. A time that is another for each image does not, nor does a folder of so many files. Where no
value does it, the images go one after the other, in the order of their making, to the first part whose place is free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..errors import InputError
from ..files.dicom_geometry import grid_of
from ..files.dicom_slices import Slice
from .found import FoundFile
from .look import MARKS, Seen

_SAME_PLACE = 0.01  # mm along the normal, as the reader has it
_SAME = 1e-3  # of direction cosines, and of pixel spacings in proportion
_EVEN = 0.02  # steps that differ by less than this part are alike
_MOMENTS = list(MARKS).index("TemporalPositionIndex")  # from here on marks tell of time


@dataclass(frozen=True, eq=False, slots=True)
class Image:
    """One file of a series; `name` is relative to the tree, `index` its number in the tree."""

    index: int
    name: str
    file: FoundFile
    seen: Seen

    @property
    def slices(self) -> tuple[Slice, ...]:
        return self.seen.slices

    @property
    def order(self) -> tuple:
        return (*self.seen.order, self.index)

    @property
    def folder(self) -> str:
        return self.name.rpartition("/")[0]


def split(images: Sequence[Image]) -> list[list[Image]]:
    """The images of one series as parts that are a volume each, as far as can be told; in the order of their making."""
    parts = [part for group in _alike(images) for part in _phases(group)]
    return sorted(parts, key=lambda part: min(image.order for image in part))


def slices_of_all(images: Iterable[Image]) -> list[Slice]:
    return [piece for image in images for piece in image.slices]


def _alike(images: Sequence[Image]) -> list[list[Image]]:
    """Groups of one matrix, pixel spacing and orientation."""
    groups: list[list[Image]] = []
    for image in images:
        home = next((group for group in groups if _is_alike(group[0].slices[0], image.slices[0])), None)
        if home is None:
            groups.append([image])
        else:
            home.append(image)
    return groups


def _is_alike(one: Slice, other: Slice) -> bool:
    return (
        (one.stored.rows, one.stored.columns) == (other.stored.rows, other.stored.columns)
        and all(abs(a - b) <= _SAME * a for a, b in zip(one.pixel_spacing, other.pixel_spacing, strict=True))
        and all(abs(a - b) <= _SAME for a, b in zip(one.orientation, other.orientation, strict=True))
    )


def _phases(images: list[Image]) -> list[list[Image]]:
    """Parts that have one image at each place."""
    heights = _heights(images)
    places = _places(heights)
    most = _most(images, places)
    if most > 1:
        for groups in _partings(images):
            if sum(_most(group, places) for group in groups) == most:
                return [part for group in groups for part in _phases(group)]
        return _one_after_the_other(images, places)
    if not _is_even(images, heights):
        for groups in _partings(images):
            if all(len(group) > 1 and _is_even(group, heights) for group in groups) and (
                _overlap(groups, heights) or _is_refused(images)
            ):
                return groups
    return [images]


def _heights(images: Sequence[Image]) -> dict[int, np.ndarray]:
    """Image number → heights of its slices along the common normal, in mm."""
    first = images[0].slices[0]
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    return {image.index: np.array([piece.position for piece in image.slices]) @ normal for image in images}


def _places(heights: dict[int, np.ndarray]) -> dict[int, list[int]]:
    """The same with heights numbered from below; what lies within `_SAME_PLACE` of the next has its number."""
    levels = np.unique(np.concatenate(list(heights.values())))
    numbers = np.concatenate([[0], np.cumsum(np.diff(levels) >= _SAME_PLACE)])
    return {index: numbers[np.searchsorted(levels, own)].tolist() for index, own in heights.items()}


def _most(images: Sequence[Image], places: dict[int, list[int]]) -> int:
    """How many slices lie at the place that has most."""
    return max(Counter(place for image in images for place in places[image.index]).values())


def _is_even(images: Sequence[Image], heights: dict[int, np.ndarray]) -> bool:
    steps = np.diff(np.sort(np.concatenate([heights[image.index] for image in images])))
    return not steps.size or np.abs(steps - steps.mean()).max() <= max(_EVEN * steps.mean(), _SAME_PLACE)


def _overlap(groups: Sequence[Sequence[Image]], heights: dict[int, np.ndarray]) -> bool:
    """Whether two of the groups share half of the shorter one's length: they then show the same twice."""
    ends = [[f(f(heights[image.index]) for image in group) for f in (min, max)] for group in groups]
    return any(
        min(high, other_high) - max(low, other_low) > 0.5 * min(high - low, other_high - other_low)
        for (low, high), (other_low, other_high) in combinations(ends, 2)
    )


def _is_refused(images: Iterable[Image]) -> bool:
    try:
        grid_of(slices_of_all(images))
    except InputError:
        return True
    return False


def _partings(images: Sequence[Image]) -> Iterator[list[list[Image]]]:
    """The ways in which a value of the headers, the place across the normal, or the folder parts the images."""
    told: list[Callable[[Image], object]] = [lambda image, n=n: image.seen.marks[n] for n in range(len(MARKS))]
    for tell in [*told[:_MOMENTS], _aside(images), *told[_MOMENTS:], lambda image: image.folder]:
        groups: dict[object, list[Image]] = {}
        for image in images:
            groups.setdefault(tell(image), []).append(image)
        if len(groups) > 1:
            yield list(groups.values())


def _aside(images: Sequence[Image]) -> Callable[[Image], object]:
    """Where the first pixel of an image lies across the normal, in whole mm: another field of view lies elsewhere."""
    first = images[0].slices[0]
    axes = np.reshape(first.orientation, (2, 3))
    return lambda image: tuple(np.rint(axes @ np.subtract(image.slices[0].position, first.position)).tolist())


def _one_after_the_other(images: Sequence[Image], places: dict[int, list[int]]) -> list[list[Image]]:
    parts: list[list[Image]] = []
    following: Counter[int] = Counter()  # place → the part whose place is free
    for image in sorted(images, key=lambda image: image.order):
        own = places[image.index]
        part = max(following[place] for place in own)
        following.update({place: part + 1 - following[place] for place in own})
        parts += [[] for _ in range(part + 1 - len(parts))]
        parts[part].append(image)
    return [part for part in parts if part]
