"""Whether a series is still what the scan found: a scanner or a network may go on writing while a batch runs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from .found import FoundSeries
from .look import look
from .tree import look_into, surroundings

_AGAIN = "start the batch again when all of it is there"


def still_as_found(series: FoundSeries) -> str | None:
    """None if all is as it was; else a sentence: a file is gone, is another, or the series has grown.

    Quick: it asks for sizes and times. Headers are read only where something in the folders has changed, each once.
    A new folder beside those of the series is not looked for.
    """
    for file in series.files:
        try:
            info = file.path.stat()
        except OSError as error:
            reason = "is gone" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
            return f"{file.path.name} {reason}, which was there when the series was found; {_AGAIN}."
        if (info.st_size, info.st_mtime_ns) != (file.size, file.mtime_ns):
            return f"{file.path.name} has changed since the series was found; {_AGAIN}."
    if series.kind == "file" or not series.surroundings:
        return None
    try:
        folders = {place: look_into(place) for place in {file.path.parent for file in series.files}}
    except OSError as error:
        return f"A folder of the series cannot be opened any more ({error.strerror}); {_AGAIN}."
    if surroundings(folder.digest() for folder in folders.values()) == series.surroundings:
        return None
    first, own = series.files[0], {file.path for file in series.files}
    uid = _series_of(first.path, first.size, first.mtime_ns)
    there = [(place / name, info) for place, folder in folders.items() for name, info in folder.files.items()]
    others = [one for one in there if one[0] not in own]
    same = [path for path, info in others if _series_of(path, info.st_size, info.st_mtime_ns) == uid]
    more = len(own) + len(same) - series.of_series
    if uid and more > 0:
        return f"The series has grown by {more} file(s) since it was found; {_AGAIN}."
    return None


@lru_cache(maxsize=100_000)
def _series_of(path: Path, _size: int, _mtime_ns: int) -> str:
    """The SeriesInstanceUID of a file, read again only if the file is another."""
    return look(path).series
