"""A checkout of this software, and processes that run its library and none else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "LDCTDenoiseLib"


class NotMeasured(Exception):
    """Why something could not be measured, in one sentence."""


class Checkout:
    """The library in `folder`, copied: what is measured does not change meanwhile, and nothing is written into it.

    name     what the table calls it
    scratch  a folder for the copy and its compiled Python, so that both sides start alike
    threads  of torch and others; None for what the library chooses
    """

    def __init__(self, folder: Path, name: str, scratch: Path, threads: int | None = None):
        self.name, self.scratch, self.threads = name, (scratch / name).resolve(), threads
        self.library = self.scratch / "LDCTDenoise"
        source = library_of(folder) / PACKAGE
        shutil.copytree(source, self.library / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))

    def measured(self, task: str, *words: str | Path, own_models: bool = True) -> dict:
        """What a task of `child` tells, with `whole` and `whole_cpu`, seconds from the start of its process to its end.

        own_models  False: without the user's imported models, with those that were made for the measurement
        Raises NotMeasured with what the process complains of.
        """
        environment = self._environment(own_models)
        with tempfile.TemporaryFile() as said:  # a pipe that nobody empties would hold the process up
            begun = time.monotonic()
            process = subprocess.Popen(
                [sys.executable, "-m", "Testing.speed.child", task, str(begun), *map(str, words)],
                cwd=self.scratch, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said,
                text=True, encoding="utf-8",
            )  # fmt: skip
            try:
                answer = process.communicate()[0].splitlines()
            except BaseException:  # Ctrl+C: nothing goes on computing behind the user's back
                process.kill()
                process.wait()
                raise
            whole = time.monotonic() - begun
            said.seek(0)
            complaint = said.read().decode("utf-8", "replace").strip().splitlines()
        if process.returncode or not answer:
            why = complaint[-1].removeprefix("ldct-denoise: ") if complaint else f"status {process.returncode}"
            raise NotMeasured(f"{' '.join(map(str, (task, *words)))} failed {self.name}: {why}")
        facts = json.loads(answer[-1])
        if Path(facts.pop("library")) != self.library:
            raise NotMeasured(f"Not the library {self.name} was found but an installed one; uninstall that first.")
        return {**facts, "whole": whole}

    def command(self, *words: str | Path, own_models: bool = True) -> dict:
        """`ldct-denoise WORDS…`; see `child.command`."""
        return self.measured("command", *words, own_models=own_models)

    def _environment(self, own_models: bool) -> dict[str, str]:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(self.library), str(ROOT), os.environ.get("PYTHONPATH")))),
        }
        if self.threads is not None:
            environment["OMP_NUM_THREADS"] = str(self.threads)
        if not own_models:
            environment["LDCT_DENOISE_HOME"] = str(self.scratch / "home")
        return environment


def library_of(folder: Path) -> Path:
    """The folder that holds the library's package in a checkout; NotMeasured if `folder` is none."""
    folder = folder.expanduser()
    if not folder.is_dir():
        raise NotMeasured(f"There is no folder {folder}; give one that holds another checkout of this software.")
    library = folder.resolve() / "LDCTDenoise"
    if not (library / PACKAGE / "__init__.py").is_file():
        raise NotMeasured(f"{folder} is no checkout of this software: it has no LDCTDenoise/{PACKAGE}.")
    return library
