"""The CT series below a folder: every file is looked at once, and counted once, in a series or as left."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import Cancelled, InputError
from ..files.endings import ending_of
from ..files.names import require_unicode
from .found import Finding, FoundSeries, Left
from .geometry_groups import Image
from .hidden import hide
from .leftovers import leftovers
from .look import FACTS
from .names import safe_name, shown, unique
from .one_series import common_folder, parts_of, series_word
from .scan_pool import look_at
from .tree import Tree, surroundings, walk

_PAUSE = 0.1  # seconds


def find_series(
    tree: Path,
    *,
    without: Sequence[Path] = (),
    processes: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Finding:
    """What lies below the folder `tree`: CT series and volume files, and what is left and why.

    without    folders and files to leave out without a word, such as the outputs; hidden ones always are
    processes  that read headers; None takes what pays. The result is the same for any number
    progress   called as progress(done, total, stage) with the stages "find" (total 0: not known) and "scan"

    Raises InputError if `tree` is no folder that can be opened, Cancelled when `cancel` says so.
    """
    started = time.monotonic()
    progress = _now_and_then(progress)

    def check() -> None:
        if cancel is not None and cancel():
            raise Cancelled("the search was cancelled")

    root = Path(tree).absolute()
    try:
        found = walk(root, without, progress=progress, check=check)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"The folder {tree} could not be opened ({reason}); choose another.") from error
    seen = look_at([file.path for file in found.files], processes, progress=progress, check=check)
    files = [Image(n, *rest) for n, rest in enumerate(zip(found.names, found.files, seen, strict=True))]
    series, left = _dicom([file for file in files if file.seen.kind == "image"], found, check)
    volumes, bad_volumes = _volumes([file for file in files if file.seen.kind == "volume"])
    rest = [file for file in files if file.seen.kind not in ("image", "volume")]
    left += [*bad_volumes, *leftovers(rest, found.passed_by)]
    series = _with_damaged_neighbours([*series, *volumes], rest)
    names = unique([one.name for one in series], [one.key for one in series])
    series = [replace(one, name=name) for one, name in zip(series, names, strict=True)]
    finding = Finding(tuple(series), tuple(left), len(files), time.monotonic() - started)
    return replace(finding, series=tuple(_with_all_secrets(one, finding.secrets) for one in series))


def _now_and_then(progress: Callable[[int, int, str], None] | None) -> Callable[[int, int, str], None]:
    """Ten times a second, and at the end of what has one: there are thousands of files."""
    last = 0.0

    def tell(done: int, total: int, stage: str) -> None:
        nonlocal last
        if progress and (done == total or time.monotonic() - last > _PAUSE):
            last = time.monotonic()
            progress(done, total, stage)

    return tell


def _dicom(images: Iterable[Image], tree: Tree, check: Callable[[], None]) -> tuple[list[FoundSeries], list[Left]]:
    """The volumes of all series, and what is left of them. Never are two patients or studies in one."""
    groups: dict[tuple[str, ...], list[Image]] = {}
    for image in images:
        groups.setdefault((_series_of(image), image.seen.study, image.seen.patient), []).append(image)
    lying: dict[str, Counter[str]] = {}  # series → folder → files
    for (uid, *_), group in groups.items():
        lying.setdefault(uid, Counter()).update(image.folder for image in group)
    found, left = [], []
    numbers: Counter[str] = Counter()
    for (uid, *_), group in groups.items():
        check()
        parts, rest = parts_of(group, check)
        left += rest
        for number, part in enumerate(parts, start=1):
            numbers[uid] += 1
            folders = {image.folder for image in part.images}
            place = common_folder(part.images)
            word = series_word(part.images) + (f"-part-{number}" if len(parts) > 1 else "")
            one = FoundSeries(
                key=_key(f"{uid}\n{numbers[uid]}"),
                name=safe_name([*place, word]),
                kind="dicom",
                files=tuple(image.file for image in part.images),
                slices=sum(len(image.slices) for image in part.images),
                rows=part.images[0].slices[0].stored.rows,
                columns=part.images[0].slices[0].stored.columns,
                facts={k: v for k, v in zip(FACTS, part.images[0].seen.facts, strict=True) if v},
                notices=part.notices,
                secrets=tuple(sorted({secret for image in part.images for secret in image.seen.secrets})),
                surroundings=surroundings(tree.listings[folder] for folder in folders),
                of_series=sum(lying[uid][folder] for folder in folders),
            )
            found.append((place, _sortable(part.images[0].seen.number), uid, number, one))
    return [one for *_, one in sorted(found, key=lambda row: row[:-1])], sorted(left, key=lambda one: one.name)


def _series_of(image: Image) -> str:
    """The SeriesInstanceUID; where there is none, a folder and a number have to do."""
    return image.seen.series or f"{image.folder}\n{image.seen.number}"


def _volumes(files: Iterable[Image]) -> tuple[list[FoundSeries], list[Left]]:
    series, left = [], []
    for file in files:
        try:
            require_unicode(file.file.path)
        except InputError as error:
            left.append(Left(shown(file.name), 1, shown(str(error))))
            continue
        stem = file.name[: len(file.name) - len(ending_of(file.file.path))]
        slices, rows, columns = file.seen.shape
        name = safe_name(stem.split("/"))
        series.append(FoundSeries(_key(file.name), name, "file", (file.file,), slices, rows, columns))
    return series, left


def _with_damaged_neighbours(series: Iterable[FoundSeries], rest: Iterable[Image]) -> list[FoundSeries]:
    """Whether a damaged file belongs to a series beside it cannot be known: each of them says so."""
    damaged: dict[Path, list[str]] = {}
    for file in rest:
        if file.seen.kind == "damaged" and not ending_of(file.file.path):
            damaged.setdefault(file.file.path.parent, []).append(shown(file.file.path.name))
    told = []
    for one in series:
        folders = {file.path.parent for file in one.files} if one.kind == "dicom" else ()
        names = sorted(name for folder in folders for name in damaged.get(folder, ()))
        if names:
            notice = f"{len(names)} damaged file(s) in the folder were left out, for instance {names[0]}."
            one = replace(one, notices=(*one.notices, notice))
        told.append(one)
    return told


def _with_all_secrets(one: FoundSeries, secrets: tuple[str, ...]) -> FoundSeries:
    """Its own secrets are enough, unless its name holds another's: a patient's folder with anonymous images in it."""
    hidden = hide(one.name, one.secrets)
    return one if hide(hidden, secrets) == hidden else replace(one, secrets=secrets)


def _sortable(number: str) -> tuple[float, str]:
    return (float(number) if number.isdigit() else float("inf"), number)


def _key(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
