"""Processes that are killed at work, and what other machines leave; fixtures are imported by their name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from LDCTDenoiseLib import locks
from LDCTDenoiseLib.workplace import OWNER

LIB = Path(locks.__file__).resolve().parents[1]
posix_only = pytest.mark.skipif(os.name == "nt", reason="rights, forks and signals as POSIX has them")

IN_A_WORKPLACE = """
import sys, time
from pathlib import Path
from LDCTDenoiseLib.workplace import workplace
with workplace(Path(sys.argv[1])) as folder:
    (folder / "scan.npy").write_text("pixels")
    {more}
    print(folder, flush=True)
    time.sleep(60)
"""
IN_CHARGE = """
import sys, time
from pathlib import Path
from LDCTDenoiseLib.workplace import only_one
with only_one(Path(sys.argv[1]), "busy"):
    print("in charge", flush=True)
    time.sleep(60)
"""


class Process:
    """A process of its own that says one line and then waits; killed in the end."""

    def __init__(self, code: str, folder: Path):
        environment = {**os.environ, "PYTHONPATH": str(LIB), "PYTHONUTF8": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, text=True, encoding="utf-8",
        )  # fmt: skip

    def __enter__(self) -> Process:
        self.line = self._process.stdout.readline().strip()
        assert self.line, "the process did not start"
        return self

    def ends_well(self) -> bool:
        return self._process.wait(timeout=10) == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def __exit__(self, *_) -> None:
        self.kill()


def killed_in_a_workplace(folder: Path, more: str = "") -> Path:
    """What a process that was killed at work has left in `folder`."""
    with Process(IN_A_WORKPLACE.format(more=more), folder) as process:
        return Path(process.line)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "Bilder für später"
    folder.mkdir()
    return folder


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(locks, "_lock", refuse)


def left_by(folder: Path, signature: dict, age: float) -> Path:
    """A workplace as another machine left it, untouched for `age` seconds."""
    place = folder / ".ldct-0123456789ab.part"
    place.mkdir()
    (place / OWNER).write_text(json.dumps(signature))
    (place / "scan.npy").write_text("pixels")
    for path in (place / OWNER, place / "scan.npy", place):
        os.utime(path, (time.time() - age, time.time() - age))
    return place
