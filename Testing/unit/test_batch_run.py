"""A batch as a whole: every series once in the log, whatever the executor does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from batch_factory import SHAPE, quick, tasks_of, tree_of
from LDCTDenoiseLib.batch import work
from LDCTDenoiseLib.batch.local import Threads
from LDCTDenoiseLib.batch.log import Log, read_log
from LDCTDenoiseLib.batch.run import Defect, run_batch
from LDCTDenoiseLib.batch.warm import WARM
from LDCTDenoiseLib.errors import Cancelled, InputError

OPTIONS = quick(models=("gaussian", "median"))
LATER = replace(OPTIONS, run="later")


@pytest.fixture
def tasks(tmp_path: Path) -> list:
    (tmp_path / "out").mkdir()
    return tasks_of(tree_of(tmp_path / "in", 3), OPTIONS, tmp_path / "out")


class Fake:
    """An executor that gives what it was given."""

    def __init__(self, *answers):
        self.answers, self.stopped = answers, 0

    def submit_all(self, tasks, *, progress=None, cancel=None):
        self.tasks = tasks
        for answer in self.answers:
            yield answer(tasks, progress, cancel) if isinstance(answer, Callable) else answer

    def stop(self) -> None:
        self.stopped += 1


def rows_of(task, status: str = "done", **facts) -> list[dict]:
    return [
        {"number": task.number, "series": task.series.name, "key": task.series.key, "model": model, "status": status}
        | facts
        for model, _ in task.outputs
    ]


def statuses(folder: Path) -> list[tuple[str, str, str]]:
    return [(row["number"], row["model"], row["status"]) for row in read_log(folder / "batch.csv")]


def test_every_series_and_method_has_a_line(tmp_path: Path, tasks: list):
    heard = []
    summary = run_batch(tasks, OPTIONS, tmp_path / "out", Threads(OPTIONS), row=heard.append)
    assert summary.count("done") == len(heard) == 6 and [row["number"] for row in summary.rows] == [1, 1, 2, 2, 3, 3]
    pairs = [(str(n), model, "done") for n in (1, 2, 3) for model in OPTIONS.models]
    assert statuses(tmp_path / "out") == pairs
    assert len(list((tmp_path / "out").rglob("*.nrrd"))) == 6


def test_one_bad_series_leaves_the_rest(tmp_path: Path, tasks: list):
    tasks[1].series.files[0].path.unlink()
    summary = run_batch(tasks, OPTIONS, tmp_path / "out", Threads(OPTIONS))
    assert (summary.count("done"), summary.count("failed")) == (4, 2)
    lines = read_log(tmp_path / "out/batch.csv")
    assert [line["status"] for line in lines] == ["done", "done", "failed", "failed", "done", "done"]
    assert "is gone" in lines[2]["error"]


def test_a_failure_is_tried_again_and_its_line_replaced(tmp_path: Path, tasks: list):
    path = tasks[1].series.files[0].path
    path.rename(path.with_suffix(".away"))
    run_batch(tasks, OPTIONS, tmp_path / "out", Threads(OPTIONS))
    path.with_suffix(".away").rename(path)
    summary = run_batch(tasks, LATER, tmp_path / "out", Threads(LATER))
    assert (summary.count("done"), summary.count("already")) == (2, 4)
    assert {status for _, _, status in statuses(tmp_path / "out")} == {"done"}


def test_what_the_log_lost_comes_from_the_records(tmp_path: Path, tasks: list):
    run_batch(tasks, OPTIONS, tmp_path / "out", Threads(OPTIONS))
    log = tmp_path / "out/batch.csv"
    whole = log.read_bytes()
    log.write_bytes(b"\n".join(whole.splitlines()[:2])[:-5])
    run_batch(tasks, LATER, tmp_path / "out", Threads(LATER))
    assert log.read_bytes() == whole


def test_what_is_known_to_be_done_needs_no_executor(tmp_path: Path, tasks: list):
    already = rows_of(tasks[0], "already") + rows_of(tasks[1], "already")[:1]
    executor = Fake(lambda tasks, *_: (tasks[0], rows_of(tasks[0])), lambda tasks, *_: (tasks[1], rows_of(tasks[1])))
    summary = run_batch(tasks, OPTIONS, tmp_path / "out", executor, already=already)
    assert [[model for model, _ in task.outputs] for task in executor.tasks] == [["median"], ["gaussian", "median"]]
    assert (summary.count("already"), summary.count("done")) == (3, 3)
    assert len(statuses(tmp_path / "out")) == 6 and executor.stopped


def test_what_is_delivered_twice_counts_once(tmp_path: Path, tasks: list):
    heard = []
    answers = [(tasks[0], rows_of(tasks[0])), (tasks[0], rows_of(tasks[0], "already")), (tasks[1], rows_of(tasks[1]))]
    run_batch(tasks[:2], OPTIONS, tmp_path / "out", Fake(*answers), row=heard.append)
    assert len(heard) == 4 == len(statuses(tmp_path / "out"))


@pytest.mark.parametrize(
    ("error", "words"),
    [(InputError("So it is."), "So it is."), (KeyError("x"), "(KeyError)"), (Defect("IndexError"), "(IndexError)")],
)
def test_a_task_that_came_to_nothing_is_told(tmp_path: Path, tasks: list, error: Exception, words: str):
    run_batch(tasks[:1], OPTIONS, tmp_path / "out", Fake((tasks[0], error)))
    lines = read_log(tmp_path / "out/batch.csv")
    assert [line["status"] for line in lines] == ["failed"] * 2 and words in lines[0]["error"]


def test_progress_is_in_slices_of_everything_and_never_goes_back(tmp_path: Path, tasks: list):
    seen, whole = [], 3 * 2 * SHAPE[0]
    run_batch(tasks, OPTIONS, tmp_path / "out", Threads(OPTIONS), progress=lambda *event: seen.append(event))
    assert [done for done, _, _ in seen] == sorted({done for done, _, _ in seen}) and seen[-1][0] == whole
    assert {(total, stage) for _, total, stage in seen} == {(whole, "denoise")}

    def twice(tasks, progress, cancel):
        for number, done in ((1, 3), (1, 4), (1, 1), (2, 2), (1, 2)):  # a worker died, and another begins anew
            progress(number, done, 6, "denoise")
            cancel()
        return tasks[0], rows_of(tasks[0])

    seen.clear()
    run_batch(tasks[:2], OPTIONS, tmp_path / "out", Fake(twice), progress=lambda done, *_: seen.append(done))
    assert seen == [3, 4, 6, 8]


def test_progress_is_told_in_the_callers_thread(tmp_path: Path, tasks: list):
    threads = set()
    run_batch(
        tasks, OPTIONS, tmp_path / "out", Threads(OPTIONS), progress=lambda *_: threads.add(threading.get_ident())
    )
    assert threads == {threading.get_ident()}


def test_cancelled_it_ends_at_once_and_leaves_nothing_half_made(tmp_path: Path, tasks: list, monkeypatch):
    asked, begun, before = [], threading.Event(), time.monotonic()
    real = WARM._model

    def model(card):
        begun.set()
        for _ in range(2000):  # a long slice, which asks nobody
            time.sleep(0.01)
        return real(card)

    monkeypatch.setattr(WARM, "_model", model)
    with pytest.raises(Cancelled):
        run_batch(
            tasks, OPTIONS, tmp_path / "out", Threads(OPTIONS), cancel=lambda: begun.is_set() and not asked.append(1)
        )
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["batch.csv"]
    assert statuses(tmp_path / "out") == [] and not WARM._turn.locked() and time.monotonic() - before < 10
    monkeypatch.undo()
    assert run_batch(tasks, OPTIONS, tmp_path / "out", Threads(OPTIONS)).count("done") == 6


def test_ctrl_c_stops_the_executor(tmp_path: Path, tasks: list):
    def press(*_):
        raise KeyboardInterrupt

    executor = Fake((tasks[0], rows_of(tasks[0])), press)
    with pytest.raises(KeyboardInterrupt):
        run_batch(tasks, OPTIONS, tmp_path / "out", executor)
    assert executor.stopped and len(statuses(tmp_path / "out")) == 2


def test_a_log_that_cannot_be_written_stops_the_batch_with_a_sentence(tmp_path: Path, tasks: list, monkeypatch):
    def full(self, row):
        raise InputError("The disk is full.")

    executor = Threads(OPTIONS)
    with monkeypatch.context() as patch:
        patch.setattr(Log, "add", full)
        with pytest.raises(InputError, match="disk is full"):
            run_batch(tasks, OPTIONS, tmp_path / "out", executor)
    summary = run_batch(tasks, LATER, tmp_path / "out", Threads(LATER))
    assert summary.count("already") >= 2 and len(statuses(tmp_path / "out")) == 6


def test_models_are_loaded_once(tmp_path: Path, tasks: list, monkeypatch):
    import LDCTDenoiseLib.inference.run as inference

    loads = []
    load = inference.load_denoiser
    monkeypatch.setattr(inference, "load_denoiser", lambda card: (loads.append(card.id), load(card))[1])
    WARM._models.clear()
    run_batch(tasks, OPTIONS, tmp_path / "out", Threads(OPTIONS))
    assert sorted(loads) == ["gaussian", "median"]


@pytest.mark.parametrize("short, kept", [(True, 1), (False, 2)])
def test_where_memory_was_short_one_model_is_kept(tmp_path: Path, tasks: list, monkeypatch, short: bool, kept: int):
    from LDCTDenoiseLib.inference.run import WarmModel

    real = WarmModel.denoise

    def noticed(self, *args, **more):
        result = real(self, *args, **more)
        result.record["notices"].append("A sentence.")  # there are others than of short memory
        return replace(result, stepped_down=short)

    monkeypatch.setattr(WarmModel, "denoise", noticed)
    monkeypatch.setattr(WARM, "_one_at_a_time", False)
    rows = [row for task in tasks for row in work.do(task, OPTIONS)]
    assert len(WARM._models) == kept and rows[0]["notices"] == "A sentence."


def test_an_executor_that_stops_twice_is_no_trouble(tmp_path: Path, tasks: list):
    executor = Threads(OPTIONS)
    run_batch(tasks, replace(OPTIONS, names=True), tmp_path / "out", executor)
    executor.stop()
