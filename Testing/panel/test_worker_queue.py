"""The warm worker: first come, first served; started when needed, and again after a crash or a cancellation."""

# ruff: noqa: F811  (fixtures are imported by their name)

import numpy as np
import pytest
from jobs_setup import isAlive, worker  # noqa: F401


@pytest.fixture
def ask(worker, tmp_path):
    """Send a denoise request for a tiny array; its events are in `request.heard`."""
    np.save(tmp_path / "in.npy", np.zeros((2, 3, 4), np.int16))

    def ask(model="add10", **more):
        content = {
            "do": "denoise",
            "model": model,
            "input": str(tmp_path / "in.npy"),
            "output": str(tmp_path / "out.npy"),
        }
        request = worker.submit({**content, **more})
        request.heard = []
        request.started.connect(lambda: request.heard.append(("started",)))
        request.progressed.connect(lambda event: request.heard.append(("progressed", event["done"])))
        request.noticed.connect(lambda text: request.heard.append(("noticed", text)))
        request.answered.connect(lambda event: request.heard.append(("answered", event)))
        request.failed.connect(lambda text: request.heard.append(("failed", text)))
        request.cancelled.connect(lambda: request.heard.append(("cancelled",)))
        return request

    return ask


def done(*requests):
    return lambda: all(request.state == "done" for request in requests)


def end(request):
    """The last event, which is the only one of its kind."""
    ends = [heard for heard in request.heard if heard[0] in ("answered", "failed", "cancelled")]
    assert len(ends) == 1 and request.heard[-1] == ends[0], request.heard
    return ends[0]


def test_the_process_starts_with_the_first_request_and_stays(host, worker, ask):
    assert not worker.isStarted
    one = ask()
    assert host.waitUntil(done(one))
    process = worker._process
    two = ask()
    assert host.waitUntil(done(two))
    assert worker._process is process and not worker.isBusy


def test_requests_are_answered_in_the_order_in_which_they_came(host, ask):
    order = []
    requests = [ask() for _ in range(4)]
    for number, request in enumerate(requests):
        request.answered.connect(lambda event, number=number: order.append(number))
    assert host.waitUntil(done(*requests))
    assert order == [0, 1, 2, 3]
    assert [heard[0] for heard in requests[2].heard] == ["started", "progressed", "progressed", "answered"]


def test_an_error_is_the_end_of_one_request_and_not_of_the_worker(host, worker, ask):
    bad, good = ask("error"), ask()
    assert host.waitUntil(done(bad, good))
    assert end(bad) == ("failed", "The weights are not here: import them.")
    assert end(good)[0] == "answered"


def test_what_other_libraries_print_does_no_harm(host, ask):
    request = ask("stray")
    assert host.waitUntil(done(request))
    assert end(request)[0] == "answered"


def test_a_crash_is_told_with_what_to_do_and_the_next_request_starts_a_new_process(host, ask):
    crashing, next_one = ask("crash"), ask()
    assert host.waitUntil(done(crashing, next_one))
    kind, sentence = end(crashing)
    assert kind == "failed"
    assert "exit code 3" in sentence and "try again" in sentence and "what went wrong" in sentence
    assert end(next_one)[0] == "answered"


def test_a_worker_that_the_system_ended_speaks_of_memory(host, ask):
    request = ask("killed")
    assert host.waitUntil(done(request))
    assert "memory" in end(request)[1] and "-9" in end(request)[1]


def test_cancelling_a_waiting_request_leaves_the_running_one_alone(host, ask, worker):
    running, waiting = ask("slow"), ask()
    assert host.waitUntil(lambda: running.state == "running")
    worker.cancel(waiting)
    assert end(waiting) == ("cancelled",)
    assert host.waitUntil(done(running))
    assert end(running)[0] == "answered"
    assert waiting.heard == [("cancelled",)]


def test_cancelling_the_running_request_serves_those_that_wait(host, ask, worker):
    running, waiting = ask("deaf"), ask()
    assert host.waitUntil(lambda: ("progressed", 0) in running.heard)
    worker.cancel(running)
    worker.cancel(running)
    assert host.waitUntil(done(running, waiting), 5)
    assert end(running) == ("cancelled",) and end(waiting)[0] == "answered"


def test_a_request_that_ended_can_be_cancelled_without_harm(host, ask, worker):
    request = ask()
    assert host.waitUntil(done(request))
    worker.cancel(request)
    again = ask()
    assert host.waitUntil(done(again))
    assert end(request)[0] == end(again)[0] == "answered"


def test_a_crash_while_nobody_waits_is_silent(host, ask, worker):
    first = ask()
    assert host.waitUntil(done(first))
    pid = worker._process._process.processId()
    worker._process.write({"do": "crash"})
    assert host.waitUntil(lambda: not worker.isStarted)
    assert not isAlive(pid)
    second = ask()
    assert host.waitUntil(done(second))
    assert end(second)[0] == "answered" and len(first.heard) == 4


def test_a_worker_that_cannot_start_fails_every_request_with_its_log(host, worker, ask):
    worker._arguments.append("mute")
    requests = [ask(), ask()]
    assert host.waitUntil(done(*requests))
    for request in requests:
        kind, sentence = end(request)
        assert kind == "failed" and "could not be started" in sentence and "the library is broken" in sentence


def test_a_missing_python_is_told(host, worker, ask):
    worker._program = "/nowhere/python"
    request = ask()
    assert request.heard == []  # whoever asks can still connect
    assert host.waitUntil(done(request))
    assert end(request)[0] == "failed" and "install Slicer again" in end(request)[1]


def test_shutdown_cancels_everything_and_the_next_request_starts_again(host, worker, ask):
    running, waiting = ask("forever"), ask()
    assert host.waitUntil(lambda: ("progressed", 0) in running.heard)
    worker.shutdown()
    assert end(waiting) == ("cancelled",)
    after = ask()
    assert host.waitUntil(done(running, after))
    assert end(running) == ("cancelled",) and end(after)[0] == "answered"


def test_a_request_right_after_the_shutdown_of_an_idle_worker_gets_a_new_process(host, worker, ask):
    first = ask()
    assert host.waitUntil(done(first))
    worker.shutdown()
    second = ask()
    assert host.waitUntil(done(second))
    assert end(second)[0] == "answered"


def test_when_the_application_ends_nothing_is_started_again(host, worker, ask):
    running, waiting = ask("forever"), ask()
    assert host.waitUntil(lambda: ("progressed", 0) in running.heard)
    worker._process.endBeforeQuitting()
    assert end(running) == end(waiting) == ("cancelled",)
    host.settle(3)
    assert not worker.isStarted and not worker.isBusy


def test_the_application_has_one_worker(host):
    from LDCTDenoisePanel.worker import sharedWorker

    assert sharedWorker() is sharedWorker()


def test_no_process_is_started_before_something_is_asked():
    from LDCTDenoisePanel.worker import Worker

    assert not Worker().isStarted
