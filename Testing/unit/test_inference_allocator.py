"""A process that was told to give memory back at once keeps it for the next slice again."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "LDCTDenoise"
_FAULTS = """
import resource, sys
from LDCTDenoiseLib.inference.allocator import keep_memory
if "keep" in sys.argv:
    assert keep_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    bytes(b"x") * (3 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_blocks_of_a_layer_are_not_fetched_from_the_system_each_time():
    faults = {}
    for way in ("as told", "keep"):
        done = subprocess.run(
            [sys.executable, "-c", _FAULTS, way],
            env={**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536", "PYTHONPATH": str(LIBRARY)},
            capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        faults[way] = int(done.stdout)
    # 3 MB are some 750 pages: fifty times with the setting that Dask gives its workers, about once without it
    assert faults["keep"] < faults["as told"] / 5, faults


def test_without_glibc_nothing_happens(monkeypatch):
    from LDCTDenoiseLib.inference import allocator

    monkeypatch.setattr(allocator.sys, "platform", "darwin")
    assert not allocator.keep_memory()
