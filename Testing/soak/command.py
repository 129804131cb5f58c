"""The batch command in a process of its own, and who is killed of its family."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

LIBRARY = Path(__file__).resolve().parents[2] / "LDCTDenoise"


class Batch:
    """`ldct-denoise batch`, running; `options` say by whom the work is done, and more."""

    def __init__(self, tree: Path, outputs: Path, models: str, *options: str):
        outputs.parent.mkdir(parents=True, exist_ok=True)
        self._said = (outputs.parent / f"{outputs.name}.txt").open("a", encoding="utf-8")
        words = ["batch", str(tree), str(outputs), "--model", models, "--progress", "json"]
        temporary = outputs.parent / "tmp"
        temporary.mkdir(exist_ok=True)
        paths = os.pathsep.join(filter(None, [str(LIBRARY), os.environ.get("PYTHONPATH")]))
        self._process = psutil.Popen(
            [sys.executable, "-m", "LDCTDenoiseLib", *words, *options],
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            env={**os.environ, "PYTHONPATH": paths, "TMPDIR": str(temporary), "TEMP": str(temporary)},
        )

    def status(self) -> int | None:
        """The exit status, None while it runs."""
        status = self._process.poll()
        if status is not None:
            self._said.close()
        return status

    def wait(self) -> int:
        self._process.wait()
        return self.status()

    def workers(self) -> list[psutil.Process]:
        """Processes that Dask has started for it."""
        found = []
        with contextlib.suppress(psutil.Error):
            for child in self._process.children():
                with contextlib.suppress(psutil.Error):
                    if any("spawn_main" in word for word in child.cmdline()):
                        found.append(child)
        return found

    def kill(self) -> list[psutil.Process]:
        """kill -9 of the whole batch's first process; returns those of its family that live ten seconds later."""
        family = []
        with contextlib.suppress(psutil.Error):
            family = self._process.children(recursive=True)
        self._process.kill()
        self.wait()
        _, alive = psutil.wait_procs(family, timeout=10)
        return alive


def text_of(outputs: Path) -> str:
    """What the batches that wrote into `outputs` have said."""
    return (outputs.parent / f"{outputs.name}.txt").read_text(encoding="utf-8", errors="replace")


def timed(tree: Path, outputs: Path, models: str, *options: str) -> float:
    """Seconds of an undisturbed batch; RuntimeError if it fails."""
    begun = time.monotonic()
    status = Batch(tree, outputs, models, *options).wait()
    if status:
        raise RuntimeError(f"the batch ended with status {status}:\n{text_of(outputs)[-2000:]}")
    return time.monotonic() - begun
