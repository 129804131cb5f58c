"""Work of coming steps done ahead in threads, handed out in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def drawn_ahead(draw: Callable[[int], T], start: int, stop: int, threads: int) -> Iterator[T]:
    """draw(start), …, draw(stop − 1), with `threads` of them under way."""
    with ThreadPoolExecutor(threads) as pool:
        upcoming = deque(pool.submit(draw, step) for step in range(start, min(start + threads, stop)))
        try:
            for step in range(start, stop):
                drawn = upcoming.popleft().result()
                if step + threads < stop:
                    upcoming.append(pool.submit(draw, step + threads))
                yield drawn
        finally:
            pool.shutdown(cancel_futures=True)
