"""Slices that lie on disk while they are made: of 512×512×1000 the spread alone would be 1 GB of memory."""

from __future__ import annotations

import os
import shutil
import tempfile
from math import prod
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..workplace import write_failure

_OTHERS = 3  # so many times its own size must be free: the outputs come to the same disk


class SlicesOnDisk:
    """float32 [slices, rows, columns] that takes whole slices, `slices[2:5] = hu`, and gives them back as an array.

    Their file has no name (on Windows one that vanishes with it), so that nothing is left, however the process ends.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int]):
        """Raises OSError where `folder` takes no such file."""
        self._folder, self._shape, self._slice = folder, shape, 4 * prod(shape[1:])
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  it lives as long as we do
        try:
            _reserve(self._file.fileno(), 4 * prod(shape))
        except BaseException:
            self._file.close()
            raise

    def __setitem__(self, here: slice, hu: np.ndarray) -> None:
        """Slices `here.start` up to but without `here.stop`. InputError where the disk is full after all."""
        try:
            self._file.seek(here.start * self._slice)
            self._file.write(np.ascontiguousarray(hu, np.float32).data.cast("B"))
            self._file.flush()  # or the last of it would fail where nobody expects it
        except OSError as error:
            raise InputError(write_failure(self._folder, error)) from error

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """All slices, read when they are looked at; not to be written to."""
        return np.memmap(self._file, np.float32, mode="r", shape=self._shape)


def room_for_slices(folder: Path, shape: tuple[int, int, int]) -> SlicesOnDisk | np.ndarray:
    """On the disk of `folder`, which may not exist yet; in memory where that has too little room or takes no file."""
    folder = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    try:
        if shutil.disk_usage(folder).free >= _OTHERS * 4 * prod(shape):
            return SlicesOnDisk(folder, shape)
    except OSError:
        pass
    return np.empty(shape, np.float32)


def _reserve(file: int, size: int) -> None:
    """Takes the room now where the system can: a disk that fills up meanwhile would end a run of hours."""
    if hasattr(os, "posix_fallocate"):  # Linux
        os.posix_fallocate(file, 0, size)
    else:
        os.truncate(file, size)
