"""A batch on worker processes of this machine: everything is done, whoever dies on the way."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from cluster_factory import Orders, environment, pretend, tasks, traces, until

pytest.importorskip("distributed")
pytest.importorskip("cryptography")

import psutil
from distributed.system import MEMORY_LIMIT
from LDCTDenoiseLib.batch import cluster, cluster_local, cluster_run, cluster_task
from LDCTDenoiseLib.batch.cluster_task import Needs
from LDCTDenoiseLib.batch.run import Defect
from LDCTDenoiseLib.errors import Cancelled, InputError

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals as Windows does not have them")


@pytest.fixture
def orders(tmp_path):
    return Orders(tmp_path)


class Local:
    """Two worker processes; notices are kept."""

    def __init__(self, orders, workers=2):
        self.notices = []
        self.before = set(children())
        self.executor = cluster.executor(workers, None, options=orders, do=pretend, notice=self.notices.append)

    def workers(self):
        return new_workers(self.before)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.executor.stop()


@pytest.fixture(scope="module")
def cluster_of_two():
    with Local(None) as local:
        assert until(lambda: len(local.executor._connection.workers()) == 2)
        yield local.executor


@pytest.fixture
def shared(cluster_of_two):
    """Executors on one cluster."""

    def make(orders):
        from LDCTDenoiseLib.version import package_version

        needs, kinds = Needs(package_version()), {"resources": {}, "notice": lambda text: None}
        return cluster_run.ClusterExecutor(cluster_of_two._connection, orders, pretend, needs, **kinds)

    return make


def children():
    return psutil.Process().children(recursive=True)


def new_workers(before):
    return [child for child in set(children()) - before if "spawn_main" in " ".join(child.cmdline())]


def private_folders():
    return set(Path(tempfile.gettempdir()).glob(".ldct-*.part"))


def run(executor, given, **callbacks):
    return {task.number: rows for task, rows in executor.submit_all(given, **callbacks)}


def test_every_series_is_done_once_by_several_processes_which_nobody_else_can_reach(orders, capfd):
    before, environ = private_folders(), dict(os.environ)
    told = []
    with Local(Orders(orders.place, seconds=0.3)) as local:
        rows = run(local.executor, tasks(12), progress=lambda *facts: told.append(facts))
        sockets = [s for process in [psutil.Process(), *local.workers()] for s in process.net_connections("inet")]
        (folder,) = private_folders() - before
        modes = folder.stat().st_mode & 0o777
        workers = local.workers()
        assert local.executor._connection.client.scheduler.address.startswith("tls://")
    assert sorted(rows) == traces(orders, "done") == list(range(1, 13))
    assert len({rows[n][0]["pid"] for n in rows}) == 2
    share = str(max(1, cluster_local.cores() // 2))
    assert {rows[n][0]["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] for n in rows} == {share}
    assert {rows[n][0]["memory"] for n in rows} == {MEMORY_LIMIT // 2}, "what one has no other may plan with"
    assert (1, 1, 2, "denoise") in told
    assert sorted(local.notices) == sorted(f"series {n} is done" for n in range(1, 13))
    assert {s.laddr.ip for s in sockets} == {"127.0.0.1"}
    assert os.name == "nt" or modes == 0o700
    assert not any(process.is_running() for process in workers)
    assert private_folders() == before
    assert {name: os.environ[name] for name in os.environ if "DASK_PARENT" not in name} == environ
    assert capfd.readouterr() == ("", "")


def test_what_a_killed_worker_had_in_hand_is_done_again(orders, capfd):
    orders = Orders(orders.place, seconds=0.5)
    with Local(orders) as local:
        answers = local.executor.submit_all(tasks(12))
        results = [next(answers)]
        local.workers()[0].kill()
        results += answers
    assert sorted(rows[0]["number"] for _, rows in results) == list(range(1, 13))
    assert set(traces(orders, "done")) == set(range(1, 13))
    assert "A worker ended unexpectedly; its series are done again." in local.notices
    assert capfd.readouterr() == ("", "")


def test_a_worker_that_dies_at_its_start_is_started_again(orders, monkeypatch):
    monkeypatch.setattr(cluster_run, "_LOOK_AFTER", 0.2)
    before = set(children())
    killer = threading.Thread(target=lambda: until(lambda: [child.kill() for child in new_workers(before)][:1]))
    killer.start()
    with Local(Orders(orders.place, seconds=0.1)) as local:
        killer.join()
        pids = set()
        for _, rows in local.executor.submit_all(tasks(1000)):
            pids.add(rows[0]["pid"])
            if len(pids) == 2:
                break
    assert len(pids) == 2


def test_a_series_of_which_workers_die_fails_with_a_sentence_and_harms_no_other(orders, monkeypatch):
    monkeypatch.setattr(cluster_local, "_DEATHS", 0)
    orders = Orders(orders.place, seconds=0.1, deadly=(3,), unlucky=(5,))
    with Local(orders) as local:
        rows = run(local.executor, tasks(10))
    assert isinstance(rows.pop(3), InputError)
    assert sorted(rows) == [n for n in range(1, 11) if n != 3]
    assert all(answer[0]["status"] == "done" for answer in rows.values())
    assert traces(orders, "begun").count(3) == 2, "among others, and then alone"


def test_a_defect_costs_one_series_and_its_text_stays_out_of_workers_logs(shared, orders, capfd):
    rows = run(shared(Orders(orders.place, broken=(2,))), tasks(3))
    assert isinstance(rows[2], Defect) and str(rows[2]) == "ZeroDivisionError"
    assert [rows[1][0]["status"], rows[3][0]["status"]] == ["done", "done"]
    assert capfd.readouterr() == ("", "")


def test_cancelling_stops_what_runs_and_begins_nothing_more(shared, orders):
    orders = Orders(orders.place, seconds=60)
    stop = threading.Event()
    threading.Thread(target=lambda: (until(lambda: len(traces(orders, "begun")) == 4), stop.set())).start()
    with pytest.raises(Cancelled):
        run(shared(orders), tasks(50), cancel=stop.is_set)
    assert traces(orders, "stopped") == [1, 2, 3, 4]
    assert len(traces(orders, "begun")) == 4


SCRIPT = """
import sys
from pathlib import Path
from types import SimpleNamespace
from cluster_factory import Orders, pretend, tasks
from LDCTDenoiseLib.batch import cluster

if __name__ == "__main__":
    executor = cluster.executor(2, None, options=Orders(Path(sys.argv[1]), seconds=60), do=pretend)
    try:
        list(executor.submit_all(tasks(8)))
    except KeyboardInterrupt:
        print("interrupted")
    finally:
        executor.stop()
"""


def coordinator(folder, **more):
    script = folder / "script.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(folder)),
        **more,
    )


def test_workers_end_by_themselves_when_their_coordinator_is_killed(orders, monkeypatch):
    process = coordinator(orders.place)
    assert until(lambda: len(traces(orders, "begun")) == 4)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    assert len(family) >= 2
    assert until(lambda: not any(child.is_running() for child in family), 10)
    monkeypatch.setenv("TMPDIR", str(orders.place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert len(private_folders()) == 1
    with Local(orders, 1):
        assert len(private_folders()) == 1, "the folder of the killed one goes when the next begins"


@POSIX
def test_an_interrupt_from_the_keyboard_ends_everything_without_a_traceback(orders):
    process = coordinator(orders.place, start_new_session=True)
    assert until(lambda: len(traces(orders, "begun")) == 4)
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)
    assert traces(orders, "stopped") == [1, 2, 3, 4]
    assert until(lambda: not any(child.is_running() for child in family), 5)


def test_without_dask_the_sentence_names_the_package(monkeypatch, orders):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"ldct-denoise\[cluster\]"):
        cluster.executor(2, None, options=orders, do=pretend)


def test_a_worker_is_set_up_like_every_process_that_computes_before_its_models_are_looked_at(monkeypatch):
    done = []
    monkeypatch.setattr(cluster_task, "set_up", lambda: done.append("set up"))
    monkeypatch.setattr(cluster_task, "check_device", lambda options: done.append("device"))
    options = SimpleNamespace(check=lambda: done.append("models"))
    cluster_task._check.__wrapped__(options)
    assert done == ["set up", "models", "device"]
