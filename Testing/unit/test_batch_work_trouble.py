"""One series of a batch that goes wrong: a sentence in its row, nothing half written, and the rest goes on."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from batch_factory import (
    a_task,
    dicom_folder,
    found,
    only_row,
    quick,
)
from dicom_factory import PATIENT
from LDCTDenoiseLib.batch import work
from LDCTDenoiseLib.batch.memory import Memory, expected_memory
from LDCTDenoiseLib.batch.plan import plan, record_of
from LDCTDenoiseLib.batch.space import require_space
from LDCTDenoiseLib.batch.warm import WARM
from LDCTDenoiseLib.errors import Cancelled, InputError


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


def test_what_is_noticed_names_nobody_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    task = a_task(tmp_path)
    task = replace(task, series=replace(task.series, secrets=("Mustermann",)))
    real, said = WARM.denoise, []

    def denoised(volume, card, settings, *, notice, **more):
        notice("Mustermann_1.dcm is odd.")
        result = real(volume, card, settings, notice=notice, **more)
        result.record["notices"] = ["Mustermann_1.dcm is odd."]
        return result

    monkeypatch.setattr(WARM, "denoise", denoised)
    row = only_row(task, notice=said.append)
    record = record_of(task.outputs[0][1]).read_text(encoding="utf-8")
    for text in (row["notices"], record, *said):
        assert "Mustermann" not in text and "is odd" in text


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
