"""What the worker does ahead of its turn: a model is loaded and tried, makes room at once, and leaves a GPU alone."""

from __future__ import annotations

import gc
import io
import json
import os
import queue
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from LDCTDenoiseLib.worker.kept import Kept, to_stay
from LDCTDenoiseLib.worker.serve import answer
from worker_factory import a_stored_volume, denoise, started

WARM = {"id": 1, "do": "warm", "model": "gaussian", "size": [48, 64]}


def asked(kept, **change):
    """The last event of a warming in this process."""
    events = io.StringIO()
    answer(json.dumps({**WARM, **change}), events, kept)
    return json.loads(events.getvalue().splitlines()[-1])


@pytest.fixture(autouse=True)
def nothing_stays_set_apart():
    yield
    gc.unfreeze()


@pytest.fixture
def slices(monkeypatch):
    """The shapes of all that the Gaussian filter was given."""
    from LDCTDenoiseLib.methods.classical import Gaussian

    seen, former = [], Gaussian.filter_slice
    monkeypatch.setattr(Gaussian, "filter_slice", lambda *given: seen.append(given[1].shape) or former(*given))
    return seen


def test_the_model_is_loaded_and_has_computed_a_slice_of_the_size_to_come(slices):
    kept = Kept()
    assert asked(kept)["warm"] is True
    assert slices == [(48, 64)]
    assert kept._warm.card.id == "gaussian"


def test_the_run_that_follows_takes_the_very_model(slices):
    from LDCTDenoiseLib.weights.store import find_card

    kept = Kept()
    asked(kept)
    model = kept._warm
    assert kept.model(find_card("gaussian")) is model


def test_nothing_is_loaded_where_another_request_waits_already(slices):
    kept = Kept(someone_waits=lambda: True)
    assert asked(kept)["warm"] is False
    assert kept._warm is None and not slices


@pytest.mark.parametrize("questions", [1, 2])
def test_a_request_that_comes_while_the_model_is_loaded_does_not_wait_for_the_slice(slices, questions):
    answers = iter([False] * questions + [True] * 9)
    kept = Kept(someone_waits=lambda: next(answers))
    assert asked(kept)["warm"] is False
    assert kept._warm is not None and not slices


def test_on_a_gpu_the_weights_are_read_and_its_memory_is_left_alone(monkeypatch, slices):
    from LDCTDenoiseLib.inference import devices
    from LDCTDenoiseLib.methods.classical import Gaussian

    monkeypatch.setattr(Gaussian, "uses_device", True)
    monkeypatch.setattr(devices, "available_devices", lambda: ["cuda:0", "cpu"])
    kept = Kept()
    assert asked(kept)["warm"] is True
    assert kept._warm is not None and not slices


REFUSED = {
    "an unknown model": ({"model": "gauss"}, "did you mean gaussian"),
    "no size": ({"size": None}, "'size'"),
    "no pixels": ({"size": [0, 5]}, "'size'"),
    "a size that no scanner has": ({"size": [512, 100_000]}, "'size'"),
    "an unknown device": ({"model": "nlm", "device": 3}, "'device'"),
}


@pytest.mark.parametrize("change, said", REFUSED.values(), ids=REFUSED)
def test_a_bad_request_is_one_sentence(change, said):
    refused = asked(Kept(), **change)
    assert refused["event"] == "error" and said in refused["text"]


def test_a_run_right_behind_a_warming_gets_the_same_hu_as_without(tmp_path):
    a_stored_volume(tmp_path)
    found = []
    for ahead in (False, True):
        with started() as worker:
            if ahead:
                worker.send(**WARM)
            worker.send(**denoise(tmp_path), id=2)
            events = worker.events()
            if ahead:
                assert events[-1]["id"] == 1
                events = worker.events()
            assert events[-1]["event"] == "result" and events[-1]["id"] == 2
        found.append(np.load(tmp_path / "after.npy"))
    assert np.array_equal(*found)


def test_what_is_replaced_is_freed_also_after_much_was_set_apart_from_the_search_for_rubbish():
    class Model:
        pass

    with to_stay():
        pass
    model = Model()
    model.itself = model  # a circle
    watched = weakref.ref(model)
    del model
    gc.collect()
    assert watched() is None


def test_what_is_rubbish_already_is_not_set_apart():
    class Model:
        pass

    gc.disable()
    model = Model()
    model.itself = model
    watched = weakref.ref(model)
    del model
    with to_stay():
        pass
    assert watched() is None and gc.isenabled()


def test_the_search_for_rubbish_goes_on_also_after_a_failure():
    with pytest.raises(ImportError), to_stay():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_freed_memory_goes_back_once_when_nothing_was_asked_for_long():
    from LDCTDenoiseLib.worker import serve

    waiting, given = queue.SimpleQueue(), []
    lines = serve.lines_of(waiting, lambda: given.append(1) or waiting.put("late"), idle=0.05)
    for line in ("one", "two"):
        waiting.put(line)
    assert [next(lines), next(lines), given] == ["one", "two", []]
    assert next(lines) == "late" and given == [1]


def test_resting_gives_back_the_memory_of_processor_and_gpu(monkeypatch):
    from LDCTDenoiseLib.inference import engine
    from LDCTDenoiseLib.worker import serve

    given, kept = [], Kept()
    kept._warm = SimpleNamespace(rest=lambda: given.append("model"))
    monkeypatch.setattr(serve, "give_back", lambda: given.append("processor"))
    monkeypatch.setattr(engine, "release_memory", lambda: given.append("gpu"))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    serve.rest(kept)
    monkeypatch.setitem(sys.modules, "torch", object())
    serve.rest(kept)
    assert given == ["model", "processor", "model", "gpu", "processor"]
    serve.rest(Kept())


def test_the_model_rests_before_the_perception_uses_the_same_card():
    done, kept = [], Kept()
    kept._warm = SimpleNamespace(rest=lambda: done.append("rest"))
    for _ in range(2):
        kept.perception("one", lambda: done.append("made") or "perception")
    assert done == ["rest", "made", "rest"]


def test_a_network_is_gone_before_the_next_is_loaded_and_is_never_set_apart(a_small_network, monkeypatch):
    pytest.importorskip("torch")
    from LDCTDenoiseLib.inference import run

    watched, alive, load = [], [], run.load_denoiser

    def watching(card):
        alive.append(sum(one() is not None for one in watched))
        denoiser = load(card)
        watched.append(weakref.ref(denoiser))
        return denoiser

    monkeypatch.setattr(run, "load_denoiser", watching)
    frozen, kept = gc.get_freeze_count(), Kept()
    gc.disable()  # no search for rubbish helps
    try:
        for model in (a_small_network, "gaussian", a_small_network):
            asked(kept, model=model)
        answer(json.dumps({"id": 2, "do": "state"}), io.StringIO(), kept)
        kept.forget()
    finally:
        gc.enable()
    assert alive == [0, 0, 0] and not any(one() for one in watched)
    assert gc.get_freeze_count() == frozen


@pytest.mark.skipif(os.name != "posix", reason="niceness")
def test_the_worker_stands_behind_whoever_started_it():
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    with started() as worker:
        pid = worker.process.pid
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, mine + 10)
        if sys.platform == "linux":  # each thread has its own
            threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
            assert len(threads) > 1
            assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {min(19, mine + 10)}


def test_a_system_that_lowers_nobody_is_no_error(monkeypatch):
    from LDCTDenoiseLib.worker import priority

    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(os, "nice", refused, raising=False)
    monkeypatch.setattr(priority, "_AUTOGROUP", Path("/nowhere"))
    priority.step_back()


@pytest.mark.skipif(os.name != "posix", reason="sessions")
def test_the_session_of_somebody_else_is_left_alone(monkeypatch, tmp_path):
    from LDCTDenoiseLib.worker import priority

    group = tmp_path / "autogroup"
    group.write_text("/autogroup-7 nice 0")
    monkeypatch.setattr(os, "nice", lambda by: 0)
    monkeypatch.setattr(priority, "_AUTOGROUP", group)
    monkeypatch.setattr(os, "getsid", lambda pid: os.getpid() + 1)
    priority.step_back()
    assert group.read_text() == "/autogroup-7 nice 0"
    monkeypatch.setattr(os, "getsid", lambda pid: os.getpid())
    priority.step_back()
    assert group.read_text() == "10"
