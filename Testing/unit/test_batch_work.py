"""One series of a batch: read once, recorded, written whole; what is done is not done again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from batch_factory import (
    SHAPE,
    a_task,
    contents,
    dicom_folder,
    found,
    found_file,
    found_volume,
    only_row,
    quick,
    stored,
    tasks_of,
)
from LDCTDenoiseLib import CTVolume, denoise, read_volume
from LDCTDenoiseLib.batch import work
from LDCTDenoiseLib.batch.plan import plan, record_of
from LDCTDenoiseLib.batch.warm import WARM


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
    given = read_volume(tmp_path / "in/study 1")
    for model, output in a_task(tmp_path, options).outputs:
        np.testing.assert_array_equal(read_volume(output).hu, np.rint(denoise(given, model).volume.hu))


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


def test_a_volume_file_keeps_its_kind(tmp_path: Path):
    volume = CTVolume(stored(1).astype(np.float32) - 1024)
    for ending in (".nii.gz", ".mha", ".nrrd", ".mhd"):
        series = found_volume(tmp_path / f"x{ending}", volume)
        options = quick(format="same")
        (task,), _ = plan([series], options, tmp_path / "out")
        row = only_row(task, options)
        assert row["status"] == "done" and row["output"] == f"x_gaussian{ending.replace('.mhd', '.mha')}"
        shutil.rmtree(tmp_path / "out")


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
