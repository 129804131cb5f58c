"""Processes that measure: one question and its answer, or one that stays and answers a question a line."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ...errors import InputError

LIBRARY = Path(__file__).resolve().parents[3]  # also where it is a folder and no installed package
_PATIENCE = 20.0  # s that a process has for its end


def in_own_process(command: list[str], otherwise: str) -> dict:
    """What a Python command prints last, as JSON; InputError with what it complains of, or `otherwise`."""
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment())
    if done.returncode:
        raise InputError(_complaint(done.stderr) or otherwise)
    return json.loads(done.stdout.splitlines()[-1])


def environment(**more: str) -> dict[str, str]:
    """That of this process, with the library where Python finds it."""
    paths = os.pathsep.join(filter(None, (str(LIBRARY), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": paths, **more}


def as_command(*words: str) -> list[str]:
    """`ldct-denoise WORDS`: with the threads and the memory that it sets up for itself."""
    return [sys.executable, "-m", "LDCTDenoiseLib", *words]


class Asked:
    """A process that answers requests, JSON by the line (see `child`). To be closed, or used with `with`."""

    def __init__(self, command: list[str], name: str):
        self.name = name
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115, see close
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=self._said, text=True, encoding="utf-8", env=environment()
        )

    def answer(self) -> dict:
        """The next one. InputError where the process has ended, or found a mistake."""
        line = self._process.stdout.readline()
        answer = json.loads(line) if line.strip() else {"error": self._last_words()}
        if "error" in answer:
            raise InputError(answer["error"])
        return answer

    def ask(self, request: str, **facts) -> dict:
        try:
            self._process.stdin.write(json.dumps({"do": request, **facts}) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise InputError(self._last_words()) from None
        return self.answer()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # no more requests: it ends
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._said.close()

    def kill(self) -> None:
        self._process.kill()

    def _last_words(self) -> str:
        self._process.wait(_PATIENCE)
        self._said.seek(0)
        return _complaint(self._said.read()) or f"{self.name} could not be measured: its process ended."

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, kind, *_) -> None:
        if kind is not None:
            self.kill()
        self.close()


def _complaint(said: str) -> str:
    """The last line on standard error, without the name of the program."""
    lines = said.strip().splitlines()
    return lines[-1].removeprefix("ldct-denoise: ") if lines else ""
