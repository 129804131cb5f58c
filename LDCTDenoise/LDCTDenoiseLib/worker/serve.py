"""The loop: one request after the other, each answered by the file of its name; no failure ends the worker."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NoReturn, TextIO

from ..errors import Cancelled, InputError, does_not_load
from ..inference.allocator import give_back
from ..inference.own_process import set_up
from ..inference.progress import JsonLines
from ..version import package_version
from .kept import Kept
from .priority import step_back
from .protocol import Request, take_pipes
from .unfinished import remove_unfinished

IDLE = 10.0  # seconds without a request after which freed memory goes back to the system
# "do" → the file in this folder
ACTIONS = ("state", "warm", "denoise", "measure", "perceive", "simulate", "import_weights", "export_dicom")


def main() -> NoReturn:
    """The worker's life, from its first line to the end of standard input."""
    with contextlib.suppress(AttributeError, PermissionError):  # not on Windows; leader of a group already
        os.setsid()
    step_back()
    set_up()
    warnings.filterwarnings("ignore", module=r"pydicom\.")  # they quote values of headers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the shell that started Slicer is not meant for us
    requests, events = take_pipes()
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()
    JsonLines(events).event("ready", {"version": package_version(), "pid": os.getpid()})
    kept = Kept(someone_waits=lambda: not waiting.empty())
    with contextlib.suppress(Cancelled):  # nobody hears us any more
        serve(lines_of(waiting, lambda: rest(kept)), events, kept)
    leave()


def lines_of(waiting: queue.SimpleQueue[str], rest: Callable[[], None], idle: float = IDLE) -> Iterator[str]:
    """The lines as they come. While none comes for long, the memory is others': one slice after the other needs it."""
    while True:
        try:
            line = waiting.get(timeout=idle)
        except queue.Empty:
            rest()
            line = waiting.get()
        yield line


def rest(kept: Kept) -> None:
    """Give back what was freed: on the processor, and on the GPU if it was ever used. The model stays."""
    kept.rest()
    if "torch" in sys.modules:
        from ..inference.engine import release_memory

        release_memory()
    give_back()


def serve(lines: Iterable[str], events: TextIO, kept: Kept) -> None:
    """Answers every line. Raises Cancelled when nobody reads the events any more."""
    for line in lines:
        if line.strip():
            answer(line, events, kept)


def answer(line: str, events: TextIO, kept: Kept) -> None:
    """Computes one request and sends its events, the last of them a result or an error of one sentence."""
    talk = JsonLines(events, {"id": None})
    try:
        request = Request.from_line(line)
        talk = JsonLines(events, {"id": request.id})
        action = request.text("do")
        if action not in ACTIONS:
            raise InputError(f"The worker does not know how to {action!r}; this is a defect of the panel.")
        talk.result(import_module(f".{action}", __package__).run(request, talk, kept))
    except InputError as error:
        talk.error(str(error))
    except Cancelled:
        raise
    except Exception as error:
        _log(error)
        kept.forget()  # who knows in what state it is
        talk.error(_sentence(error))


def _sentence(error: Exception) -> str:
    from ..inference.ladder import is_out_of_memory

    if is_out_of_memory(error):
        return "There is too little memory for this: close other programs, or take a smaller volume."
    if text := does_not_load(error):
        return text
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
    return f"Something unexpected happened ({where}); the details are in the log."


def _log(error: Exception) -> None:
    """Where it happened; not the exception's own text, which may quote a header, and a patient's name with it."""
    print("Traceback (most recent call last):", file=sys.stderr)
    traceback.print_tb(error.__traceback__)
    print(type(error).__name__, file=sys.stderr)


def _listen(requests: TextIO, waiting: queue.SimpleQueue[str]) -> None:
    """Lines into the queue; their end means that the panel is gone, and nobody wants what is being computed."""
    with contextlib.suppress(OSError, ValueError):
        for line in requests:
            waiting.put(line)
    leave()


def leave() -> NoReturn:
    """End at once, whatever other threads compute, leaving no half-written file."""
    remove_unfinished()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(0)
