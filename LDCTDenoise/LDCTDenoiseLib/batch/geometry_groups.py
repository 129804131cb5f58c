"""The volumes that one series holds: phases, acquisitions and reconstructions under one SeriesInstanceUID.

Images of another matrix, pixel spacing or orientation are another volume. Where several images lie at one place, a
value of their headers tells them apart if it parts them without waste: the parts together hold as many images at one
place as there were before. A time that is another for each image does not, nor does a folder of so many files. Where no
value does it, the images go one after the other, in the order of their making, to the first part whose place is free.

A gap alone is no reason to part a series: a slice is missing then, and a reader says so. It is one only where the
series holds regions far from each other, or a second volume between the slices of the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import InputError
from ..files.dicom_geometry import grid_of
from ..files.dicom_slices import Slice
from .found import FoundFile
from .look import MARKS, Seen

_SAME_PLACE = 0.01  # mm along the normal, as the reader has it
_SAME = 1e-3  # of direction cosines, and of pixel spacings in proportion
_EVEN = 0.02  # steps that differ by less than this part are alike
_FEWEST = 3  # slices of a part that no repeated place asks for
_MOST_PARTS = 5  # of that kind
_COMMON = 0.4  # part of the steps that are wide
_FAR, _FAR_MM = 5, 25.0  # steps, and mm, between two regions of a body
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
        shuffled = not _is_refused(images) or _is_shuffled(images, heights)
        for groups in _partings(images):
            are_volumes = len(groups) <= _MOST_PARTS and all(_is_whole(group, heights) for group in groups)
            if are_volumes and (_overlap if shuffled else _are_far_apart)(groups, heights):
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


def _is_whole(group: Sequence[Image], heights: dict[int, np.ndarray]) -> bool:
    return sum(len(image.slices) for image in group) >= _FEWEST and _is_even(group, heights)


def _is_shuffled(images: Sequence[Image], heights: dict[int, np.ndarray]) -> bool:
    """Whether wide steps are as common as narrow ones: slices of another volume lie between those of one."""
    steps = np.diff(np.sort(np.concatenate([heights[image.index] for image in images])))
    return np.mean(steps > 1.5 * steps.min()) > _COMMON


def _overlap(groups: Sequence[Sequence[Image]], heights: dict[int, np.ndarray]) -> bool:
    """Whether each group shares half of its length with another, or has half of another's: they show the same twice."""
    ends = _ends(groups, heights)
    return all(any(_share(one, other) for m, other in enumerate(ends) if m != n) for n, one in enumerate(ends))


def _share(one: tuple[float, float], other: tuple[float, float]) -> bool:
    common = min(one[1], other[1]) - max(one[0], other[0])
    return common > 0.5 * min(one[1] - one[0], other[1] - other[0])


def _are_far_apart(groups: Sequence[Sequence[Image]], heights: dict[int, np.ndarray]) -> bool:
    """Whether the groups lie one above the other, with more between any two than a few missing slices leave."""
    ends = sorted(_ends(groups, heights))
    step = max(float(np.diff(np.sort(np.concatenate([heights[image.index] for image in one]))).max()) for one in groups)
    gaps = [above[0] - below[1] for below, above in pairwise(ends)]
    return min(gaps) >= max(_FAR * step, _FAR_MM)


def _ends(groups: Sequence[Sequence[Image]], heights: dict[int, np.ndarray]) -> list[tuple[float, float]]:
    """The lowest and the highest place of each group, in mm."""
    return [
        (min(heights[image.index].min() for image in group), max(heights[image.index].max() for image in group))
        for group in groups
    ]


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
