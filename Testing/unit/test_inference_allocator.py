"""A process of our own keeps freed memory for the next slice, and gives it back when the run has ended."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "LDCTDenoise"
needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
_FAULTS = """
import resource, sys, threading
from LDCTDenoiseLib.inference.allocator import keep_memory
if "keep" in sys.argv:
    assert keep_memory()
def layers():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        bytes(b"x") * (int(sys.argv[2]) << 20)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
if "thread" in sys.argv:
    thread = threading.Thread(target=layers)
    thread.start()
    thread.join()
else:
    layers()
"""
_HELD = """
from pathlib import Path
from LDCTDenoiseLib.inference.allocator import give_back, keep_memory

def held():
    return int(next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line).split()[1])

keep_memory()
blocks = [bytes(b"x") * (50 << 20) for _ in range(4)]
last = bytes(1000)  # lies behind them
del blocks
before = held()
assert give_back()
print(before // 1024, held() // 1024)
"""


def answer(code: str, *words: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536", "PYTHONPATH": str(LIBRARY)},
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    return [int(word) for word in done.stdout.split()]


@needs_glibc
@pytest.mark.parametrize("where", ["main", "thread"])  # a batch computes in threads
@pytest.mark.parametrize("megabytes", [3, 100])  # above 32, glibc by itself would never keep a block
def test_blocks_of_a_layer_are_not_fetched_from_the_system_each_time(megabytes, where):
    (told,), (kept,) = (answer(_FAULTS, way, str(megabytes), where) for way in ("as told", "keep"))
    # 3 MB are some 750 pages: twenty times with the setting that Dask gives its workers, about once without it
    assert kept < told / 5, (kept, told)


@needs_glibc
def test_what_is_kept_is_given_back_when_a_run_ends():
    before, after = answer(_HELD)
    assert before > 200 and after < before - 150


def test_without_glibc_nothing_happens(monkeypatch):
    from LDCTDenoiseLib.inference import allocator

    monkeypatch.setattr(allocator.sys, "platform", "darwin")
    assert not allocator.keep_memory() and not allocator.give_back()


def test_a_process_that_only_imports_the_library_is_left_as_it_is():
    code = """
import os
asked = []
import LDCTDenoiseLib.inference.allocator as allocator
allocator._glibc = lambda name: asked.append(name)
import LDCTDenoiseLib, LDCTDenoiseLib.inference.run
from LDCTDenoiseLib.inference import threads
print(len(asked), int(threads._to_fit), int("GOMP_SPINCOUNT" in os.environ))
"""
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**environment, "PYTHONPATH": str(LIBRARY)},
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["0", "0", "0"], done.stderr
