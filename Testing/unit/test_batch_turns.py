"""Series of a batch share a process: one is computed while others are read, and memory is for those that fit."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from batch_factory import (
    SHAPE,
    a_task,
    only_row,
    quick,
    tasks_of,
    tree_of,
)
from LDCTDenoiseLib.batch import work
from LDCTDenoiseLib.batch.memory import Memory, expected_memory
from LDCTDenoiseLib.batch.warm import WARM, Warm
from LDCTDenoiseLib.errors import Cancelled


def test_one_is_computed_while_another_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tree_of(tmp_path / "in", 2)
    tasks = tasks_of(tmp_path / "in", quick(), tmp_path / "out")
    is_reading, inside, most = threading.Event(), [], []
    real = WARM._model

    def model(card):
        inside.append(1)
        most.append(len(inside))
        assert is_reading.wait(20)
        made = real(card)
        inside.pop()
        return made

    monkeypatch.setattr(WARM, "_model", model)
    first = threading.Thread(target=work.do, args=(tasks[0], quick()))
    first.start()

    def progress(done, total, stage):
        if stage == "read" and done == total:
            is_reading.set()

    assert only_row(tasks[1], progress=progress)["status"] == "done"
    first.join()
    assert most == [1, 1]


def test_two_large_series_are_not_in_memory_at_once():
    memory, inside, most = Memory(total=1000), [], []

    def work_with(needed: int) -> None:
        with memory.take(needed, lambda: False):
            inside.append(needed)
            most.append(sum(inside))
            time.sleep(0.02)
            inside.remove(needed)

    threads = [threading.Thread(target=work_with, args=(needed,)) for needed in (400, 300, 5000, 200, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not inside and max(total for total in most if total != 5000) <= 600 and len(most) == 5


def test_who_waits_for_memory_can_be_cancelled():
    memory = Memory(total=1000)
    with memory.take(500, lambda: False), pytest.raises(Cancelled), memory.take(500, lambda: True):
        pass
    with memory.take(5000, lambda: True):  # nobody else is there any more
        pass


def test_a_series_says_how_much_memory_it_takes(tmp_path: Path):
    series = a_task(tmp_path).series
    assert expected_memory(series) == 9 * np.prod(SHAPE)
    assert expected_memory(series, methods=2) == 13 * np.prod(SHAPE)  # the input stays for the second one
    assert expected_memory(replace(series, kind="nrrd")) == 13 * np.prod(SHAPE)
    assert expected_memory(replace(series, slices=0)) == 8 * sum(file.size for file in series.files)


def test_an_interruption_at_the_very_end_of_a_series_leaves_the_turn_to_the_next():
    class Ended:
        """A guard at which the interruption arrives."""

        def __enter__(self):
            raise Cancelled

        def __exit__(self, *_):
            pass

    warm, result = Warm(), SimpleNamespace(stepped_down=False)
    warm._model = lambda card: SimpleNamespace(denoise=lambda *_, **more: result)
    guard, warm._guard = warm._guard, Ended()
    with pytest.raises(Cancelled):
        warm.denoise(None, None, None, cancel=lambda: False)
    warm._guard = guard
    assert warm.denoise(None, None, None, cancel=lambda: not pytest.fail("nobody computes")) is result


def test_a_series_is_interrupted_once_and_what_follows_it_is_not():
    warm = Warm()
    warm._computing = threading.get_ident()
    with pytest.raises(Cancelled):
        warm.interrupt()
        time.sleep(0.01)
    warm.interrupt()
    time.sleep(0.01)


def test_the_other_models_rest_while_one_computes(monkeypatch):
    from LDCTDenoiseLib.inference import run

    class Model:
        def __init__(self, card):
            self.card, self.rests = card, 0

        def rest(self):
            self.rests += 1

    monkeypatch.setattr(run, "WarmModel", Model)
    warm, cards = Warm(), [SimpleNamespace(id=id) for id in "ab"]
    for card in (cards[0], cards[1], cards[1]):
        warm.load(card)
    assert [warm._models[card.id].rests for card in cards] == [2, 0]
