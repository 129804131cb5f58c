"""Threads give up a core that others need, unless the user wants otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "LDCTDenoise"
START = "import os, sys; ask = lambda: print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules, flush=True)"
WORKER = "from LDCTDenoiseLib.worker import serve; serve.leave = lambda: (ask(), os._exit(0)); serve.main()"


def after(first: str, **environment: str) -> str:
    """What holds in a process of its own after a statement."""
    names = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    kept |= {"PYTHONPATH": str(LIBRARY), **environment}
    done = subprocess.run(
        [sys.executable, "-c", f"{START}; {first}; ask()"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=kept, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()[-1]


def test_commands_and_worker_have_threads_sleep_soon_before_torch_is_there():
    assert after("from LDCTDenoiseLib.cli import main; main(['models', '--json'])").split()[0] == "2000"
    assert after("from LDCTDenoiseLib.inference.threads import sleep_soon; sleep_soon()") == "2000 False"
    assert after(WORKER) == "2000 False"


@pytest.mark.parametrize("own", [{"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "7"}])
def test_what_the_user_has_set_stays(own):
    found = after("from LDCTDenoiseLib.inference.threads import sleep_soon; sleep_soon()", **own)
    assert found.split()[0] == own.get("GOMP_SPINCOUNT", "None")
