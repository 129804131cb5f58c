"""The images of one series become volumes; what cannot be part of one is left, with the reader's own sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from ..errors import InputError
from ..files.dicom_geometry import grid_of
from ..files.names import require_unicode
from .found import Left
from .geometry_groups import Image, slices_of_all, split
from .names import shown

_COMPARED = 4096  # bytes in the middle of two files of one SOPInstanceUID


@dataclass(frozen=True)
class Part:
    """A volume: its images in the order of the slices, and what the reader will say of it."""

    images: tuple[Image, ...]
    notices: tuple[str, ...]


def parts_of(images: Sequence[Image], check: Callable[[], None]) -> tuple[list[Part], list[Left]]:
    """The volumes among the images of one series, in the order of their making, and what is left of it."""
    images, left = _once(images, check)
    left += [left_of(group, group[0].seen.why) for group in by_reason(image for image in images if image.seen.apart)]
    slices = [image for image in images if not image.seen.apart]
    faulty = next((image for image in slices if image.seen.why), None)
    if faulty is not None:  # where in the series it belongs is not known, so that no part can be trusted to be whole
        return [], [*left, left_of(slices, faulty.seen.why)]
    parts: list[Part] = []
    groups = split(slices) if slices else []
    single = [group[0] for group in groups if len(group) == len(group[0].slices) == 1]
    if single and len(groups) > 1:
        left.append(left_of(single, _of_single_images(len(single), len(groups))))
        groups = [group for group in groups if len(group) > 1 or len(group[0].slices) > 1]
    for group in groups:
        check()
        try:
            parts.append(_part(group))
        except InputError as error:
            left.append(left_of(group, str(error)))
    return parts, left


def left_of(images: Sequence[Image], why: str) -> Left:
    name = [*common_folder(images), series_word(images)]
    secrets = {secret for image in images for secret in image.seen.secrets}
    return Left(shown("/".join(name)), len(images), shown(why), tuple(sorted(secrets)))


def series_word(images: Sequence[Image]) -> str:
    number = images[0].seen.number
    return f"series-{number}" if number else "series"


def common_folder(images: Iterable[Image]) -> list[str]:
    """The names of the folders, from the tree down, that all images lie in."""
    folders = sorted({image.folder for image in images})
    pairs = zip(folders[0].split("/"), folders[-1].split("/"), strict=False)
    return [one for one, _ in takewhile(lambda pair: pair[0] == pair[1] != "", pairs)]


def by_reason(images: Iterable[Image]) -> list[list[Image]]:
    """Groups of images that are left for the same reason, whatever their names are."""
    groups: dict[str, list[Image]] = {}
    for image in images:
        groups.setdefault(image.seen.why.replace(image.file.path.name, ""), []).append(image)
    return list(groups.values())


def _part(images: Sequence[Image]) -> Part:
    """Raises InputError, with the sentence of the reader, if the images form no volume."""
    for image in images:
        require_unicode(image.file.path)
    owners = [image for image in images for _ in image.slices]
    ordered = tuple(dict.fromkeys(owners[n] for n in grid_of(slices_of_all(images)).order))
    return Part(ordered, tuple(grid_of(slices_of_all(ordered)).notices))


def _of_single_images(count: int, groups: int) -> str:
    if count == groups:
        return "The images lie at one place or in many directions, as in bolus tracking, so they form no volume."
    what = "This is a single image" if count == 1 else "These are single images"
    return f"{what} beside the volumes of the series (a repeated slice, a reformat, or a scout view)."


def _once(images: Sequence[Image], check: Callable[[], None]) -> tuple[list[Image], list[Left]]:
    """Each image once, where files were copied from folder to folder; the others are left.

    Files with one SOPInstanceUID are copies if they are alike. If not, both stay: some programs keep the UIDs of
    images whose pixels they change. A damaged copy of a good image is not missed.
    """
    kept: dict[object, list[Image]] = {}
    copies: dict[str, list[Image]] = {}
    for image in sorted(images, key=lambda image: (bool(image.seen.why), image.index)):
        check()
        others = kept.setdefault(image.seen.instance or image.index, [])
        if any((image.seen.why and not other.seen.why) or _are_alike(image, other) for other in others):
            copies.setdefault(image.folder, []).append(image)
        else:
            others.append(image)
    left = [left_of(group, "These are copies of images that are taken from elsewhere.") for group in copies.values()]
    return sorted((image for others in kept.values() for image in others), key=lambda image: image.index), left


def _are_alike(one: Image, other: Image) -> bool:
    if one.file.size != other.file.size:
        return False
    try:
        return _middle(one) == _middle(other)
    except OSError:
        return False


def _middle(image: Image) -> bytes:
    """Some of the pixels, which are nearly all of a file."""
    with image.file.path.open("rb") as file:
        file.seek(max(0, (image.file.size - _COMPARED) // 2))
        return file.read(_COMPARED)
