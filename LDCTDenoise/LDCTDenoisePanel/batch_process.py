"""python -m LDCTDenoisePanel.batch_process ARGUMENTS: `ldct-denoise batch`, as the panel runs it. Imports no slicer.

The command knows of no panel. What is added: it leads a group of its own, so that all that it starts can be ended with
it; it stands behind Slicer where both want a core; standard output holds its JSON lines and nothing else; and when
Slicer is gone, however it went, standard input ends, and the command is cancelled as by Ctrl+C: what is done stays
done, and nothing is left half-written.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import NoReturn, TextIO

PATIENCE = 10.0  # seconds that a cancelled batch has to end by itself when nobody is there to end it


def main(arguments: list[str]) -> NoReturn:
    from LDCTDenoiseLib.cli import main as command
    from LDCTDenoiseLib.inference.progress import JsonLines
    from LDCTDenoiseLib.worker.priority import step_back
    from LDCTDenoiseLib.worker.protocol import take_pipes

    with contextlib.suppress(AttributeError, PermissionError):  # not on Windows; leader of a group already
        os.setsid()
    step_back()
    requests, events = take_pipes()
    sys.stdout = events  # for the command alone; whatever else prints does so to the log
    threading.Thread(target=_endWith, args=(requests,), daemon=True).start()
    JsonLines(events).event("ready", {"pid": os.getpid()})
    status = command(["batch", *arguments, "--progress", "json"])
    with contextlib.suppress(OSError, ValueError):
        events.flush()
        sys.stderr.flush()
    os._exit(status)  # a thread that still computes must not keep the process


def _endWith(requests: TextIO) -> None:
    """Nothing is ever asked of the batch: the end of the requests is the end of Slicer."""
    with contextlib.suppress(OSError, ValueError):
        for _line in requests:
            pass
    threading.Timer(PATIENCE, os._exit, (130,)).start()
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)  # wakes it from what it waits for
    else:
        signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1:])
