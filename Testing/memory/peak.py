"""The largest resident memory of a process while it reads, computes and writes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

STAGES = ("read", "denoise", "write")
LIBRARY = Path(__file__).resolve().parents[2] / "LDCTDenoise"


@dataclass
class Peak:
    """Bytes of each stage that could be told apart (on Linux), and of the whole; `reading` includes the start."""

    whole: int = 0
    stages: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def measure(words: list[str], calls: int, home: Path, library: Path = LIBRARY) -> Peak:
    """Of `ldct-denoise WORDS`, of which `calls` batches are computed; RuntimeError with what it says if it fails."""
    paths = [str(library), str(LIBRARY.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "LDCT_DENOISE_HOME": str(home)}
    command = [sys.executable, "-m", "Testing.memory.child", str(calls), *words, "--progress", "json"]
    peak, stage, begun = Peak(), "read", time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment)
    last = {}
    for line in process.stdout:
        last = json.loads(line)
        former, stage = stage, _stage(last, stage)
        if stage != former:
            peak.stages[former] = _take_peak(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(last.get("text", f"ended with status {process.returncode}"))
    peak.seconds = time.monotonic() - begun
    # the system's own figure begins with the memory of whoever started the process
    peak.whole = max(peak.stages.values(), default=0) or usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return peak


def _stage(event: dict, stage: str) -> str:
    """`denoise` from its first report on, `write` from its last one on."""
    if event.get("stage") == "denoise":
        return "write" if event["done"] == event["total"] else "denoise"
    return "end" if event["event"] == "result" else stage


def _take_peak(pid: int) -> int:
    """The largest since the last question; 0 where the system keeps none."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        peak = int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # begins anew
        return peak
    return 0
