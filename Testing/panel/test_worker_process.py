"""The process beside Slicer: JSON lines in and out, and an end that leaves nothing running."""

import json
import os
import sys
import time

import pytest
from jobs_setup import FAKE_WORKER, isAlive

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ends processes the POSIX way")

SPEAKER = """
import json, os, sys
print(json.dumps({"event": "ready", "pid": os.getpid()}), flush=True)
print("stray", flush=True); print("[1]", flush=True); print("ärger", file=sys.stderr, flush=True)
for line in sys.stdin:
    print(json.dumps({"echo": json.loads(line)}), flush=True)
"""


class Heard:
    """A WorkerProcess, its lines and its end."""

    def __init__(self, host, *arguments, program=sys.executable, grace=0.4):
        from LDCTDenoisePanel.worker_process import WorkerProcess

        self.host, self.lines, self.ends = host, [], []
        self.process = WorkerProcess(self.lines.append, lambda *how: self.ends.append(how), grace)
        self.process.start(program, list(arguments), {"PYTHONUTF8": "1"})

    def until(self, condition, seconds=5):
        assert self.host.waitUntil(lambda: condition(self), seconds)
        return self

    def ended(self):
        self.until(lambda heard: heard.ends)
        self.host.settle(2)
        return self.ends[0]


def test_lines_come_as_objects_and_other_lines_go_to_the_log(host):
    heard = Heard(host, "-c", SPEAKER).until(lambda heard: heard.lines)
    heard.process.write({"text": "Grüße 温度"})
    heard.until(lambda heard: len(heard.lines) == 2)
    assert heard.lines[1] == {"echo": {"text": "Grüße 温度"}}
    heard.process.end()
    code, log = heard.ended()
    assert code in (0, -15)
    assert "stray" in log and "[1]" in log and "ärger" in log
    assert len(heard.ends) == 1


def test_a_missing_program_is_told_once(host):
    heard = Heard(host, program="/nowhere/at/all")
    assert heard.ended() == (None, "")
    assert len(heard.ends) == 1 and not heard.process.running
    heard.process.write({"text": "nobody"})
    heard.process.end()


def test_a_crash_tells_the_signal_and_comes_once(host):
    heard = Heard(host, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert heard.ended()[0] == -11
    assert len(heard.ends) == 1


def test_the_exit_code_and_the_last_words_are_told(host):
    code, log = Heard(host, "-c", "import sys; print('x' * 50000, file=sys.stderr); sys.exit('last words')").ended()
    assert code == 1
    assert log.endswith("last words") and len(log) <= 20000


@pytest.mark.parametrize("how", ["forever", "deaf", "children"])
def test_ending_takes_less_than_two_seconds_and_takes_all_children_along(host, tmp_path, how):
    import numpy as np

    folder = tmp_path / "job"
    folder.mkdir()
    np.save(folder / "in.npy", np.zeros((1, 2, 2)))
    heard = Heard(host, str(FAKE_WORKER)).until(lambda heard: heard.lines)
    request = {"id": 1, "do": "denoise", "model": how, "input": str(folder / "in.npy"), "output": "x"}
    heard.process.write(request)
    heard.until(lambda heard: len(heard.lines) == 2)
    pids = [heard.lines[0]["pid"]]
    if how == "children":
        pids.append(int((tmp_path / "grandchild.pid").read_text()))
    begun = time.monotonic()
    heard.process.end()
    heard.ended()
    assert time.monotonic() - begun < 2
    assert host.waitUntil(lambda: not any(isAlive(pid) for pid in pids), 1)


def test_ending_returns_at_once_also_for_a_process_that_does_not_listen(host):
    heard = Heard(host, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print('{}'); time.sleep(60)")
    begun = time.monotonic()
    heard.process.end()
    heard.process.end()
    assert time.monotonic() - begun < 0.1
    heard.ended()
    assert len(heard.ends) == 1


def test_the_end_of_the_application_ends_the_process(host):
    heard = Heard(host, "-c", "import os,time; print('{\"pid\": %d}' % os.getpid(), flush=True); time.sleep(60)")
    heard.until(lambda heard: heard.lines)
    heard.process.endBeforeQuitting()
    assert len(heard.ends) == 1 and heard.process.isQuitting
    assert not isAlive(heard.lines[0]["pid"])


def test_slicers_own_process_group_is_never_ended(host):
    from LDCTDenoisePanel import process_tree

    assert process_tree._leadsGroup(os.getpgrp()) is False


def test_the_variables_of_slicer_reach_the_program(host, monkeypatch):
    monkeypatch.setenv("LDCT_TEST_VARIABLE", "Wärme")
    code = "import os, json; print(json.dumps({'v': os.environ['LDCT_TEST_VARIABLE'], 'u': os.environ['PYTHONUTF8']}))"
    heard = Heard(host, "-c", code).until(lambda heard: heard.ends)
    assert heard.lines == [{"v": "Wärme", "u": "1"}]


def test_a_process_that_has_ended_is_forgotten(host):
    import gc
    import weakref

    heard = Heard(host, "-c", "pass")
    heard.ended()
    watched = weakref.ref(heard.process)
    heard.process = None
    host.settle(3)
    gc.collect()
    assert watched() is None


def test_a_line_may_come_in_pieces(host):
    pieces = ('{"a"', ": 1}", "\n")
    code = f"import time\nfor piece in {pieces!r}:\n    print(piece, end='', flush=True)\n    time.sleep(0.05)"
    heard = Heard(host, "-c", code).until(lambda heard: heard.ends)
    assert heard.lines == [json.loads('{"a": 1}')]
