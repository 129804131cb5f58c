"""Series at work in one process share its memory: one that is too large for both waits for the other to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import Cancelled
from ..files.room import physical_memory
from .found import FoundSeries

_A_VOXEL = 9  # bytes: float32, in which the result takes the place of the input, padding, and the stored values
_AS_STORED = 4  # more of a volume file while it is read: it may hold 64 bits a voxel
_BESIDE = 4  # more where the input stays for the next method
_PACKED = 8  # times the size of a volume file whose voxels are unknown
_SHARE = 0.6  # of the memory for all series at work
_PATIENCE = 0.2  # s between two questions whether to stop


class Memory:
    """Bytes that are promised to series at work. `total`: what this process may use; None: all of the computer's."""

    def __init__(self, total: int | None = None):
        self.total, self._taken = total, 0
        self._changed = threading.Condition()

    @contextmanager
    def take(self, needed: int, cancel: Callable[[], bool]) -> Iterator[None]:
        """Waits until there is room for `needed` bytes more, or until there is nobody else. May raise Cancelled."""
        with self._changed:
            while self._taken and self._taken + needed > self._most():
                if cancel():
                    raise Cancelled
                self._changed.wait(_PATIENCE)
            self._taken += needed
        try:
            yield
        finally:
            with self._changed:
                self._taken -= needed
                self._changed.notify_all()

    def _most(self) -> float:
        total = physical_memory() if self.total is None else self.total
        return float("inf") if total is None else _SHARE * total


def expected_memory(series: FoundSeries, methods: int = 1) -> int:
    """Bytes that a series takes while it is read, computed by so many methods, and written."""
    voxels = series.slices * series.rows * series.columns
    each = _A_VOXEL + (0 if series.kind == "dicom" else _AS_STORED) + (_BESIDE if methods > 1 else 0)
    return voxels * each if voxels else sum(file.size for file in series.files) * _PACKED


MEMORY = Memory()
