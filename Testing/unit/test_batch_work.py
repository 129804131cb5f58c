"""One series of a batch: read once, recorded, written whole; what is done is not done again."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from batch_factory import (
    SHAPE,
    contents,
    dicom_folder,
    found,
    found_file,
    found_volume,
    quick,
    stored,
    tasks_of,
    tree_of,
)
from dicom_factory import PATIENT
from LDCTDenoiseLib import CTVolume, denoise, read_volume
from LDCTDenoiseLib.batch import work
from LDCTDenoiseLib.batch.memory import Memory, expected_memory
from LDCTDenoiseLib.batch.plan import plan, record_of
from LDCTDenoiseLib.batch.space import require_space
from LDCTDenoiseLib.batch.warm import WARM, Warm
from LDCTDenoiseLib.errors import Cancelled, InputError


def a_task(tmp_path: Path, options=None):
    tree_of(tmp_path / "in", 1)
    (task,) = tasks_of(tmp_path / "in", options or quick(), tmp_path / "out")
    return task


def only_row(task, options=None, **more) -> dict:
    (row,) = work.do(task, options or quick(), **more)
    return row


def test_a_series_becomes_an_output_a_record_and_a_row(tmp_path: Path):
    task = a_task(tmp_path)
    row = only_row(task)
    output = tmp_path / "out/study 1/series_gaussian.nrrd"
    assert sorted(contents(tmp_path / "out")) == ["study 1/series_gaussian.json", "study 1/series_gaussian.nrrd"]
    expected = denoise(read_volume(tmp_path / "in/study 1"), "gaussian").volume.hu
    np.testing.assert_array_equal(read_volume(output).hu, np.rint(expected))
    assert row["status"] == "done" and row["slices"] == 3 and row["noise_before"] > row["noise_after"] > 0
    assert (row["output"], row["record"]) == ("study 1/series_gaussian.nrrd", "study 1/series_gaussian.json")
    record = json.loads(record_of(output).read_text(encoding="utf-8"))
    assert record["model"] == "gaussian" and record["strength"] == 1 and record["task"]["settings"]["seed"] == 0


def test_all_methods_of_a_series_share_one_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import LDCTDenoiseLib.files as files

    reads = []
    read = files.read_series
    monkeypatch.setattr(files, "read_series", lambda paths, **more: (reads.append(paths), read(paths, **more))[1])
    options = quick(models=("gaussian", "median", "nlm"))
    rows = work.do(a_task(tmp_path, options), options)
    assert [row["status"] for row in rows] == ["done"] * 3 and len(reads) == 1


def test_what_is_done_is_not_done_again(tmp_path: Path):
    task = a_task(tmp_path)
    first, before = only_row(task), contents(tmp_path / "out")
    again = only_row(task, quick(run="another"))
    assert again == {**first, "status": "already"}
    assert contents(tmp_path / "out") == before


def test_copied_trees_are_known_by_their_contents(tmp_path: Path):
    only_row(a_task(tmp_path))
    for name in ("in", "out"):
        shutil.copytree(tmp_path / name, tmp_path / "moved" / name, copy_function=shutil.copyfile)
    (task,) = tasks_of(tmp_path / "moved/in", quick(), tmp_path / "moved/out")
    assert task.series.files[0].mtime_ns != found(tmp_path / "in/study 1", "x").files[0].mtime_ns
    assert only_row(task)["status"] == "already"


@pytest.mark.parametrize("gone", ["series_gaussian.nrrd", "series_gaussian.json"])
def test_half_of_a_pair_is_no_finished_work(tmp_path: Path, gone: str):
    task = a_task(tmp_path)
    only_row(task)
    (tmp_path / "out/study 1" / gone).unlink()
    row = only_row(task)
    if gone.endswith("nrrd"):  # killed between record and output
        assert row["status"] == "done"
    else:  # an output without a record is somebody else's
        assert row["status"] == "failed" and "not as a batch has left it" in row["error"]
        assert only_row(task, quick(overwrite=True))["status"] == "done"


def test_an_output_that_was_changed_is_not_replaced_unasked(tmp_path: Path):
    task = a_task(tmp_path)
    only_row(task)
    output = tmp_path / "out/study 1/series_gaussian.nrrd"
    data = bytearray(output.read_bytes())
    data[-9] ^= 1
    output.write_bytes(data)
    assert "not as a batch has left it" in only_row(task)["error"]
    assert output.read_bytes() == data
    assert only_row(task, quick(overwrite=True))["status"] == "done" and output.read_bytes() != data


def test_a_record_torn_by_a_power_cut_is_none(tmp_path: Path):
    task = a_task(tmp_path)
    record = record_of(task.outputs[0][1])
    record.parent.mkdir(parents=True)
    for torn in (b"", b"\0" * 100):
        record.write_bytes(torn)
        assert only_row(task)["status"] == "done"
        task.outputs[0][1].unlink()


def test_somebody_elses_file_in_the_place_of_the_record_stays(tmp_path: Path):
    task = a_task(tmp_path)
    record = record_of(task.outputs[0][1])
    record.parent.mkdir(parents=True)
    record.write_text('{"mine": 1}')
    row = only_row(task)
    assert row["status"] == "failed" and "no record of a batch" in row["error"]
    assert record.read_text() == '{"mine": 1}' and not task.outputs[0][1].exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strength": 0.5}, "strength 1.0 instead of 0.5"),
        ({"seed": 3, "strength": 0.5}, "seed 0 instead of 3 and strength 1.0 instead of 0.5"),
        ({"precision": "bfloat16"}, "precision auto instead of bfloat16"),
        ({"private": True}, "another choice about private tags"),
    ],
)
def test_other_settings_are_a_sentence(tmp_path: Path, changes: dict, words: str):
    task = a_task(tmp_path)
    only_row(task)
    row = only_row(task, quick(**changes))
    assert row["status"] == "failed" and words in row["error"] and "--overwrite" in row["error"]
    assert only_row(task, quick(overwrite=True, **changes))["status"] == "done"
    assert only_row(task, quick(**changes))["status"] == "already"


def test_a_changed_input_is_a_sentence(tmp_path: Path):
    task = a_task(tmp_path)
    only_row(task)
    dicom_folder(tmp_path / "in/study 1", 1, ImageComments="new")
    (task,) = tasks_of(tmp_path / "in", quick(), tmp_path / "out")
    assert "files that have changed since then" in only_row(task)["error"]
    assert only_row(task, quick(overwrite=True))["status"] == "done"
    assert only_row(task)["status"] == "already"


def test_asked_for_anew_it_is_done_once_in_a_run(tmp_path: Path):
    task = a_task(tmp_path)
    only_row(task)
    anew = quick(run="second", anew=True, overwrite=True)
    assert only_row(task, anew)["status"] == "done"
    record = record_of(task.outputs[0][1]).read_bytes()
    assert only_row(task, anew)["status"] == "done" and record_of(task.outputs[0][1]).read_bytes() == record  # twice


def test_one_who_was_quicker_with_the_same_work_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    task, other = a_task(tmp_path), []
    real = WARM.denoise

    def slow(*args, **more):
        if not other:
            other.append(0)
            monkeypatch.setattr(WARM, "denoise", real)
            other[0] = only_row(task, quick(run="on another machine"))
        return real(*args, **more)

    monkeypatch.setattr(WARM, "denoise", slow)
    row = only_row(task)
    assert other[0]["status"] == "done" and row["status"] == "already"
    assert only_row(task)["status"] == "already"
    assert json.loads(record_of(task.outputs[0][1]).read_text())["task"]["run"] == "on another machine"


def test_one_who_was_quicker_keeps_the_record_that_tells_of_its_output(tmp_path: Path, monkeypatch):
    import LDCTDenoiseLib.files as files

    task, write, others = a_task(tmp_path), files.write_volume, []

    def slow(*args, **more):
        if not others:
            others.append(None)
            others[0] = only_row(task, quick(run="on another machine"))
        return write(*args, **more)

    monkeypatch.setattr(files, "write_volume", slow)
    row = only_row(task)
    assert others[0]["status"] == "done" and row["status"] == "already"
    assert json.loads(record_of(task.outputs[0][1]).read_text())["task"]["run"] == "on another machine"


def test_an_output_of_the_same_name_but_another_series_is_in_the_way(tmp_path: Path):
    task = a_task(tmp_path)
    only_row(task)
    other = replace(task, series=replace(task.series, key="another"))
    assert "not as a batch has left it" in only_row(other)["error"]


def test_a_series_that_grows_is_left_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import LDCTDenoiseLib.files as files

    task = a_task(tmp_path)
    read = files.read_series

    def slowly(paths, **more):
        volume = read(paths, **more)
        path = paths[0]
        path.write_bytes(path.read_bytes() + b"\0\0")
        return volume

    monkeypatch.setattr(files, "read_series", slowly)
    row = only_row(task)
    assert row["status"] == "failed" and "chang" in row["error"] and not (tmp_path / "out").exists()
    assert only_row(task)["status"] == "failed"  # also before reading


def test_a_vanished_file_and_a_damaged_one_are_sentences_without_names(tmp_path: Path):
    folder = dicom_folder(tmp_path / "in" / PATIENT, 1)
    (task,), _ = plan([found(folder, f"{PATIENT}/series-1")], quick(), tmp_path / "out")
    (folder / "001.dcm").write_bytes((folder / "001.dcm").read_bytes()[:-100])
    (damaged,), _ = plan([found(folder, f"{PATIENT}/series-1")], quick(), tmp_path / "out")
    for one in (task, damaged):
        row = only_row(one)
        assert row["status"] == "failed" and row["error"].endswith(".") and "defect" not in row["error"]
        assert not any(part in json.dumps(row) for part in PATIENT.split("^"))
    assert PATIENT in only_row(task, quick(names=True))["series"]


def test_neither_record_nor_row_holds_a_name(tmp_path: Path):
    folder = dicom_folder(tmp_path / "in" / PATIENT, 1)
    (task,), _ = plan([found(folder, f"{PATIENT}/series-1")], quick(), tmp_path / "out")
    row = only_row(task)
    assert row["status"] == "done"
    text = record_of(task.outputs[0][1]).read_text(encoding="utf-8") + json.dumps(row)
    assert not any(part in text for part in PATIENT.split("^"))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="rights are told otherwise here")
def test_a_folder_closed_to_us_is_a_sentence_before_the_work(tmp_path: Path):
    task = a_task(tmp_path)
    (tmp_path / "out").mkdir(mode=0o500)
    assert "cannot be written to" in only_row(task)["error"]


def test_a_full_disk_is_noticed_before_and_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import errno

    task = a_task(tmp_path)
    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=1000))
    monkeypatch.setattr(WARM, "denoise", lambda *args, **more: pytest.fail("computed in vain"))
    row = only_row(task)
    assert "too little room" in row["error"] and "kB" in row["error"]
    monkeypatch.undo()
    flush = os.fsync

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    row = only_row(task)
    assert "disk is full" in row["error"] and ".part" not in row["error"]
    monkeypatch.setattr(os, "fsync", flush)
    assert not list((tmp_path / "out").rglob("*.nrrd"))
    assert only_row(task)["status"] == "done"


def test_room_is_asked_of_the_nearest_folder_that_exists(tmp_path: Path):
    require_space(tmp_path / "a" / "b", 1000, "it")
    with pytest.raises(InputError, match=r"it will need about 1\.0 PB|it will need about 1000 TB"):
        require_space(tmp_path / "a" / "b", 10**15, "it")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory")])
def test_too_little_memory_fails_this_series_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception):
    task = a_task(tmp_path)

    def greedy(*args, **more):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("LDCTDenoiseLib.inference.run.WarmModel.denoise", greedy)
        assert "too little memory" in only_row(task)["error"]
    assert not WARM._models  # whatever they hold
    assert only_row(task)["status"] == "done"


def test_a_defect_says_its_kind_and_nothing_of_the_patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*args, **more):
        raise KeyError(PATIENT)

    task = a_task(tmp_path)
    monkeypatch.setattr("LDCTDenoiseLib.inference.run.WarmModel.denoise", broken)
    assert only_row(task)["error"] == "This is a defect of the program, please report it (KeyError)."


def test_a_method_that_fails_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    options = quick(models=("gaussian", "median"))
    task = a_task(tmp_path, options)
    (tmp_path / "out/study 1").mkdir(parents=True)
    (tmp_path / "out/study 1/series_gaussian.nrrd").write_text("mine")
    assert [row["status"] for row in work.do(task, options)] == ["failed", "done"]


def test_cancelled_nothing_is_left(tmp_path: Path):
    task, asked = a_task(tmp_path), []
    for patience in range(40):
        asked.clear()
        try:
            work.do(task, quick(), cancel=lambda: asked.append(1) or len(asked) > patience)  # noqa: B023
        except Cancelled:
            assert not (tmp_path / "out").exists()
        else:
            assert patience > 3
            return
    raise AssertionError("never asked in vain")


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
    assert expected_memory(series) == 20 * np.prod(SHAPE)
    assert expected_memory(replace(series, slices=0)) == 8 * sum(file.size for file in series.files)


def test_a_volume_file_keeps_its_kind(tmp_path: Path):
    volume = CTVolume(stored(1).astype(np.float32) - 1024)
    for ending in (".nii.gz", ".mha", ".nrrd", ".mhd"):
        series = found_volume(tmp_path / f"x{ending}", volume)
        options = quick(format="same")
        (task,), _ = plan([series], options, tmp_path / "out")
        row = only_row(task, options)
        assert row["status"] == "done" and row["output"] == f"x_gaussian{ending.replace('.mhd', '.mha')}"
        shutil.rmtree(tmp_path / "out")


def test_a_series_that_cannot_be_read_is_read_once_and_does_not_wait_for_itself(tmp_path: Path, monkeypatch):
    import LDCTDenoiseLib.files as files

    options, reads = quick(models=("gaussian", "median", "nlm")), []
    task = a_task(tmp_path, options)

    def damaged(paths, **more):
        reads.append(paths)
        raise InputError("This series is damaged.")

    monkeypatch.setattr(files, "read_series", damaged)
    monkeypatch.setattr(work, "MEMORY", Memory(total=2 * expected_memory(task.series)))  # room for one of them
    asked: list[int] = []
    rows = work.do(task, options, cancel=lambda: asked.append(1) or len(asked) > 20)
    assert [row["error"] for row in rows] == ["This series is damaged."] * 3 and len(reads) == 1


def test_an_interruption_at_the_very_end_of_a_series_leaves_the_turn_to_the_next():
    class Ended:
        """A guard at which the interruption arrives."""

        def __enter__(self):
            raise Cancelled

        def __exit__(self, *_):
            pass

    warm, result = Warm(), SimpleNamespace(record={"notices": []})
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


def test_progress_counts_all_methods_and_never_goes_back(tmp_path: Path):
    options, seen = quick(models=("gaussian", "median")), []
    work.do(a_task(tmp_path, options), options, progress=lambda *event: seen.append(event))
    computed = [done for done, total, stage in seen if stage == "denoise" and total == 2 * SHAPE[0]]
    assert computed == sorted(computed) and computed[-1] == 2 * SHAPE[0]
    assert {stage for _, _, stage in seen} == {"read", "denoise", "write"}


def test_a_size_that_only_reading_tells_is_no_obstacle(tmp_path: Path):
    task = a_task(tmp_path)
    task = replace(task, series=replace(task.series, slices=0, rows=0, columns=0))
    assert only_row(task)["slices"] == SHAPE[0]


def test_a_dicom_series_becomes_a_dicom_series(tmp_path: Path):
    options = quick(format="same")
    task = a_task(tmp_path, options)
    assert only_row(task, options)["status"] == "done"
    assert task.outputs[0][1].is_dir() and record_of(task.outputs[0][1]).name == "series_gaussian.json"
    assert read_volume(task.outputs[0][1]).shape == SHAPE
    assert only_row(task, replace(options, run="1"))["status"] == "already"
    assert only_row(task, replace(options, run="2", anew=True, overwrite=True))["status"] == "done"
    slices = sorted(task.outputs[0][1].iterdir())
    slices[0].unlink()
    assert "not as a batch has left it" in only_row(task, options)["error"]


def test_a_pixel_that_was_changed_in_a_dicom_output_is_seen(tmp_path: Path):
    options = quick(format="same")
    task = a_task(tmp_path, options)
    only_row(task, options)
    image = min(task.outputs[0][1].iterdir())
    whole = image.read_bytes()
    image.write_bytes(whole)  # the same, at another time
    assert only_row(task, options)["status"] == "done"
    image.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "not as a batch has left it" in only_row(task, options)["error"]


def test_found_files_are_what_they_were(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"123")
    assert found_file(tmp_path / "x").size == 3
