"""A Dask cluster of several "machines" on this one, as its owner would run it: what ends is started again."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from .command import LIBRARY


class Machines:
    """`dask scheduler`, and `dask worker` once for every machine."""

    def __init__(self, folder: Path, workers: int):
        folder.mkdir(parents=True)
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        scheduler = ["scheduler", "--port", str(port), "--dashboard-address", "127.0.0.1:0"]
        worker = ["worker", self.address, "--nworkers", "1", "--nthreads", "2", "--local-directory", str(folder)]
        self._commands = [scheduler] + [worker] * workers
        self._processes = [self._start(words) for words in self._commands]

    def tend(self) -> None:
        """Starts again what has ended: workers do when they have lost their scheduler."""
        for place, process in enumerate(self._processes):
            if process.poll() is not None:
                self._processes[place] = self._start(self._commands[place])

    def victims(self) -> list[psutil.Process]:
        """Scheduler, nannies and workers, all that run."""
        found = list(self._processes)
        for process in self._processes[1:]:
            with contextlib.suppress(psutil.Error):
                found += [child for child in process.children() if "spawn_main" in " ".join(child.cmdline())]
        return [process for process in found if process.is_running()]

    def close(self) -> None:
        for process in self._processes[::-1]:
            process.kill()
            process.wait()

    def _start(self, words: list[str]) -> psutil.Popen:
        silent = subprocess.DEVNULL
        return psutil.Popen(
            [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1"],
            stdin=silent,
            stdout=silent,
            stderr=silent,
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(LIBRARY), "OMP_NUM_THREADS": "1"},
        )
