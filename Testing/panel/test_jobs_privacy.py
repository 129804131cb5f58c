"""The volumes that are handed to the worker lie in a private folder, which outlives neither the job nor Slicer."""

# ruff: noqa: F811  (fixtures are imported by their name)

import os
import stat
import subprocess
import sys
from pathlib import Path

import LDCTDenoiseLib
import pytest
from jobs_setup import Ends, ended, logic, temporary, worker  # noqa: F401

KILLED_AT_WORK = """
import os, signal, sys
from pathlib import Path
from LDCTDenoiseLib.workplace import workplace
with workplace(Path(sys.argv[1])) as folder:
    (folder / "asked-1.npy").write_text("somebody's scan")
    os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
"""


@pytest.fixture
def leftover(temporary) -> Path:
    """What another Slicer, which was killed, left among the temporary files."""
    environment = {**os.environ, "PYTHONPATH": str(Path(LDCTDenoiseLib.__file__).parents[1]), "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", KILLED_AT_WORK, str(temporary)]
    assert subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode != 0
    (left,) = temporary.glob(".ldct-*.part")
    assert (left / "asked-1.npy").exists()
    return left


def test_what_a_killed_slicer_left_goes_at_the_next_start(leftover):
    from LDCTDenoisePanel.jobs import sweepTemporaryFolder

    sweepTemporaryFolder()
    assert not leftover.exists()


def test_it_goes_with_the_next_job_at_the_latest(leftover, ct, logic, temporary):
    logic.denoise(ct.volume(), "add10")
    assert list(temporary.iterdir()) == []


def test_at_work_nobody_else_can_enter_and_no_other_slicer_sweeps_it_away(host, ct, logic, temporary):
    from LDCTDenoisePanel.jobs import sweepTemporaryFolder

    job = logic.denoise(ct.volume(), "forever", waitForCompletion=False)
    ends = Ends(job)
    assert host.waitUntil(lambda: list(temporary.glob(".ldct-*.part/asked-*.json")))
    sweepTemporaryFolder()
    (folder,) = temporary.iterdir()
    assert list(folder.glob("asked-*.json"))
    if os.name != "nt":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    job.cancel()
    ended(host, job)
    assert ends.name == "cancelled" and list(temporary.iterdir()) == []


def test_the_names_of_its_files_are_numbers_and_not_the_volumes(host, ct, logic, temporary):
    volume = ct.volume()
    volume.SetName("Mustermann Erika")
    job = logic.denoise(volume, "forever", waitForCompletion=False)
    assert host.waitUntil(lambda: list(temporary.glob(".ldct-*.part/asked-*.json")))
    names = [path.name for path in temporary.rglob("*")]
    assert len(names) > 2 and not any("mustermann" in name.lower() or "erika" in name.lower() for name in names)
    job.cancel()
    ended(host, job)
