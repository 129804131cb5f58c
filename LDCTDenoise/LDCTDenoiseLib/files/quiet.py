"""pydicom without its comments on odd headers: what matters is checked here, and comments quote what may be a name."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_lock = threading.Lock()
_users = 0
_filters: list = []


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """No warnings of pydicom's and no lines in its log, in any thread, while somebody is in such a block.

    `warnings.catch_warnings` would not do: the first of two threads to leave it switches them on for the other.
    """
    global _users
    with _lock:
        if _users == 0:
            warnings.filterwarnings("ignore", module=r"pydicom\b")
            _filters.append(warnings.filters[0])
            logging.getLogger("pydicom").addFilter(_nothing)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                logging.getLogger("pydicom").removeFilter(_nothing)
                with suppress(ValueError):  # somebody has set all filters anew
                    warnings.filters.remove(_filters.pop())


def _nothing(record: logging.LogRecord) -> bool:
    return False
