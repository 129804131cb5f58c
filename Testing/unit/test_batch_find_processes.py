"""Several processes read headers: the same result, whoever calls, and whatever becomes of them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from find_factory import another, put
from LDCTDenoiseLib.batch import scan_pool
from LDCTDenoiseLib.batch.find import find_series
from LDCTDenoiseLib.batch.look import Seen
from LDCTDenoiseLib.errors import Cancelled

LIB = Path(__file__).resolve().parents[2] / "LDCTDenoise"


@pytest.fixture
def a_tree(tmp_path) -> Path:
    for number in range(4):
        put(another(number, count=10), tmp_path / "tree" / str(number))
    (tmp_path / "tree" / "note.txt").write_text("hello")
    return tmp_path / "tree"


@pytest.fixture
def helpers_for_few_files(monkeypatch) -> list[subprocess.Popen]:
    """Helpers start although it would not pay; gives those that were started."""
    monkeypatch.setattr(scan_pool, "_WORTH", 1)
    monkeypatch.setattr(scan_pool, "_CHUNK", 3)
    started, start = [], scan_pool._start

    def noted():
        started.append(start())
        return started[-1]

    monkeypatch.setattr(scan_pool, "_start", noted)
    return started


def slow_look(monkeypatch, seconds: float = 0.05) -> None:
    """This process takes its time, so that helpers get their share."""
    look = scan_pool.look
    monkeypatch.setattr(scan_pool, "look", lambda path: time.sleep(seconds) or look(path))


def without_time(finding) -> tuple:
    return finding.series, finding.left, finding.files


def test_the_number_of_processes_does_not_change_the_result(a_tree, helpers_for_few_files, monkeypatch):
    alone = find_series(a_tree, processes=1)
    assert not helpers_for_few_files and len(alone.series) == 4
    slow_look(monkeypatch)
    steps = []
    together = find_series(a_tree, processes=3, progress=lambda *step: steps.append(step))
    assert without_time(together) == without_time(alone)
    assert len(helpers_for_few_files) == 2 and all(one.poll() is not None for one in helpers_for_few_files)
    scanned = [done for done, _, stage in steps if stage == "scan"]
    assert scanned == sorted(scanned) and scanned[-1] == 41
    assert len(scanned) < 41, "others did a part of the work"


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(1)",
        "print('what is this?', flush=True)",
        "import time; time.sleep(600)",
        "import sys, pickle; pickle.dump('ready', sys.stdout.buffer)",
        "import sys, pickle, time; pickle.dump('ready', sys.stdout.buffer); sys.stdout.flush(); time.sleep(600)",
    ],
)
def test_helpers_that_fail_are_done_without(a_tree, helpers_for_few_files, monkeypatch, program):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    monkeypatch.setattr(scan_pool, "_start", lambda: subprocess.Popen([sys.executable, "-c", program], **pipes))
    monkeypatch.setattr(scan_pool, "_PATIENCE", 0.2)
    slow_look(monkeypatch, 0.01)
    assert len(find_series(a_tree, processes=3).series) == 4


CHATTY = """
import sys
sys.stdin.buffer.readline()
sys.path.insert(0, {lib!r})
from LDCTDenoiseLib.batch import scan_pool
look = scan_pool.look
scan_pool.look = lambda path: print("a word of a library", flush=True) or look(path)
scan_pool.serve()
"""


def test_what_a_library_prints_does_not_mix_with_the_answers(a_tree, helpers_for_few_files, monkeypatch):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    program = [sys.executable, "-c", CHATTY.format(lib=str(LIB))]
    monkeypatch.setattr(scan_pool, "_start", lambda: subprocess.Popen(program, **pipes))
    looked, look = [], scan_pool.look
    monkeypatch.setattr(scan_pool, "look", lambda path: time.sleep(0.05) or looked.append(path) or look(path))
    assert len(find_series(a_tree, processes=2).series) == 4
    assert len(looked) < 41, "the helper did a part of the work"


def test_what_two_have_done_counts_once():
    work = scan_pool._Work([Path("a"), Path("b")])
    lent = work.lend()
    assert not work.take()
    work.take_over()
    taken = work.take()
    work.put(taken, [Seen("other"), Seen("other")])
    work.put(lent, [Seen("damaged"), Seen("damaged")])
    work.put_back(lent)
    assert work.is_done and not work.take()


def test_where_no_process_can_be_started_one_is_enough(a_tree, helpers_for_few_files, monkeypatch):
    def no_process():
        raise OSError("no more processes")

    monkeypatch.setattr(scan_pool, "_start", no_process)
    assert len(find_series(a_tree, processes=3).series) == 4


@pytest.mark.parametrize("program", ["/opt/Slicer/bin/SlicerApp-real", "C:\\Slicer\\Slicer.exe", "", None])
def test_an_application_that_embeds_python_is_never_started_again(program, monkeypatch):
    monkeypatch.setattr(sys, "executable", program)
    assert scan_pool._useful(100_000, 4) == 1


@pytest.mark.parametrize("program", ["/usr/bin/python3", "/opt/Slicer/bin/PythonSlicer", "/x/pypy3"])
def test_helpers_start_only_where_they_pay(program, monkeypatch):
    monkeypatch.setattr(sys, "executable", program)
    assert [scan_pool._useful(files, 4) for files in (0, 900, 1000, 2500, 100_000)] == [1, 1, 2, 3, 4]
    assert scan_pool._useful(100_000, 0) == 1


def test_cancel_ends_the_helpers_at_once(a_tree, helpers_for_few_files, monkeypatch):
    slow_look(monkeypatch)
    answers = iter([False] * 20 + [True] * 99)
    with pytest.raises(Cancelled):
        find_series(a_tree, processes=3, cancel=answers.__next__)
    assert all(one.poll() is not None for one in helpers_for_few_files)


SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {lib!r})
from LDCTDenoiseLib.batch import scan_pool
from LDCTDenoiseLib.batch.find import find_series
from LDCTDenoiseLib.batch.look import Seen
print("the script runs", flush=True)
look = scan_pool.look
scan_pool._WORTH, scan_pool._CHUNK, scan_pool.look = 1, 2, lambda path: time.sleep({pause}) or look(path)
print(len(find_series(Path({tree!r}), processes=2).series), "series", flush=True)
"""


def test_a_program_without_a_main_guard_runs_once(a_tree, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(lib=str(LIB), tree=str(a_tree), pause=0.02))
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert done.stdout.splitlines() == ["the script runs", "4 series"] and not done.stderr


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are listed on Linux only")
def test_helpers_end_when_their_caller_is_killed(a_tree, tmp_path):
    code = SCRIPT.format(lib=str(LIB), tree=str(a_tree), pause=5)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as caller:
        caller.stdout.readline()
        until(lambda: helper_of(caller.pid))
        helper = helper_of(caller.pid)
        caller.send_signal(signal.SIGKILL)
    until(lambda: not Path(f"/proc/{helper}").exists() or "Z" in Path(f"/proc/{helper}/stat").read_text().split()[2])


def helper_of(pid: int) -> int:
    """The child that some thread of the process has."""
    found = " ".join(file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")).split()
    return int(found[0]) if found else 0


def until(is_so, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
