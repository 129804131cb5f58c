"""The connection to a Dask scheduler: made, watched, and made again when the scheduler was gone."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import Cancelled, InputError

_ANSWER = 10.0  # s, to wait for a scheduler that should be there
_TRY = 2.0  # s, for one that may be back
_PAUSE = 1.0  # s, between two attempts
_FAILURES = (OSError, ValueError, TypeError, KeyError, RuntimeError)  # of a client without a scheduler


class Connection:
    """A client of one scheduler.

    place     a Dask cluster object, an address (tcp://…, tls://…) or the path of a scheduler file (.json)
    patience  s to wait for a scheduler that is gone
    mend      to be called now and then: brings back workers of a cluster of our own
    Raises InputError if no scheduler answers at the start.
    """

    def __init__(
        self,
        place: object,
        *,
        patience: float,
        notice: Callable[[str], None],
        mend: Callable[[], None] = lambda: None,
    ):
        self._place = place
        self.mend = mend
        self._patience = patience
        self._notice = notice
        try:
            self.client = self._connect(_ANSWER)
        except _FAILURES as error:
            raise InputError(_no_answer(place, error)) from error

    def is_alive(self) -> bool:
        """Whether messages go to and fro; a scheduler that shut down in good order leaves the client waiting."""
        comm = getattr(self.client, "scheduler_comm", None)
        return self.client.status == "running" and comm is not None and not comm.comm.closed()

    def renew(self, cancel: Callable[[], bool]) -> None:
        """A new client, as soon as there is a scheduler. Raises Cancelled, and InputError when patience ends."""
        self._notice(
            f"The connection to the scheduler {self._place} was lost; waiting for it. What is done stays done."
        )
        self.close()
        began = time.monotonic()
        while True:
            try:
                self.client = self._connect(_TRY)
                break
            except _FAILURES as error:
                if time.monotonic() - began > self._patience:
                    raise InputError(
                        f"The scheduler {self._place} did not come back within {self._patience / 60:.0f} minutes; "
                        "start it and its workers, then run the command again with --resume."
                    ) from error
            _sleep(_PAUSE, cancel)
        self._notice("The scheduler is there again; what is not done is handed out once more.")

    def workers(self) -> dict[str, int]:
        """Threads of each worker, by its address; {} if the scheduler does not answer."""
        with contextlib.suppress(Exception):
            return dict(self.client.nthreads())
        return {}

    def close(self) -> None:
        with contextlib.suppress(Exception):  # it may be half closed already
            self.client.close(timeout=2)

    def _connect(self, seconds: float):
        from distributed import Client

        address = self._place
        if isinstance(address, str) and address.endswith(".json"):  # read every time: it may be another scheduler's now
            address = json.loads(Path(address).read_text(encoding="utf-8"))["address"]
        return Client(address, timeout=seconds, set_as_default=False)


def _no_answer(place: object, error: Exception) -> str:
    if isinstance(error, (TypeError, ValueError, KeyError)) or "ssl" in str(error).lower():
        if str(place).startswith("tls://"):
            return f"{place} needs certificates: name them in Dask's configuration (distributed.comm.tls)."
        return f"{place} is no address of a Dask scheduler, such as tcp://host:8786, nor a scheduler file (.json)."
    return f"No Dask scheduler answers at {place}; check the address, or start one (dask scheduler)."


def _sleep(seconds: float, cancel: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if cancel():
            raise Cancelled
        time.sleep(0.2)
