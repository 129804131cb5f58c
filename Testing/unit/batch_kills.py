"""python batch_kills.py: batches that are really killed, and go on. One process forks them all, so that each is quick.

The first line of standard input is JSON: tree, outputs (a folder), arguments, plans: a list of kills, one batch each:
{"step": N} before the Nth change of a file below the outputs, {"seconds": S} after that time, {} never.
Standard output: a JSON line for each plan: killed, steps (changes made), and of the run that went on its status.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from importlib import import_module
from pathlib import Path

WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.chmod"}


class Steps:
    """Counts what changes files below a folder, and kills the process before a chosen one."""

    def __init__(self, folder: Path, last: int | None):
        self.folder, self.last, self.count = str(folder), last, 0
        sys.addaudithook(self._hear)
        fsync = os.fsync

        def flush(handle) -> None:
            self._step()
            fsync(handle)

        os.fsync = flush

    def _hear(self, event: str, arguments: tuple) -> None:
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITE
        if not (is_write or event in CHANGES):
            return
        path = arguments[0]
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.folder):
            self._step()

    def _step(self) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def batch(arguments: list[str], folder: Path, plan: dict, told: Path) -> tuple[bool, dict]:
    """Runs a batch in a process of its own: whether it was killed, and its status and steps."""
    told.unlink(missing_ok=True)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        return killed, {} if killed else json.loads(told.read_text())
    status = 99
    with contextlib.suppress(BaseException), (told.with_suffix(".log")).open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        steps = Steps(folder, plan.get("step"))
        if "seconds" in plan:
            threading.Thread(target=_kill_after, args=(plan["seconds"],), daemon=True).start()
        from LDCTDenoiseLib.cli import main

        begun = time.monotonic()
        status = main(["batch", *arguments])
        told.write_text(json.dumps({"status": status, "steps": steps.count, "seconds": time.monotonic() - begun}))
    os._exit(0)


def _kill_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def warm_up() -> None:
    """What every batch needs is imported before any is forked; no thread may have been started yet."""
    for room in ("cli", "commands.batch", "commands.batch_print", "batch.find", "files.dicom", "files.derived.writer"):
        import_module(f"LDCTDenoiseLib.{room}")
    for name in ("LDCTDenoiseLib.inference.run", "LDCTDenoiseLib.quality.texture.noise", "scipy.ndimage", "SimpleITK"):
        import_module(name)


def main() -> None:
    wanted = json.loads(sys.stdin.readline())
    warm_up()
    outputs = Path(wanted["outputs"])
    for number, plan in enumerate(wanted["plans"]):
        folder = outputs / str(number)
        arguments = [wanted["tree"], str(folder), *wanted["arguments"]]
        killed, told = batch(arguments, folder, plan, outputs / f"{number}.json")
        times = {file.as_posix(): file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()}
        if killed:
            _, told = batch([*arguments, "--resume"], folder, {}, outputs / f"{number}.json")
        print(json.dumps({**told, "killed": killed, "times": times}), flush=True)


if __name__ == "__main__":
    main()
