"""Files that are being written: the process may end at any time, and they end with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..atomic import write_failure
from ..errors import InputError

_UNFINISHED: set[Path] = set()


@contextmanager
def appearing_whole(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to, which takes its place when the block ends without an exception.

    Unlike `atomic.atomic_output` it replaces what is there and does not wait for the disk: the file is read back at
    once and thrown away. Errors of the file system become InputError.
    """
    aside = path.with_name(f"{path.name}.part")
    _UNFINISHED.add(aside)
    try:
        yield aside
        aside.replace(path)
    except OSError as error:
        raise InputError(write_failure(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        _UNFINISHED.discard(aside)


def remove_unfinished() -> None:
    for path in tuple(_UNFINISHED):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
