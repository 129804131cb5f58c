"""A batch on a scheduler that the user runs, with workers that come and go."""

import os
import signal
import subprocess
import sys
import time

import pytest
from cluster_factory import Orders, a_scheduler, environment, pretend, tasks, traces, until

pytest.importorskip("distributed")

from LDCTDenoiseLib.batch import cluster, cluster_run, cluster_task
from LDCTDenoiseLib.errors import InputError


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    with a_scheduler(tmp_path_factory.mktemp("scheduler")) as scheduler:
        scheduler.worker("--resources", "GPU=1", HAS_A_GPU="1")
        scheduler.worker(OMP_NUM_THREADS="1")
        with_workers(scheduler, 2)
        yield scheduler


@pytest.fixture
def orders(tmp_path):
    return Orders(tmp_path)


def with_workers(scheduler, count):
    from distributed import Client

    with Client(scheduler.address, set_as_default=False, timeout=20) as client:
        client.wait_for_workers(count, timeout=30)


@pytest.fixture
def connect(scheduler, request):
    """An executor on the scheduler."""

    def make(orders, **more):
        executor = cluster.executor(None, more.pop("at", scheduler.address), options=orders, do=pretend, **more)
        request.addfinalizer(executor.stop)
        return executor

    return make


def run(executor, given):
    return {task.number: rows for task, rows in executor.submit_all(given)}


def test_batches_with_the_same_numbers_share_a_scheduler_that_lacks_the_library(connect, tmp_path):
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.mkdir()
    executors = [connect(Orders(place, seconds=0.1)) for place in places]
    answers = [executor.submit_all(tasks(3)) for executor in executors]
    first = [next(one) for one in answers]
    assert [rows[0]["status"] for _, rows in first] == ["done", "done"]
    for one in answers:
        list(one)
    assert traces(Orders(places[0]), "done") == traces(Orders(places[1]), "done") == [1, 2, 3]


def test_series_that_need_a_gpu_go_to_the_worker_that_offers_one(connect, orders):
    rows = run(connect(orders, resources={"GPU": 1}), tasks(6))
    assert len({answer[0]["pid"] for answer in rows.values()}) == 1


def test_a_worker_that_will_get_no_series_need_not_be_fit_for_them(connect, orders):
    with pytest.raises(InputError, match="cannot do it"):
        connect(Orders(orders.place, has="HAS_A_GPU"))
    rows = run(connect(Orders(orders.place, has="HAS_A_GPU"), resources={"GPU": 1}), tasks(3))
    assert [answer[0]["status"] for answer in rows.values()] == ["done"] * 3


def test_a_worker_that_sees_other_folders_is_told_by_its_address(connect, orders, tmp_path, monkeypatch):
    tree, out = tmp_path / "in", tmp_path / "out"
    tree.mkdir()
    (tree / "1.dcm").write_bytes(b"1234")
    connect(orders, reads=[tree, tree / "1.dcm"], writes=out)  # all is well
    elsewhere = cluster_task.Needs(cluster.package_version(), ((tmp_path / "elsewhere", -1),))
    monkeypatch.setattr(cluster, "Needs", lambda *_: elsewhere)
    with pytest.raises(InputError, match=r"The worker tcp://127.*does not see .*elsewhere as it is here"):
        connect(orders, writes=out)
    assert len(list(out.iterdir())) == 1, "only the first one's mark is there"


def test_a_file_of_another_size_is_another_file(tmp_path):
    (tmp_path / "1.dcm").write_bytes(b"1234")
    version = cluster.package_version()
    assert cluster_task.lacks(cluster_task.Needs(version, ((tmp_path / "1.dcm", 4), (tmp_path, -1)))) == ""
    assert "does not see" in cluster_task.lacks(cluster_task.Needs(version, ((tmp_path / "1.dcm", 5),)))


def test_a_worker_with_another_version_is_told_by_its_address(connect, orders, monkeypatch):
    monkeypatch.setattr(cluster, "package_version", lambda: "99.9")
    with pytest.raises(InputError, match=r"tcp://127\S+ has LDCTDenoise \S+, not 99.9; install the same version"):
        connect(orders)


def test_a_worker_that_lacks_what_the_models_need_is_told_by_its_address(connect, orders):
    with pytest.raises(InputError, match=r"tcp://127\S+ cannot do it: For rddm-balanced, torch is missing."):
        connect(Orders(orders.place, has="NO_SUCH_VARIABLE"))


def test_a_worker_without_the_library_that_comes_later_costs_nothing(scheduler, connect, orders):
    notices = []
    executor = connect(Orders(orders.place, seconds=0.2), notice=notices.append)
    bare = scheduler.worker("--name", "bare", PYTHONPATH="")
    try:
        with_workers(scheduler, 3)
        rows = run(executor, tasks(12))
    finally:
        bare.terminate()
        bare.wait()
    assert all(answer[0]["status"] == "done" for answer in rows.values())
    assert sum("has not got LDCTDenoise; install it there." in text for text in notices) == 1


def test_workers_stop_when_the_one_who_asked_has_died(scheduler, orders):
    script = orders.place / "script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom cluster_factory import Orders, pretend, tasks\n"
        "from LDCTDenoiseLib.batch import cluster\n"
        "orders = Orders(Path(sys.argv[2]), seconds=60)\n"
        "list(cluster.executor(None, sys.argv[1], options=orders, do=pretend).submit_all(tasks(2)))\n"
    )
    words = [sys.executable, str(script), scheduler.address, str(orders.place)]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, env=environment())
    assert until(lambda: traces(orders, "begun") == [1, 2])
    process.kill()
    process.wait()
    assert until(lambda: traces(orders, "stopped") == [1, 2])


def test_a_worker_plans_with_the_memory_that_its_user_gave_it(tmp_path):
    with a_scheduler(tmp_path) as scheduler:
        scheduler.worker("--memory-limit", "3 GiB")
        with_workers(scheduler, 1)
        executor = cluster.executor(None, scheduler.address, options=Orders(tmp_path), do=pretend)
        try:
            rows = run(executor, tasks(1))
        finally:
            executor.stop()
    assert rows[1][0]["memory"] == 3 * 2**30


def test_series_that_wait_for_workers_that_are_gone_go_to_those_that_came_instead(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_run, "_LOOK_AFTER", 0.5)
    notices = []
    with a_scheduler(tmp_path) as scheduler:
        good = scheduler.worker("--no-nanny")
        with_workers(scheduler, 1)
        orders = Orders(tmp_path, seconds=0.5)
        executor = cluster.executor(None, scheduler.address, options=orders, do=pretend, notice=notices.append)
        bare = scheduler.worker("--no-nanny", PYTHONPATH="")
        with_workers(scheduler, 2)

        begun, replaced = time.monotonic(), []

        def cancel():
            if not replaced and len(traces(orders, "done")) >= 2 and any("has not got" in text for text in notices):
                good.kill()
                bare.kill()
                replaced.append(scheduler.worker("--no-nanny"))
            return time.monotonic() - begun > 30

        try:
            results = list(executor.submit_all(tasks(10), cancel=cancel))
        finally:
            executor.stop()
    assert replaced and [rows[0]["status"] for _, rows in results] == ["done"] * 10


def test_a_worker_without_the_device_is_told_by_its_address(connect, orders, monkeypatch):
    networks = Orders(orders.place, models=("median", "rddm-balanced"), device="cuda:7")
    with pytest.raises(InputError, match=r"tcp://127\S+ cannot do it: There is no device cuda:7 here"):
        connect(networks)
    connect(Orders(orders.place, models=("median",), device="cuda:7"))  # it computes on the processor
    notices = []
    connect(networks, resources={"GPU": 9}, notice=notices.append)
    assert notices == ["No worker that offers GPU=9 has come to the scheduler yet; the series wait for one."]


def test_the_mark_in_the_output_tree_does_not_age_while_the_batch_goes_on(connect, orders, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_run, "_LOOK_AFTER", 0.2)
    executor = connect(Orders(orders.place, seconds=1.5), writes=tmp_path / "out")
    (mark,) = (tmp_path / "out").iterdir()
    for path in (*mark.iterdir(), mark):
        os.utime(path, (1, 1))
    run(executor, tasks(2))
    assert mark.stat().st_mtime > time.time() - 60


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("tcp://127.0.0.1:1", "No Dask scheduler answers at tcp://127.0.0.1:1; check the address"),
        ("gpu-box", "gpu-box"),
        ("tls://127.0.0.1:1", "tls://127.0.0.1:1 needs certificates"),
        ("missing.json", "missing.json"),
    ],
)
def test_an_address_where_nobody_answers_is_told(orders, monkeypatch, address, sentence):
    monkeypatch.setattr("LDCTDenoiseLib.batch.cluster_connection._ANSWER", 0.5)
    with pytest.raises(InputError, match=sentence):
        cluster.executor(None, address, options=orders, do=pretend)


def test_workers_and_a_scheduler_together_make_no_sense(orders):
    with pytest.raises(InputError, match="either --workers or --scheduler"):
        cluster.executor(2, "tcp://127.0.0.1:1", options=orders, do=pretend)


@pytest.mark.parametrize("how", ["killed", "ended in good order"])
def test_a_scheduler_that_comes_back_finds_the_batch_waiting(tmp_path, how, capfd):
    orders = Orders(tmp_path, seconds=0.3)
    notices = []
    with a_scheduler(tmp_path) as scheduler:
        scheduler.worker()
        with_workers(scheduler, 1)
        executor = cluster.executor(None, scheduler.address, options=orders, do=pretend, notice=notices.append)
        try:
            answers = executor.submit_all(tasks(8))
            results = [next(answers)]
            scheduler.scheduler.kill() if how == "killed" else scheduler.scheduler.send_signal(signal.SIGINT)
            scheduler.scheduler.wait()
            scheduler.start()
            scheduler.worker()  # the former one ends when it has lost its scheduler
            results += answers
        finally:
            executor.stop()
    assert sorted(rows[0]["number"] for _, rows in results) == list(range(1, 9))
    assert any("was lost; waiting for it" in text for text in notices)
    assert any("is there again" in text for text in notices)
    assert capfd.readouterr() == ("", "")


def test_patience_with_a_scheduler_that_is_gone_has_an_end(tmp_path):
    with a_scheduler(tmp_path) as scheduler:
        executor = cluster.executor(None, scheduler.address, options=Orders(tmp_path), do=pretend, patience=1.0)
        try:
            answers = executor.submit_all(tasks(2))
            scheduler.scheduler.kill()
            with pytest.raises(InputError, match="--resume"):
                list(answers)
        finally:
            executor.stop()
