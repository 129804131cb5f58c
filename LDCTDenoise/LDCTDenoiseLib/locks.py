"""A lock on a file, lifted by the system when its holder ends, however it ends (also by kill -9 or a power cut).

It keeps out other processes, and other locks of the same process. Children do not inherit it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import weakref
from pathlib import Path

_BUSY = (errno.EAGAIN, errno.EACCES, errno.EDEADLK, getattr(errno, "EDEADLOCK", errno.EDEADLK))
_FAR = 1 << 30  # the byte that Windows locks, which nobody can read then: far behind the content
_LONGEST = 4096  # bytes of content

_open: weakref.WeakSet[FileLock] = weakref.WeakSet()


class FileLock:
    """A file that is open, and locked from `take` to `close`.

    The path is never followed through a link. Raises OSError (FileNotFoundError, …) where it cannot be opened, or is
    no plain file.
    """

    def __init__(self, path: Path, *, new: bool = False):
        """`new` makes the file, readable by its owner alone, and refuses one that exists."""
        flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        self._handle: int | None = os.open(path, flags | (os.O_CREAT | os.O_EXCL if new else 0), 0o600)
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            self.close()
            raise OSError(errno.EINVAL, "not a plain file")
        _open.add(self)

    def take(self) -> bool | None:
        """True: it is ours. False: somebody has it. None: this file system knows no locks."""
        try:
            _lock(self._handle)
        except OSError as error:
            return False if error.errno in _BUSY else None
        except ImportError:
            return None
        return True

    def is_at(self, path: Path) -> bool:
        """Whether the file is (still) the one with this name."""
        try:
            return os.path.samestat(os.fstat(self._handle), os.lstat(path))
        except OSError:
            return False

    def read(self) -> bytes:
        os.lseek(self._handle, 0, os.SEEK_SET)
        return os.read(self._handle, _LONGEST)

    def write(self, content: bytes) -> None:
        """Replaces the content."""
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.ftruncate(self._handle, 0)
        os.write(self._handle, content)

    def close(self) -> None:
        """The lock is lifted. Again: nothing happens."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(OSError, ImportError):  # lifted also in a child that was forked outside Python
                _unlock(handle)
            os.close(handle)


def _lock(handle: int) -> None:
    if os.name == "nt":
        import msvcrt

        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not lockf, which lets a process through its own locks


def _unlock(handle: int) -> None:
    if os.name == "nt":
        import msvcrt

        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_UN)


def _leave_to_parent() -> None:
    """In a forked child, which would otherwise keep the lock of a parent that died."""
    for lock in list(_open):
        handle, lock._handle = lock._handle, None
        if handle is not None:
            os.close(handle)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
