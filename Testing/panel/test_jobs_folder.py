"""A folder of volumes, file to file, by the command `batch`: what is written, told and left by a cancellation."""

import os
import subprocess
import sys
from pathlib import Path

import LDCTDenoiseLib
import numpy as np
import pytest
import slicer
from jobs_setup import Ends, ended, isAlive
from LDCTDenoisePanel.logic import ConsoleLogic
from LDCTDenoisePanel.user_error import UserError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))


@pytest.fixture
def write():
    """Write a small CT file."""
    from LDCTDenoiseLib import CTVolume, write_volume

    def write(path, shape=(3, 24, 24), seed=0):
        hu = np.random.default_rng(seed).normal(-200, 200, shape).astype(np.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_volume(CTVolume(hu, (1.0, 1.0, 2.0)), path)
        return hu

    return write


def outputs(folder):
    """All that lies in and below a folder, hidden or not."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def pidOf(job):
    """Of the process that a running batch has."""
    (part,) = job._active
    return part._process._process.processId()


def test_every_volume_below_the_folder_is_denoised_and_failures_are_listed(host, write, tmp_path):
    source, target = tmp_path / "Größe", tmp_path / "Größe" / "out"
    write(source / "one.nrrd")
    write(source / "a" / "b" / "two.nii.gz", seed=1)
    write(source / "a" / "broken.nrrd")
    (source / "a" / "broken.nrrd").write_bytes((source / "a" / "broken.nrrd").read_bytes()[:-3000])
    (source / "notes.txt").write_text("nothing")
    job = ConsoleLogic().denoiseFolder(source, target, ["gaussian", "median"], waitForCompletion=False)
    ends, found, rows = Ends(job), [], []
    job.found.connect(found.append)
    job.rowAdded.connect(rows.append)
    ended(host, job, 60)
    assert ends.name == "finished" and rows == job.result
    good = {
        (one["model"], Path(one["output"]).relative_to(target).as_posix()) for one in job.result if not one["error"]
    }
    assert good == {
        ("gaussian", "one_gaussian.nrrd"),
        ("median", "one_median.nrrd"),
        ("gaussian", "a/b/two_gaussian.nii.gz"),
        ("median", "a/b/two_median.nii.gz"),
    }
    bad = [one for one in job.result if one["error"]]
    assert [Path(one["input"]).name for one in bad] == ["broken.nrrd"] * 2
    assert len(ends.notices) == 2 and "a/broken" in ends.notices[0]
    assert len(found) == 1 and len(found[0]["series"]) == 3
    from LDCTDenoiseLib import read_volume

    before, after = read_volume(source / "one.nrrd").hu, read_volume(target / "one_gaussian.nrrd").hu
    assert after.std() < before.std()
    fractions = [fraction for fraction, text in ends.progress if text.startswith("Denoising")]
    assert fractions == sorted(fractions)
    assert (target / "batch.csv").is_file() and (target / "one_gaussian.json").is_file()


def test_series_become_series_and_a_batch_is_gone_on_with_only_when_wanted(host, tmp_path):
    from dicom_factory import ct_series, save, stored_values

    save(ct_series(stored_values(5, 24, 24)), tmp_path / "in" / "study" / "s1")
    logic = ConsoleLogic()
    result = logic.denoiseFolder(tmp_path / "in", tmp_path / "out", ["gaussian"])
    assert [(one["error"], one["status"]) for one in result] == [(None, "done")]
    output = Path(result[0]["output"])
    assert len(list(output.glob("*.dcm"))) == 5 and output.parent == tmp_path / "out" / "study" / "s1"
    written = output.stat().st_mtime_ns
    with pytest.raises(UserError, match="holds a batch already: go on with it"):
        logic.denoiseFolder(tmp_path / "in", tmp_path / "out", ["gaussian"])
    again = logic.denoiseFolder(tmp_path / "in", tmp_path / "out", ["gaussian"], resume=True)
    assert [one["status"] for one in again] == ["already"] and output.stat().st_mtime_ns == written
    once_more = logic.denoiseFolder(tmp_path / "in", tmp_path / "out", ["gaussian"], overwrite=True)
    assert [one["status"] for one in once_more] == ["done"] and output.stat().st_mtime_ns > written


def test_other_formats_are_written_on_request(host, tmp_path):
    from dicom_factory import ct_series, save, stored_values

    save(ct_series(stored_values(5, 24, 24)), tmp_path / "in")
    result = ConsoleLogic().denoiseFolder(tmp_path / "in", tmp_path / "out", ["gaussian"], format="nrrd", strength=0.5)
    assert Path(result[0]["output"]).name == "series-2_gaussian.nrrd" and Path(result[0]["output"]).is_file()


def test_a_look_tells_what_would_be_done_and_writes_nothing(host, write, tmp_path):
    from dicom_factory import ct_series, save, stored_values

    write(tmp_path / "in" / "one.nrrd")
    series = ct_series(stored_values(5, 24, 24))
    save([*series[:2], *series[3:]], tmp_path / "in" / "gap")
    found = ConsoleLogic().findSeries(tmp_path / "in", tmp_path / "out", ["gaussian"])
    assert [one["name"] for one in found["series"]] == ["one"]
    assert [one["files"] for one in found["left"] if "missing" in one["why"]] == [4]
    assert not (tmp_path / "out").exists()
    assert ConsoleLogic().findSeries(tmp_path / "in")["series"][0]["name"] == "one"
    twice = ConsoleLogic().findSeries(
        tmp_path / "in", models=["gaussian", "median", "gaussian"], waitForCompletion=False
    )
    twice.cancel()
    assert twice.batch.models == ("gaussian", "median")


def test_folders_and_choices_that_cannot_be_are_refused(host, tmp_path):
    logic = ConsoleLogic()
    with pytest.raises(UserError, match="does not exist"):
        logic.denoiseFolder(tmp_path / "nowhere", tmp_path / "out", ["gaussian"])
    with pytest.raises(UserError, match="same folder"):
        logic.denoiseFolder(tmp_path, tmp_path / "." / "", ["gaussian"])
    with pytest.raises(UserError, match="No CT series below"):
        logic.denoiseFolder(tmp_path, tmp_path / "out", ["gaussian"])
    with pytest.raises(UserError, match="No methods"):
        logic.denoiseFolder(tmp_path, tmp_path / "out", [])
    with pytest.raises(UserError, match="no format jpg"):
        logic.denoiseFolder(tmp_path, tmp_path / "out", ["gaussian"], format="jpg")
    with pytest.raises(UserError, match="strength"):
        logic.denoiseFolder(tmp_path, tmp_path / "out", ["gaussian"], strength=2)
    with pytest.raises(UserError, match="nothing-like-this"):
        logic.denoiseFolder(tmp_path, tmp_path / "out", ["nothing-like-this"])


@pytest.fixture
def running(host, scene, write, tmp_path):
    """(job, its Ends): one volume is done, a large one is being computed."""
    write(tmp_path / "in" / "a.nrrd")
    write(tmp_path / "in" / "b.nrrd", shape=(300, 128, 128))
    job = ConsoleLogic().denoiseFolder(tmp_path / "in", tmp_path / "out", ["nlm"], waitForCompletion=False)
    ends, rows = Ends(job), []
    job.rowAdded.connect(rows.append)
    assert host.waitUntil(lambda: bool(rows) or not job.running, 60) and job.running
    return job, ends


COMPLETE = ["a_nlm.json", "a_nlm.nrrd", "batch.csv"]


def test_cancelling_leaves_complete_files_and_nothing_else(host, running, tmp_path):
    job, ends = running
    pid = pidOf(job)
    assert os.getpgid(pid) == pid, "what it starts ends with it"
    job.cancel()
    ended(host, job, 3)
    assert ends.name == "cancelled" and not isAlive(pid)
    assert outputs(tmp_path / "out") == COMPLETE


def test_closing_the_scene_is_nothing_to_a_batch(host, running):
    job, _ends = running
    slicer.mrmlScene.Clear(0)
    assert not host.waitUntil(lambda: not job.running, 0.7)
    job.cancel()
    ended(host, job, 3)


def test_a_run_that_is_cancelled_before_it_can_answer_was_cancelled(host, tmp_path):
    from LDCTDenoisePanel.batch_job import CommandRun

    run, how = CommandRun([str(tmp_path), str(tmp_path / "out")]), []
    for name in ("done", "failed", "cancelled"):
        getattr(run, name).connect(lambda *what, name=name: how.append(name))
    run.start()
    run.cancel()
    assert host.waitUntil(lambda: how, 5) and how == ["cancelled"]


def test_the_end_of_slicer_ends_the_batch_tidily(host, running, tmp_path):
    job, ends = running
    pid = pidOf(job)
    host.app.aboutToQuit.emit()
    assert not isAlive(pid)
    ended(host, job, 3)
    assert ends.name == "cancelled" and outputs(tmp_path / "out") == COMPLETE


def test_a_batch_whose_slicer_has_crashed_ends_by_itself(host, running, tmp_path):
    job, _ends = running
    (part,) = job._active
    pid = pidOf(job)
    part._process._process.closeWriteChannel()  # what the system does when Slicer is gone
    assert host.waitUntil(lambda: not isAlive(pid), 5)
    ended(host, job, 3)
    assert outputs(tmp_path / "out") == COMPLETE


def test_a_batch_that_is_killed_says_so_and_is_gone_on_with(host, running, write, tmp_path):
    job, ends = running
    os.kill(pidOf(job), 9)
    ended(host, job, 3)
    assert ends.name == "failed" and "ended unexpectedly" in job.error
    (tmp_path / "in" / "b.nrrd").unlink()
    write(tmp_path / "in" / "b.nrrd")
    rows = ConsoleLogic().denoiseFolder(tmp_path / "in", tmp_path / "out", ["nlm"], resume=True)
    assert sorted((one["series"], one["status"]) for one in rows) == [("a", "already"), ("b", "done")]
    assert outputs(tmp_path / "out") == sorted([*COMPLETE, "b_nlm.json", "b_nlm.nrrd"])


@pytest.mark.skipif(os.name != "posix", reason="niceness")
def test_a_batch_stands_behind_slicer():
    code = "import os, LDCTDenoiseLib.cli as cli, LDCTDenoisePanel.batch_process as batch\n"
    code += "cli.main = lambda arguments: os.write(2, str(os.getpriority(os.PRIO_PROCESS, 0)).encode()) * 0\n"
    code += "batch._endWith = lambda requests: None\n"  # nobody speaks to it
    code += "batch.main([])"
    environment = {**os.environ, "PYTHONPATH": str(Path(LDCTDenoiseLib.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, capture_output=True)
    assert int(done.stderr) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
