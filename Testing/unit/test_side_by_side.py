"""Threads for pieces of work: all of them start, or none stays."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.networks import side_by_side  # noqa: E402

NO_THREAD = """
import sys, threading, torch
torch.set_num_threads(4)
start, started = threading.Thread.start, []

def refuse(self):
    if len(started) == 2:
        raise RuntimeError("can't start new thread")
    started.append(self)
    start(self)

threading.Thread.start = refuse
from LDCTDenoiseLib.networks.side_by_side import side_by_side
try:
    side_by_side([lambda: None] * 4)
except RuntimeError as error:
    print(error, torch.get_num_threads())
for thread in started:
    thread.join()
threading.Thread.start = start
done = []
side_by_side([lambda: done.append(1)] * 4)  # when there is room again
print(len(done))
"""


def test_where_a_thread_cannot_start_the_process_goes_on_and_ends():
    command = [sys.executable, "-c", NO_THREAD]
    library = Path(side_by_side.__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": str(library)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
    assert done.stdout.split("\n") == ["can't start new thread 4", "4", ""], done.stderr


def test_where_a_thread_fails_at_its_start_the_others_do_not_wait_for_it(monkeypatch):
    side_by_side._pool.cache_clear()
    before, started = set(threading.enumerate()), []
    count = torch.set_num_threads

    def failing(number):
        started.append(number)
        if len(started) == 2:
            raise MemoryError
        count(number)

    monkeypatch.setattr(torch, "set_num_threads", failing)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    with pytest.raises((MemoryError, threading.BrokenBarrierError)):
        side_by_side.side_by_side([lambda: None] * 3)
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_that_start_later_have_the_callers_number(threads):
    side_by_side._pool.cache_clear()
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(threads)
    try:
        side_by_side.side_by_side([lambda: None] * 5)
        later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        later.start()
        later.join()
    finally:
        torch.set_num_threads(before)
    assert seen == [threads]
