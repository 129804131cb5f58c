"""Private folders for work in progress, which vanish with their owner: at once, or when somebody next comes by.

A workplace is a hidden folder `.ldct-<12 hex digits>.part` that only its owner can enter (0700). While the owner
lives it holds a lock on a file in it, so that everybody else can tell it from what a crash left behind.
Layout: `.ldct-owner` (locked), and whatever the owner puts there; `swap` says what `new` and `old` mean.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError
from .locks import FileLock
from .owner import may_live, sign
from .swap import undo

OWNER = ".ldct-owner"
_NAME = re.compile(r"\.ldct-[0-9a-f]{12}\.part")
_ALONE = ".ldct-only-one"
_REST = 60.0  # s between two sweeps of the same folder by one process
_MOUNT_POINT = 0xA0000003  # what Windows calls a junction: a folder that leads elsewhere

_swept: dict[str, float] = {}  # folder → when, s of the monotonic clock


@contextmanager
def workplace(near: Path | None = None) -> Iterator[Path]:
    """A private folder in the folder `near` (by default the system's for temporary files), gone afterwards.

    What dead processes left in `near` is removed first (see `tidy`). Raises OSError if it cannot be made.
    On Windows its rights are those of `near`: files would take stricter ones along to where they are moved.
    """
    near = Path(tempfile.gettempdir()) if near is None else Path(near)
    tidy(near)
    folder, lock = _move_in(near)
    owner = os.getpid()
    try:
        yield folder
    finally:
        if os.getpid() == owner:  # and not a forked child on its way out
            _clear(folder, lock)


def sweep(folder: Path) -> int:
    """Removes what dead processes left in `folder` (not below it), bringing back what they were about to replace.

    Never touches what a living process may need: on the owner's machine the lock tells, elsewhere a day without
    change. Returns the number of folders removed; what cannot be removed stays, and nothing is raised.
    """
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries if _NAME.fullmatch(entry.name)]
    return sum(_sweep_one(path) for path in found)


def tidy(folder: Path) -> None:
    """Sweeps, at most once a minute: a folder may hold thousands of outputs, each of which is written here."""
    key, now = str(folder.absolute()), time.monotonic()
    if now - _swept.get(key, -_REST) >= _REST:
        _swept[key] = now
        sweep(folder)


@contextmanager
def only_one(folder: Path, sentence: str) -> Iterator[None]:
    """One process at a time in `folder`, which exists: InputError(sentence) if another is within this block.

    A former holder that was killed keeps nobody out. InputError also if `folder` cannot be written to.
    """
    path = Path(folder) / _ALONE
    try:
        lock = _lock_alone(path)
    except OSError as error:
        raise InputError(write_failure(Path(folder), error)) from error
    if lock is None:
        raise InputError(sentence)
    owner = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner:
            _remove(path, lock)


def write_failure(path: Path, error: OSError) -> str:
    """What to tell the user when `path` could not be written."""
    error = _with_number(error)
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return f"The disk is full, so {path} was not written; make room or choose another folder."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} cannot be written to; choose another folder, or close the program that has the file open."
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return f"{path} cannot be made, because a part of its path is a file; choose another folder."
    return f"{path} could not be written ({error.strerror or type(error).__name__}); choose another folder."


def _with_number(error: OSError) -> OSError:
    """The error, or the one it was raised from: pydicom wraps that of a full disk into one without a number."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            return cause
        cause = cause.__cause__ or cause.__context__
    return error


def _move_in(near: Path) -> tuple[Path, FileLock]:
    for _ in range(10):  # a sweeper may be quicker than we are with the lock
        folder = near / f".ldct-{secrets.token_hex(6)}.part"
        folder.mkdir(0o777 if os.name == "nt" else 0o700)
        lock = None
        try:
            lock = FileLock(folder / OWNER, new=True)
            sign(lock)
            if lock.take() is not False and (folder / OWNER).exists():
                return folder, lock
            lock.close()
        except OSError as error:
            if lock is not None:
                lock.close()
            _unlink(folder / OWNER)
            _remove_empty(folder)
            if not isinstance(error, FileNotFoundError):
                raise
    raise OSError(errno.EBUSY, "the folder is busy")


def _lock_alone(path: Path) -> FileLock | None:
    """The lock, signed, or None if somebody has it."""
    for _ in range(10):  # the file may vanish with its former holder while we look at it
        try:
            lock, is_new = FileLock(path, new=True), True
        except FileExistsError:
            try:
                lock, is_new = FileLock(path), False
            except FileNotFoundError:
                continue
        taken = lock.take()
        if taken is False or (taken is None and not is_new and may_live(lock, taken, path)):
            lock.close()
            return None
        if lock.is_at(path):
            sign(lock)
            return lock
        lock.close()
    return None


def _sweep_one(folder: Path) -> bool:
    try:
        if not _is_our_folder(os.lstat(folder)):
            return False
        lock = FileLock(folder / OWNER)
    except FileNotFoundError:  # no owner yet, or no longer; who is about to move in tries again elsewhere
        return _remove_empty(folder)
    except OSError:
        return False
    taken = lock.take()
    in_use = may_live(lock, taken, folder) and not (taken and _is_unused(folder, lock))
    if in_use or not (folder / OWNER).exists():
        lock.close()
        return False
    return _clear(folder, lock)


def _is_our_folder(info: os.stat_result) -> bool:
    """A true folder, no link to one, and of this user."""
    if not stat.S_ISDIR(info.st_mode) or getattr(info, "st_reparse_tag", 0) == _MOUNT_POINT:
        return False
    return not hasattr(os, "geteuid") or info.st_uid == os.geteuid()


def _is_unused(folder: Path, lock: FileLock) -> bool:
    """Made and never signed. Who is about to sign it misses the file afterwards, and tries again elsewhere."""
    try:
        return not lock.read() and all(path.name == OWNER for path in folder.iterdir())
    except OSError:
        return False


def _clear(folder: Path, lock: FileLock) -> bool:
    """Removes the folder of a lock that we hold. The owner's file goes last: without it nobody would sweep the rest."""
    if not undo(folder):  # a former output is still here, and cannot be brought back now
        lock.close()
        return False
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == OWNER:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)  # removes links and does not follow them
            else:
                _unlink(Path(entry.path))
    try:
        is_empty = all(path.name == OWNER for path in folder.iterdir())
    except OSError:
        is_empty = False
    if not is_empty:
        lock.close()
        return False
    _remove(folder / OWNER, lock)
    return _remove_empty(folder)


def _remove(path: Path, lock: FileLock) -> None:
    """Removes the file of a lock that we hold, while we hold it: whoever gets it next sees that its name is gone.

    Windows removes no open file: there it goes afterwards, unless somebody has it open by then, who keeps it.
    """
    if os.name == "nt":
        lock.close()
    _unlink(path)
    lock.close()


def _remove_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
