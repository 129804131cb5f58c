"""A method's batches on their way: the next one begun, and the last one finished, while the device computes.

The processor takes longer to draw a slice's noise than a large card to compute the slice. So where a method shows its
three stages (`methods.stages`) and computes on a card, a thread begins the batches to come, and two are handed to the
card at once, so that it never waits for Python. On a processor the stages would only take each other's cores: there
one batch is computed after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..methods.contract import Denoiser
from .ladder import Rung
from .tiles import denoise_in_tiles

if TYPE_CHECKING:
    from concurrent.futures import Future

AHEAD = 3  # batches begun and not yet handed to the device; each takes memory, and that on the host is plenty
ON_DEVICE = 2  # one that it computes, one that waits for it
Shown = Callable[[], tuple[np.ndarray, list[int]]]  # the slices float32 [n, rows, columns] in HU, and their seeds


def pipeline(denoiser: Denoiser, rung: Rung, spacing: tuple[float, float]) -> InTurn:
    """The way for a method on a rung of the memory ladder."""
    if hasattr(denoiser, "begin") and rung.device.startswith("cuda") and rung.tile is None:
        return Overlapped(denoiser, spacing)
    if rung.tile is None:
        return InTurn(lambda slices, seeds: denoiser.denoise(slices, seeds=seeds, spacing=spacing))
    return InTurn(
        lambda slices, seeds: denoise_in_tiles(denoiser, slices, seeds=seeds, spacing=spacing, tile=rung.tile)
    )


class InTurn:
    """One batch after the other. A context; batches come out in the order in which they were put in."""

    room = 1  # batches that may be under way

    def __init__(self, compute: Callable[[np.ndarray, list[int]], np.ndarray] | None = None):
        self._compute = compute
        self._waiting: deque[tuple[Any, Any]] = deque()

    def __enter__(self) -> InTurn:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()

    @property
    def under_way(self) -> int:
        return len(self._waiting)

    def put(self, task: Any, shown: Shown) -> None:
        """Another batch. `shown` makes its slices, perhaps in another thread, which is the only one that calls it."""
        self._waiting.append((task, shown))

    def take(self) -> tuple[Any, np.ndarray]:
        """The oldest task and its result, a new array [n, rows, columns] in HU; errors of any of its stages."""
        task, shown = self._waiting.popleft()
        return task, self._compute(*shown())


class Overlapped(InTurn):
    """The three stages of a method side by side: `begin` in a thread, `compute` and `finish` in the caller's."""

    room = AHEAD + ON_DEVICE

    def __init__(self, denoiser: Any, spacing: tuple[float, float]):
        from concurrent.futures import ThreadPoolExecutor  # on a processor nothing overlaps

        super().__init__()
        self._denoiser, self._spacing = denoiser, spacing
        self._thread = ThreadPoolExecutor(1, "begin")
        self._computing: deque[tuple[Any, Any]] = deque()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._computing.clear()
        self._thread.shutdown(wait=True, cancel_futures=True)

    @property
    def under_way(self) -> int:
        return len(self._waiting) + len(self._computing)

    def put(self, task: Any, shown: Shown) -> None:
        self._waiting.append((task, self._thread.submit(self._begin, shown)))

    def take(self) -> tuple[Any, np.ndarray]:
        while self._waiting and len(self._computing) < ON_DEVICE:
            task, begun = self._waiting[0]
            if self._computing and not begun.done():
                break  # rather finish the one that is computed than wait for noise
            self._computing.append((task, self._started(begun)))
            self._waiting.popleft()
        task, computed = self._computing.popleft()
        return task, self._denoiser.finish(computed)

    def _begin(self, shown: Shown) -> Any:
        slices, seeds = shown()
        return self._denoiser.begin(slices, seeds=seeds, spacing=self._spacing)

    def _started(self, begun: Future) -> Any:
        return self._denoiser.compute(begun.result())
