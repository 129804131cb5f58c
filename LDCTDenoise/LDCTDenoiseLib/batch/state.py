"""What files were like: cheap to compare by sizes and times, and sure to compare by their contents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..errors import Cancelled, InputError
from .found import FoundSeries

State = dict[str, "str | int"]  # files, bytes, stat: of all sizes and times, contents: of all contents
_BLOCK = 1 << 20  # bytes


def input_state(series: FoundSeries) -> State:
    """Of the files as they were found, without contents."""
    return _state((file.size, file.mtime_ns) for file in series.files)


def output_state(output: Path) -> State:
    """Of what lies at `output` now, without contents."""
    return _state((info.st_size, info.st_mtime_ns) for info in (file.stat() for file in output_files(output)))


def contents(files: Sequence[Path], cancel: Callable[[], bool] | None = None) -> str:
    """SHA-256 over those of all files; their names and order do not count. InputError for an unreadable file."""
    found = []
    for path in files:
        if cancel and cancel():
            raise Cancelled
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise InputError(f"{path} could not be read ({why}); check the file and your right to read it.") from error
        found.append(digest.hexdigest())
    return _digest(" ".join(sorted(found)))


def output_files(output: Path) -> list[Path]:
    """The file itself, or the slices of a DICOM folder; nothing where there is nothing."""
    if output.is_dir():
        return [file for file in output.iterdir() if file.suffix == ".dcm" and not file.name.startswith(".")]
    return [output] if output.exists() else []


def output_contents(output: Path, cancel: Callable[[], bool] | None = None) -> str:
    """Of a DICOM series its UIDs and pixels: the same result written twice is the same object, though the time of
    writing in it differs. Of a file its bytes."""
    files = output_files(output)
    if not output.is_dir():
        return contents(files, cancel)
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    found = []
    for file in files:
        if cancel and cancel():
            raise Cancelled
        try:
            image = dcmread(file, specific_tags=["SOPInstanceUID", "PixelData"])
            uid, pixels = str(image.get("SOPInstanceUID", "")), image.get("PixelData") or b""
        except (InvalidDicomError, OSError, EOFError, ValueError, AttributeError):
            return ""  # something else than what we write: agrees with nothing
        found.append(f"{uid}:{hashlib.sha256(pixels).hexdigest()}")
    return _digest(" ".join(sorted(found)))


def agrees(known: object, now: State, look: Callable[[], str] | None) -> bool:
    """Whether files are what `known` says of them: by sizes and times, and where times differ by what `look` finds
    in their contents; without `look` other times are another state."""
    if not isinstance(known, dict) or any(known.get(key) != now[key] for key in ("files", "bytes")):
        return False
    return known.get("stat") == now["stat"] or (look is not None and known.get("contents") == look())


def _state(sizes_and_times: Iterable[tuple[int, int]]) -> State:
    """Of files of these bytes, last changed at these nanoseconds; names and places do not count."""
    every = sorted(sizes_and_times)
    text = " ".join(f"{size}:{time}" for size, time in every)
    return {"files": len(every), "bytes": sum(size for size, _ in every), "stat": _digest(text)}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
