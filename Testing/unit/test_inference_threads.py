"""Threads are as many as fit the machine and give up a core that others need, unless the user wants otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from LDCTDenoiseLib.inference import hardware, threads

LIBRARY = Path(__file__).resolve().parents[2] / "LDCTDenoise"
# known by its mark, in one write: the worker leaves in one thread while it says in another that it is ready
START = """import os, sys
def ask():
    sys.stdout.flush()
    os.write(1, f"asked: {os.environ.get('GOMP_SPINCOUNT')} {'torch' in sys.modules}\\n".encode())"""
MARK = "asked: "
WORKER = "from LDCTDenoiseLib.worker import serve; serve.leave = lambda: (ask(), os._exit(0)); serve.main()"


def after(first: str, **environment: str) -> str:
    """What holds in a process of its own after a statement."""
    names = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    kept |= {"PYTHONPATH": str(LIBRARY), **environment}
    done = subprocess.run(
        [sys.executable, "-c", f"{START}\n{first}; ask()"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=kept, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return [line for line in done.stdout.splitlines() if line.startswith(MARK)][-1].removeprefix(MARK)


def test_commands_and_worker_have_threads_sleep_soon_before_torch_is_there():
    assert after("from LDCTDenoiseLib.cli import main; main(['models', '--json'])").split()[0] == "2000"
    assert after("from LDCTDenoiseLib.inference.threads import sleep_soon; sleep_soon()") == "2000 False"
    assert after(WORKER) == "2000 False"


@pytest.mark.parametrize("own", [{"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "7"}])
def test_what_the_user_has_set_stays(own):
    found = after("from LDCTDenoiseLib.inference.threads import sleep_soon; sleep_soon()", **own)
    assert found.split()[0] == own.get("GOMP_SPINCOUNT", "None")


@pytest.fixture
def a_machine(tmp_path, monkeypatch):
    """Makes files of a system with processors 0–7, two of them a core, and control groups as the test says."""

    def made(groups: str = "", **files: str) -> int | None:
        for number in range(8):
            folder = tmp_path / f"sys/devices/system/cpu/cpu{number}/topology"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "thread_siblings_list").write_text(f"{number % 4},{number % 4 + 4}\n")
        (tmp_path / "cgroup").write_text(groups)
        for path, text in files.items():
            file = tmp_path / "sys/fs/cgroup" / path.replace("__", "/").replace("_max", ".max").replace("_cfs", ".cfs")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return hardware.usable_cores(tmp_path / "sys", tmp_path)

    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return made


def test_two_processors_of_one_core_count_once(a_machine):
    assert a_machine() == 4


def test_only_processors_that_the_process_may_use_count(a_machine, monkeypatch):
    monkeypatch.setattr(hardware.os, "sched_getaffinity", lambda _: {0, 1, 4}, raising=False)
    assert a_machine() == 2


@pytest.mark.parametrize(
    "share, cores", [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("max 1", 4)]
)
def test_the_share_of_a_container_counts_where_its_group_or_one_above_it_says_so(a_machine, share, cores):
    assert a_machine("0::/job/step\n", job__cpu_max=share, job__step__cpu_max="max 100000") == cores


def test_the_older_control_groups_count_too(a_machine):
    lines = "9:memory:/a\n4:cpu,cpuacct:/docker/x\n"
    assert a_machine(lines, cpu__cpu_cfs_quota_us="300000", cpu__cpu_cfs_period_us="100000") == 3
    assert a_machine(lines, cpu__cpu_cfs_quota_us="-1", cpu__cpu_cfs_period_us="100000") == 4


def test_where_the_system_does_not_tell_the_cores_are_unknown(monkeypatch):
    monkeypatch.delattr(hardware.os, "sched_getaffinity", raising=False)
    assert hardware.usable_cores() is None


@pytest.mark.parametrize("asked, own, cores, told", [(True, None, 2, [2]), (False, None, 2, []), (True, "7", 2, []),
                                                     (True, None, None, []), (True, None, 64, [8])])  # fmt: skip
def test_torch_gets_a_thread_a_core_in_a_process_of_our_own_unless_the_user_wants_otherwise(
    monkeypatch, asked, own, cores, told
):
    torch = pytest.importorskip("torch")
    found = []
    monkeypatch.setattr(torch, "set_num_threads", found.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(threads, "usable_cores", lambda: cores)
    monkeypatch.setattr(threads, "_to_fit", False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if own:
        monkeypatch.setenv("OMP_NUM_THREADS", own)
    if asked:
        threads.fit_soon()
    threads.fit()
    threads.fit()
    assert found == told
