"""Which files make the series that a user means: all of a folder, or the siblings of one file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from ..errors import InputError
from .dicom_header import (
    DICOM_INDEX,
    SECONDARY_CAPTURE,
    DicomFile,
    begins_as_dicom,
    damaged,
    read_header,
)
from .endings import ENDINGS_SENTENCE, ending_of

_NAMED = 5  # that many series or folders are named in a sentence, the rest is counted
_SEARCHED = 3000  # that many files are looked at when a folder without DICOM is searched for a better one


def files_of_series(
    path: Path, *, progress: Callable[[int, int, str], None], check: Callable[[], None]
) -> tuple[list[DicomFile], list[str]]:
    """The files of the one series at `path`, unsorted, and notices for the user.

    `path` is a folder, read without its sub-folders, or one file, whose siblings of the same series belong to it.
    Raises InputError if there is no DICOM image, if a folder holds several series, or if a file is damaged.
    """
    if path.is_dir():
        images, broken = _scan(path, progress, check)
        if broken:
            raise damaged(broken[0])
        if not images:
            raise _nothing_here(path)
        series = _by_series(images)
        if len(series) > 1:
            raise _several(series)
        return images, []

    chosen = read_header(path)
    if chosen is None:
        raise InputError(
            f"{path.name} is neither a DICOM file nor one that ends in {ENDINGS_SENTENCE}; choose another file."
        )
    if not chosen.is_image:
        what = "the index of a DICOM medium" if chosen.sop_class == DICOM_INDEX else "a DICOM file without an image"
        raise InputError(f"{path.name} is {what}; choose a file of a CT series, or the folder that holds one.")
    if not chosen.series:
        return [chosen], []
    images, broken = _scan(path.parent, progress, check)
    siblings = [image for image in images if image.series == chosen.series]
    if not broken:
        return siblings, []
    # Whether a damaged file belongs to the chosen series cannot be known: say so, and let the gap rule judge.
    return siblings, [f"{len(broken)} damaged file(s) in the folder were left out, for instance {broken[0]}."]


def _scan(
    folder: Path, progress: Callable[[int, int, str], None], check: Callable[[], None]
) -> tuple[list[DicomFile], list[str]]:
    """The DICOM images in `folder`, and the names of files that should be DICOM and cannot be read."""
    files = sorted(file for file in folder.iterdir() if not file.name.startswith(".") and file.is_file())
    images: list[DicomFile] = []
    broken: list[str] = []
    for done, file in enumerate(files, start=1):
        check()
        try:
            header = read_header(file)
            if header is None and file.suffix.lower() in (".dcm", ".dicom", ".ima"):
                broken.append(file.name)
            if header is not None and header.is_image:
                images.append(header)
        except InputError:
            broken.append(file.name)
        progress(done, len(files), "scan")
    return images, broken


def _by_series(images: Iterable[DicomFile]) -> dict[str, list[DicomFile]]:
    series: dict[str, list[DicomFile]] = {}
    for image in images:
        series.setdefault(image.series, []).append(image)
    return series


def _several(series: dict[str, list[DicomFile]]) -> InputError:
    groups = list(series.values())
    told = "; ".join(_describe(group) for group in groups[:_NAMED])
    more = f"; and {len(groups) - _NAMED} more" if len(groups) > _NAMED else ""
    return InputError(
        f"The folder holds {len(groups)} series ({told}{more}); choose a file of the one that you want, not the folder."
    )


def _describe(group: list[DicomFile]) -> str:
    """One series in a few words. The description is left out: people write names into it."""
    first = group[0]
    if first.is_localizer:
        kind = "localizer"
    elif first.sop_class.startswith(SECONDARY_CAPTURE):
        kind = "secondary capture"
    else:
        kind = first.modality or "unknown"
    number = f"number {first.number}" if first.number else f"UID …{first.series[-8:]}"
    images = "image" if len(group) == 1 else "images"
    return f"{number}: {len(group)} {kind} {images} such as {first.name}"


def _nothing_here(folder: Path) -> InputError:
    """The sentence for a folder without DICOM: it points at what was probably meant."""
    inside = sorted(folder.iterdir())
    if not inside:
        return InputError(f"The folder {folder} is empty; choose one that holds a CT series.")
    volumes = [file.name for file in inside if ending_of(file)]
    if volumes:
        return InputError(f"The folder {folder} holds no DICOM images; to read a volume file, name it: {volumes[0]}.")
    below = (file for file in islice(folder.rglob("*"), _SEARCHED) if file.parent != folder and file.is_file())
    images = (file.relative_to(folder) for file in below if begins_as_dicom(file))
    homes = {file.parent.as_posix() for file in images if not any(part.startswith(".") for part in file.parts)}
    if not homes:
        return InputError(f"The folder {folder} holds no DICOM images; choose one that holds a CT series.")
    if len(homes) == 1:
        return InputError(f"The images lie in a folder below this one, {homes.pop()}; choose that folder.")
    named = ", ".join(sorted(homes)[:_NAMED]) + (" and others" if len(homes) > _NAMED else "")
    return InputError(f"The images lie in folders below this one, {named}; choose one of them.")
