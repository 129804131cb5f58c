"""The worker as the panel meets it, a process with two pipes: it starts, answers, refuses, survives and ends."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from worker_factory import a_stored_volume, denoise, started


@pytest.fixture
def worker():
    with started() as worker:
        yield worker


@pytest.fixture
def volume(tmp_path):
    return a_stored_volume(tmp_path)


def test_the_first_line_says_that_the_worker_is_ready(worker):
    assert worker.ready == {"event": "ready", "version": worker.ready["version"], "pid": worker.process.pid}


def test_the_first_line_comes_before_anything_heavy_is_loaded(tmp_path):
    watch = f"""import os, sys
leave = os._exit
def end(code):
    with open({str(tmp_path / "modules")!r}, 'w') as file:
        file.write(' '.join(sys.modules))
    leave(code)
os._exit = end"""
    with started(watch) as worker:
        worker.process.communicate()
    assert not set((tmp_path / "modules").read_text().split()) & {"numpy", "torch", "scipy", "SimpleITK", "skimage"}


def test_every_event_bears_the_id_of_its_request(worker, volume, tmp_path):
    worker.send(**denoise(tmp_path), id="é7")
    events = worker.events()
    assert len(events) > 4 and {event["id"] for event in events} == {"é7"}
    assert events[-1]["event"] == "result"


REFUSED = {
    "no such file": (lambda path: path.unlink(), {}, "could not be read"),
    "a cut-off file": (lambda path: path.write_bytes(path.read_bytes()[:-100]), {}, "damaged"),
    "text": (lambda path: path.write_text("hello"), {}, "damaged"),
    "an empty file": (lambda path: path.write_bytes(b""), {}, "damaged"),
    "a pickle": (lambda path: np.save(path, np.array([[[None]]])), {}, "damaged"),
    "two axes": (lambda path: np.save(path, np.zeros((3, 4))), {}, "three axes"),
    "no voxels": (lambda path: np.save(path, np.zeros((3, 4, 0))), {}, "and voxels"),
    "complex": (lambda path: np.save(path, np.zeros((1, 4, 4), complex)), {}, "real numbers"),
    "truth": (lambda path: np.save(path, np.zeros((1, 4, 4), bool)), {}, "real numbers"),
    "texts": (lambda path: np.save(path, np.full((1, 4, 4), "a")), {}, "real numbers"),
    "not finite": (lambda path: np.save(path, np.full((1, 4, 4), np.nan)), {}, "not finite"),
    "no output": (None, {"output": None}, "'output' as a text"),
    "an unknown model": (None, {"model": "gauss"}, "did you mean gaussian"),
    "a model to import": (None, {"model": "rddm-fine-official"}, "are not here"),
    "a range outside": (None, {"slices": [2, 9]}, "0 ≤ A < B ≤ 4"),
    "a broken range": (None, {"slices": [0, 1.5]}, "whole numbers"),
    "a seed below zero": (None, {"seed": -1}, "seed"),
    "half a seed": (None, {"seed": 0.5}, "'seed' as a whole number"),
    "spacing of two": (None, {"spacing": [1, 1]}, "list of 3 numbers"),
    "no spacing": (None, {"spacing": [1, 1, 0]}, "not positive"),
    "infinite origin": (None, {"origin": [0, 0, float("inf")]}, "as a number"),
    "flat directions": (None, {"direction": [1, 0, 0, 0, 1, 0, 0, 0, 0]}, "span space"),
    "an unknown device": (None, {"device": "abacus"}, "abacus"),
    "a part outside": (None, {"first_slice": 3, "total_slices": 5}, "do not lie in a volume of 5"),
    "a folder that is a file": (None, {"output": __file__ + "/x.npy"}, "is a file"),
}


def test_a_bad_request_is_one_sentence_and_the_worker_lives_on(worker, volume, tmp_path):
    for name, (spoil, change, said) in REFUSED.items():
        np.save(tmp_path / "before.npy", volume)
        if spoil:
            spoil(tmp_path / "before.npy")
        answer = worker.ask(**denoise(tmp_path, **change))
        assert answer["event"] == "error" and said in answer["text"], (name, answer)
        assert "\n" not in answer["text"] and answer["text"].endswith("."), name
    for line in (b"nonsense", b"[1]", b"\xff\xfe", b'{"id": 4, "do": "dance"}', b'{"id": 4}'):
        worker.write(line)
        assert worker.events()[-1]["event"] == "error"
    np.save(tmp_path / "before.npy", volume)
    assert worker.ask(**denoise(tmp_path))["event"] == "result"
    assert not list(tmp_path.glob("*.part"))


def test_what_nobody_foresaw_is_one_sentence_and_the_traceback_is_in_the_log(volume, tmp_path):
    defect = "import LDCTDenoiseLib.methods.classical as c\ndef bad(*_): raise KeyError('odd\\nthing')\n"
    with (tmp_path / "log").open("w") as log, started(f"{defect}c.Gaussian.filter_slice = bad", log) as worker:
        answer = worker.ask(**denoise(tmp_path))
        assert answer["text"].startswith("Something unexpected happened (KeyError") and "log" in answer["text"]
        assert worker.ask(**denoise(tmp_path, model="median"))["event"] == "result"
    assert "Traceback" in (tmp_path / "log").read_text()


def test_a_full_disk_is_one_sentence(volume, tmp_path):
    full = "import LDCTDenoiseLib.worker.arrays as a\ndef bad(*_): raise OSError(28, 'No space left on device')\n"
    with started(f"{full}a._as_type = bad") as worker:
        assert "disk is full" in worker.ask(**denoise(tmp_path))["text"]
        assert not (tmp_path / "after.npy").exists() and not list(tmp_path.glob("*.part"))


def test_too_little_memory_is_one_sentence(volume, tmp_path):
    short = "import LDCTDenoiseLib.worker.arrays as a\ndef bad(*_): raise MemoryError\na.plateau_padding = bad"
    with started(short) as worker:
        assert "too little memory" in worker.ask(**denoise(tmp_path))["text"]


def test_stray_prints_reach_the_log_and_not_the_panel(volume, tmp_path):
    chatty = """import LDCTDenoiseLib.methods.classical as c, os
old = c.Gaussian.filter_slice
def new(*a):
    print('printed')
    os.write(1, b'written')
    return old(*a)
c.Gaussian.filter_slice = new"""
    with (tmp_path / "log").open("w") as log, started(chatty, log) as worker:
        assert worker.ask(**denoise(tmp_path))["event"] == "result"
    said = (tmp_path / "log").read_text()
    assert said.count("printed") == said.count("written") == 4


SLOW = """import time, LDCTDenoiseLib.worker.arrays as a
def slow(*_):
    time.sleep(30)
a._as_type = slow"""


def test_the_worker_ends_at_once_when_its_parent_is_gone(volume, tmp_path):
    part = tmp_path / "after.npy.part"
    with started(SLOW) as worker:
        worker.send(**denoise(tmp_path))
        deadline = time.monotonic() + 20
        while not part.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert part.exists()
        worker.process.stdin.close()
        assert worker.process.wait(timeout=5) == 0
        assert not part.exists()
        worker.process.stdin = None


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups of this kind")
def test_the_worker_leads_a_process_group_of_its_own(worker):
    assert os.getpgid(worker.process.pid) == worker.process.pid != os.getpgid(0)
    os.killpg(worker.process.pid, 15)
    assert worker.process.wait(timeout=5) == -15
