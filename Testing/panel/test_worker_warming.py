"""Warming: the panel's worker loads ahead what will be asked for, and nobody ever waits for that or hears of it."""

# ruff: noqa: F811  (fixtures are imported by their name)

import numpy as np
import pytest
from jobs_setup import worker  # noqa: F401


@pytest.fixture
def written(monkeypatch):
    """What was sent to the process: (do, model)."""
    from LDCTDenoisePanel.worker_process import WorkerProcess

    sent, former = [], WorkerProcess.write

    def write(process, message):
        sent.append((message["do"], message.get("model")))
        former(process, message)

    monkeypatch.setattr(WorkerProcess, "write", write)
    return sent


@pytest.fixture
def denoise(worker, tmp_path):
    np.save(tmp_path / "in.npy", np.zeros((2, 3, 4), np.int16))
    paths = {"input": str(tmp_path / "in.npy"), "output": str(tmp_path / "out.npy")}

    def denoise(model="add10"):
        request = worker.submit({"do": "denoise", "model": model, **paths})
        request.ends = []
        request.answered.connect(lambda event: request.ends.append("answered"))
        request.failed.connect(lambda text: request.ends.append("failed"))
        return request

    return denoise


def chosen(model="add10", side=512):
    return {"model": model, "size": [side, side], "device": "auto", "precision": "auto"}


def test_warming_starts_the_process_and_is_no_work_that_anybody_waits_for(host, worker, written):
    worker.warm(chosen())
    assert not worker.isBusy
    assert host.waitUntil(lambda: worker.isWarm)
    assert written == [("warm", "add10")] and not worker.isBusy


def test_the_same_is_warmed_once_and_something_else_anew(host, worker, written):
    for _ in range(3):
        worker.warm(chosen())
        host.settle()
    assert host.waitUntil(lambda: worker.isWarm)
    worker.warm(chosen())
    worker.warm(chosen(side=256))
    assert host.waitUntil(lambda: len(written) == 2)
    host.waitUntil(lambda: False, 0.1)
    assert len(written) == 2


def test_of_several_wishes_before_the_process_is_up_the_last_counts(host, worker, written):
    for model in ("one", "two", "add10"):
        worker.warm(chosen(model))
    assert host.waitUntil(lambda: worker.isWarm)
    assert written == [("warm", "add10")]


def test_a_request_goes_before_what_is_only_to_be_warmed(host, worker, denoise, written):
    worker.warm(chosen("slow"))
    request = denoise()
    assert host.waitUntil(lambda: request.ends)
    host.waitUntil(lambda: False, 0.1)
    assert written == [("denoise", "add10")]  # the run has loaded what it needs


def test_a_request_is_sent_while_the_worker_still_warms(host, worker, denoise, written):
    worker.warm(chosen("slow"))
    assert host.waitUntil(lambda: written)
    assert not worker.isWarm
    request = denoise()
    host.settle()
    assert request.state == "running" and not worker.isWarm  # it could make room
    assert host.waitUntil(lambda: request.ends)
    assert request.ends == ["answered"]


def test_what_gave_way_to_a_request_may_be_asked_again(host, worker, denoise, written):
    worker.warm(chosen("hurried"))
    assert host.waitUntil(lambda: worker._warmed is None)
    assert not worker.isWarm
    worker.warm(chosen("hurried"))
    assert host.waitUntil(lambda: len(written) == 2)


def test_after_a_run_with_another_method_the_chosen_one_is_warmed_again(host, worker, denoise, written):
    worker.warm(chosen("notice"))
    assert host.waitUntil(lambda: worker.isWarm)
    for model, times in (("notice", 1), ("add10", 2)):
        request = denoise(model)
        assert host.waitUntil(lambda request=request: request.ends)
        worker.warm(chosen("notice"))
        host.waitUntil(lambda: False, 0.1)
        assert written.count(("warm", "notice")) == times


def test_a_failure_is_silent_and_not_tried_again(host, worker, denoise, written):
    worker.warm(chosen("error"))
    assert host.waitUntil(lambda: written)
    host.waitUntil(lambda: False, 0.1)
    worker.warm(chosen("error"))
    request = denoise()
    assert host.waitUntil(lambda: request.ends)
    assert request.ends == ["answered"] and written.count(("warm", "error")) == 1


def test_a_crash_is_silent_and_not_tried_again_and_the_next_request_starts_a_new_process(
    host, worker, denoise, written
):
    worker.warm(chosen("crash"))
    assert host.waitUntil(lambda: written and not worker.isStarted)
    worker.warm(chosen("crash"))
    host.waitUntil(lambda: False, 0.1)
    assert not worker.isStarted
    request = denoise()
    assert host.waitUntil(lambda: request.ends)
    assert request.ends == ["answered"]


def test_a_request_that_crashes_fails_once_also_where_something_was_to_be_warmed(host, worker, denoise, written):
    worker.warm(chosen("crash"))
    request = denoise("crash")
    assert host.waitUntil(lambda: request.ends)
    assert request.ends == ["failed"]


def test_a_process_that_cannot_start_is_not_started_again_and_again(host, worker, monkeypatch):
    from LDCTDenoisePanel.worker_process import WorkerProcess

    starts, former = [], WorkerProcess.start
    monkeypatch.setattr(WorkerProcess, "start", lambda *how: starts.append(1) or former(*how))
    worker._arguments.append("mute")
    worker.warm(chosen())
    assert host.waitUntil(lambda: starts and not worker.isStarted)
    worker.warm(chosen())
    host.waitUntil(lambda: False, 0.1)
    assert len(starts) == 1


def test_shutdown_in_the_middle_ends_the_process_and_a_later_wish_starts_it_again(host, worker, written):
    worker.warm(chosen("forever"))
    assert host.waitUntil(lambda: written)
    worker.shutdown()
    assert host.waitUntil(lambda: not worker.isStarted, 5)
    worker.warm(chosen("forever"))
    assert host.waitUntil(lambda: len(written) == 2)


def test_when_the_application_ends_nothing_is_warmed(host, worker):
    worker.warm(chosen("forever"))
    assert host.waitUntil(lambda: worker.isStarted)
    worker._process.endBeforeQuitting()
    host.settle(3)
    assert not worker.isStarted and not worker.isWarm


def test_the_size_is_that_of_the_axial_slices_however_they_are_stored(host, ct, worker, monkeypatch):
    from LDCTDenoisePanel.logic import ConsoleLogic

    asked = []
    monkeypatch.setattr(worker, "warm", asked.append)
    volume = ct.volume("CT", array=np.zeros((5, 12, 10), np.int16))
    ConsoleLogic(worker).warm(volume, "nlm", device="cpu")
    volume.SetIJKToRASDirections(0, 0, -1, 1, 0, 0, 0, 1, 0)  # rows along the body
    ConsoleLogic(worker).warm(volume, "nlm")
    assert asked[0] == {"model": "nlm", "size": [12, 10], "device": "cpu", "precision": "auto"}
    assert sorted(asked[1]["size"]) == [5, 10]
