"""Outputs that appear whole or not at all.

The work is done in a private workplace beside the target, under the target's own name: a header that names its data
file (.nhdr, .mhd) is then right from the start. On success everything moves to its place, the named file last, so
that whoever sees it sees all of it; on failure nothing is left. After a kill the next one who writes there tidies up.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from .errors import InputError
from .swap import take_places
from .workplace import tidy, workplace, write_failure

__all__ = ["atomic_folder", "atomic_output", "check_output", "write_failure"]

_FLUSHES = 8  # at once: the disk joins them into few writes of its journal


@contextmanager
def atomic_output(path: str | PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Gives a path to write to; what was written there is at `path` when the block ends without an exception.

    Files written beside the given path, in its folder, are moved along. Missing parent folders are made.
    Raises InputError if `path` exists and `overwrite` is False, or if the place cannot be written to; any other
    exception of the block passes through, and leaves `path` as it was.
    """
    path = Path(path)
    check_output(path, overwrite)
    with _drafts(path) as drafts:
        aside = drafts / path.name
        yield aside
        if not aside.is_file():
            raise RuntimeError(f"nothing was written for {path.name}")
        written = sorted(drafts.iterdir(), key=lambda file: file == aside)
        _flush(written)
        for file in written:  # also those that came along, and once more: someone may have been quicker
            _refuse_existing(path.parent / file.name, overwrite)
        take_places(drafts.parent, [file.name for file in written])
        _flush_folder(path.parent)


def check_output(path: str | PathLike[str], overwrite: bool = False) -> None:
    """Before the work and not after it: InputError if `path` could not be written later."""
    path = Path(path)
    tidy(path.parent)  # a former output whose replacement was killed comes back, and counts
    try:
        _refuse_existing(path, overwrite)
        near = next(parent for parent in path.absolute().parents if parent.exists())
        if not near.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "")
        if not os.access(near, os.W_OK):
            raise PermissionError(errno.EACCES, "")
    except OSError as error:
        raise InputError(write_failure(path, error)) from error


@contextmanager
def atomic_folder(
    path: str | PathLike[str], overwrite: bool = False, endings: tuple[str, ...] = (".dcm",)
) -> Iterator[Path]:
    """Gives an empty folder to fill; it becomes `path` when the block ends without an exception.

    An existing folder is replaced only if it is empty, or if `overwrite` is True and it holds nothing but files
    with one of `endings`: a slip of the hand must not delete somebody's folder of other things.
    Raises InputError and passes other exceptions as `atomic_output` does.
    """
    path = Path(path).resolve()  # of a link the folder is replaced, where it lies
    tidy(path.parent)
    _refuse_existing_folder(path, overwrite, endings)
    with _drafts(path) as drafts:
        aside = drafts / path.name
        aside.mkdir()
        yield aside
        _flush(aside.iterdir())
        _flush_folder(aside)
        _refuse_existing_folder(path, overwrite, endings)
        take_places(drafts.parent, [path.name])
        _flush_folder(path.parent)


@contextmanager
def _drafts(path: Path) -> Iterator[Path]:
    """The folder `new` of a workplace beside `path`; errors of the file system become one sentence."""
    missing = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with workplace(path.parent) as folder:
            drafts = folder / "new"
            drafts.mkdir()
            yield drafts
    except BaseException as error:
        for parent in missing:  # the innermost comes first
            with contextlib.suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            raise InputError(write_failure(path, error)) from error
        raise


def _refuse_existing(path: Path, overwrite: bool) -> None:
    with contextlib.suppress(PermissionError):  # the sentence about the folder comes when it is written to
        if path.is_dir():
            raise InputError(f"{path} is a folder; give the name of a file in it.")
        if path.exists() and not overwrite:
            raise InputError(f"{path} exists already; choose another name, or allow it to be replaced (--overwrite).")


def _refuse_existing_folder(path: Path, overwrite: bool, endings: tuple[str, ...]) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise InputError(f"{path} is a file; give the name of a new folder.")
    inside = list(path.iterdir())
    if inside and not overwrite:
        raise InputError(
            f"{path} holds files already; choose another folder, or allow it to be replaced (--overwrite)."
        )
    if any(not file.is_file() or file.suffix.lower() not in endings for file in inside):
        allowed = " and ".join(endings)
        raise InputError(f"{path} holds other things than {allowed} files and is not replaced; choose another folder.")


def _flush(files: Iterable[Path]) -> None:
    """Onto the disk, not only into the system's cache: a name must not outlive its content after a power cut."""
    plain = [file for file in files if file.is_file()]
    if len(plain) > 1:
        with ThreadPoolExecutor(_FLUSHES) as pool:
            list(pool.map(_flush_file, plain))  # the list brings errors here
    else:
        for file in plain:
            _flush_file(file)


def _flush_file(file: Path) -> None:
    with file.open("r+b") as handle:
        os.fsync(handle.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows cannot open a folder
    with contextlib.suppress(OSError):  # some network file systems refuse; the data themselves are safe
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
