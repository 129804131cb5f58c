"""A folder of volumes, file to file: what is found, what is written, what is told, and what a cancellation leaves."""

import sys
from pathlib import Path

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


def test_every_volume_below_the_folder_is_denoised_and_failures_are_listed(host, write, tmp_path):
    source, target = tmp_path / "Größe", tmp_path / "Größe" / "out"
    write(source / "one.nrrd")
    write(source / "a" / "b" / "two.nii.gz", seed=1)
    (source / "a" / "broken.mha").write_bytes(b"ObjectType = Image")
    (source / "notes.txt").write_text("nothing")
    write(target / "a" / "earlier_gaussian.nrrd")
    job = ConsoleLogic().denoiseFolder(source, target, ["gaussian", "median"], waitForCompletion=False)
    ends = Ends(job)
    ended(host, job, 60)
    assert ends.name == "finished"
    good = {
        (one["model"], Path(one["output"]).relative_to(target).as_posix()) for one in job.result if not one["error"]
    }
    assert good == {
        ("gaussian", "one_gaussian.nrrd"),
        ("median", "one_median.nrrd"),
        ("gaussian", "a/b/two_gaussian.nrrd"),
        ("median", "a/b/two_median.nrrd"),
    }
    bad = [one for one in job.result if one["error"]]
    assert [Path(one["input"]).name for one in bad] == ["broken.mha"] * 2
    assert len(ends.notices) == 2 and "a/broken" in ends.notices[0]
    from LDCTDenoiseLib import read_volume

    before, after = read_volume(source / "one.nrrd").hu, read_volume(target / "one_gaussian.nrrd").hu
    assert after.std() < before.std()
    fractions = [fraction for fraction, _text in ends.progress if fraction is not None]
    assert fractions == sorted(fractions)
    assert host.waitUntil(lambda: not job._worker.isStarted, 5)


def test_series_are_found_wherever_they_lie_and_outputs_are_kept(host, tmp_path):
    from dicom_factory import ct_series, save, stored_values

    save(ct_series(stored_values()), tmp_path / "in" / "study" / "s1")
    logic = ConsoleLogic()
    result = logic.denoiseFolder(tmp_path / "in", tmp_path / "out", ["gaussian"])
    assert [one["error"] for one in result] == [None]
    output = Path(result[0]["output"])
    assert output.is_file() and output.parent == tmp_path / "out" / "study" / "s1"
    written = output.stat().st_mtime_ns
    again = logic.denoiseFolder(tmp_path / "in", tmp_path / "out", ["gaussian"])
    assert "exists already" in again[0]["error"] and output.stat().st_mtime_ns == written
    once_more = logic.denoiseFolder(tmp_path / "in", tmp_path / "out", ["gaussian"], overwrite=True)
    assert once_more[0]["error"] is None and output.stat().st_mtime_ns > written


def test_folders_that_cannot_be_are_refused(host, tmp_path):
    logic = ConsoleLogic()
    with pytest.raises(UserError, match="does not exist"):
        logic.denoiseFolder(tmp_path / "nowhere", tmp_path / "out", ["gaussian"])
    with pytest.raises(UserError, match="same folder"):
        logic.denoiseFolder(tmp_path, tmp_path / "." / "", ["gaussian"])
    with pytest.raises(UserError, match="no CT volume"):
        logic.denoiseFolder(tmp_path, tmp_path / "out", ["gaussian"])
    with pytest.raises(UserError, match="No methods"):
        logic.denoiseFolder(tmp_path, tmp_path / "out", [])


def test_cancelling_leaves_complete_files_and_nothing_else(host, scene, write, tmp_path):
    write(tmp_path / "in" / "a.nrrd")
    write(tmp_path / "in" / "b.nrrd", shape=(400, 96, 96))
    job = ConsoleLogic().denoiseFolder(tmp_path / "in", tmp_path / "out", ["nlm"], waitForCompletion=False)
    ends = Ends(job)
    slicer.mrmlScene.Clear(0)  # nothing of the scene is needed
    assert host.waitUntil(lambda: any("b: Denoising" in text for _f, text in ends.progress), 60)
    pid = job._worker._process._process.processId()
    job.cancel()
    ended(host, job, 3)
    assert ends.name == "cancelled" and not isAlive(pid)
    assert sorted(path.name for path in (tmp_path / "out").rglob("*")) == ["a_nlm.nrrd"]


def test_what_an_ended_process_was_writing_is_removed_and_nothing_else(tmp_path):
    from LDCTDenoisePanel.denoise_job import Choice
    from LDCTDenoisePanel.folder_job import FolderJob

    job = FolderJob(tmp_path / "in", tmp_path, ["nlm"], Choice())
    job._current = tmp_path / "a_nlm.nrrd"
    for folder, file in ((".ldct-1.part", "a_nlm.nrrd"), (".ldct-2.part", "other.nrrd"), ("mine", "a_nlm.nrrd")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text("half")
    job._removeHalfWritten()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".ldct-2.part", "mine"]
