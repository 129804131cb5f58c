"""What the tests of jobs share: a quick worker that can be told to misbehave, and eyes for what is left behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import slicer

FAKE_WORKER = Path(__file__).parent / "fakes" / "worker.py"


@pytest.fixture
def worker(host):
    """A Worker that runs fakes/worker.py."""
    from LDCTDenoisePanel.worker import Worker

    made = Worker(sys.executable, (str(FAKE_WORKER),))
    yield made
    made.shutdown()
    assert host.waitUntil(lambda: not made.isStarted, 5)


@pytest.fixture
def logic(worker):
    from LDCTDenoisePanel.logic import ConsoleLogic

    return ConsoleLogic(worker)


@pytest.fixture
def temporary(host, tmp_path, monkeypatch):
    """The application's temporary folder, with a name that is not ASCII."""
    folder = tmp_path / "Température 温度"
    folder.mkdir()
    monkeypatch.setattr(host.app, "temporaryPath", str(folder))
    return folder


class Ends:
    """Counts how a job ended."""

    def __init__(self, job):
        self.job, self.how, self.progress, self.notices, self.previews = job, [], [], [], []
        job.finished.connect(lambda result: self.how.append(("finished", result)))
        job.failed.connect(lambda sentence: self.how.append(("failed", sentence)))
        job.cancelled.connect(lambda: self.how.append(("cancelled", None)))
        job.progressed.connect(lambda *event: self.progress.append(event))
        job.noticed.connect(self.notices.append)
        job.previewed.connect(self.previews.append)

    @property
    def name(self):
        """The one way in which it ended; None while it runs."""
        assert len(self.how) <= 1, self.how
        return self.how[0][0] if self.how else None


def ended(host, job, seconds=10):
    """Wait for the end of a job; returns Ends, which must have been made before."""
    assert host.waitUntil(lambda: not job.running, seconds), "the job did not end"
    host.settle(2)


def nodeIDs():
    """All nodes of the scene that a user could meet as left behind."""
    return {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLNode")}


def isAlive(pid):
    """Whether a process runs (a dead one that nobody has collected does not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.is_file() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z")
