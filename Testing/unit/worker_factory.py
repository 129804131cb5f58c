"""The panel's end of a worker's pipes, and a small volume for it to work on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

LIB = Path(__file__).resolve().parents[2] / "LDCTDenoise"
GEOMETRY = {"spacing": [0.8, 0.8, 2.5], "origin": [0, 0, 0], "direction": [1, 0, 0, 0, 1, 0, 0, 0, 1]}


class Worker:
    """A worker process; `code` runs in it before its main function."""

    def __init__(self, code: str = "", errors=subprocess.DEVNULL):
        run = f"{code}\nfrom LDCTDenoiseLib.worker.serve import main\nmain()"
        start = ["-c", run] if code else ["-m", "LDCTDenoiseLib.worker"]
        environment = {**os.environ, "PYTHONPATH": str(LIB), "PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
        )
        self.ready = self.read()

    def read(self) -> dict:
        line = self.process.stdout.readline()
        assert line, "the worker has ended"
        return json.loads(line)

    def write(self, line: bytes) -> None:
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def send(self, **request) -> None:
        self.write(json.dumps({"id": 1, **request}, ensure_ascii=False).encode())

    def events(self) -> list[dict]:
        """All events of one request."""
        found = [self.read()]
        while found[-1]["event"] not in ("result", "error"):
            found.append(self.read())
        return found

    def ask(self, **request) -> dict:
        """The last event of the answer."""
        self.send(**request)
        return self.events()[-1]


@contextmanager
def started(code: str = "", errors=subprocess.DEVNULL):
    worker = Worker(code, errors)
    try:
        yield worker
    finally:
        worker.process.kill()
        worker.process.communicate()


def a_stored_volume(folder: Path) -> np.ndarray:
    """Four slices of a noisy body in air with padding in two corners, int16, in before.npy."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :64]
    body = np.where(((x - 32) / 24) ** 2 + ((y - 24) / 18) ** 2 < 1, 50.0, -1000.0)
    hu = np.clip(body + 20 * rng.standard_normal((4, 48, 64)), -1024, 3071).round().astype(np.int16)
    hu[:, :5, :5] = hu[:, -5:, -5:] = -3024
    np.save(folder / "before.npy", hu)
    return hu


def denoise(folder: Path, **more) -> dict:
    """A request that makes after.npy of before.npy."""
    paths = {"input": str(folder / "before.npy"), "output": str(folder / "after.npy")}
    return {"do": "denoise", "model": "gaussian", **paths, **GEOMETRY, **more}


WITHOUT_TORCH_AND_SCIKIT_IMAGE = """import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'skimage'):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Without())
"""
