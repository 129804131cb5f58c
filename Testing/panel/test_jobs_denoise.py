"""Denoising one volume: preview first, progress, one end, and nothing left behind."""

# ruff: noqa: F811  (fixtures are imported by their name)

import json
import os

import numpy as np
import pytest
import slicer
from jobs_setup import Ends, ended, isAlive, logic, nodeIDs, temporary, worker  # noqa: F401
from LDCTDenoisePanel.user_error import UserError

voxels = slicer.util.arrayFromVolume


def start(logic, volume, model="add10", **options):
    job = logic.denoise(volume, model, waitForCompletion=False, **options)
    return job, Ends(job)


def test_waiting_gives_the_output_node(ct, logic, temporary):
    volume = ct.volume()
    output = logic.denoise(volume, "add10", seed=3)
    assert (voxels(output) == voxels(volume) + 10).all()
    assert voxels(output).dtype == np.int16
    assert output.GetName() == "CT add10"
    assert output.GetNodeReference("LDCTDenoise.source") is volume
    assert not list(temporary.glob(".ldct-*.part"))


def test_signals_come_after_the_call_and_end_with_one_finished(host, ct, logic, temporary):
    job, ends = start(logic, ct.volume())
    assert job.running and ends.progress == [] and ends.name is None
    ended(host, job)
    assert ends.how == [("finished", job.result)]
    assert job.result.GetScene() is not None and job.error is None
    assert job.record["model"] == "add10"
    assert not list(temporary.glob(".ldct-*.part"))


def test_progress_grows_and_says_how_long_it_takes(host, ct, logic):
    job, ends = start(logic, ct.volume())
    ended(host, job)
    fractions = [fraction for fraction, _text in ends.progress if fraction is not None]
    assert fractions == sorted(fractions) and fractions[-1] <= 1
    texts = [text for _fraction, text in ends.progress]
    assert any(text == "Denoising slice 4 of 8, about less than 1 s left" for text in texts), texts


def test_the_visible_slice_is_there_before_the_rest(host, ct, logic):
    volume = ct.oblique()
    job, ends = start(logic, volume, "slow", previewSlice=5)
    assert host.waitUntil(lambda: ends.previews)
    assert job.running
    preview = ends.previews[0]
    assert (voxels(preview) == voxels(volume)[5:6] + 10).all()
    assert preview.GetHideFromEditors() and not preview.GetSaveWithScene()
    ended(host, job)
    assert ends.name == "finished" and preview.GetScene() is None
    assert job.result.GetName() == "CT slow" or job.result.GetName().endswith("slow")


def test_the_preview_asks_for_a_part_of_the_whole_volume(host, ct, logic, temporary):
    array = np.full((6, 20, 20), -3024, np.int16)
    array[:, 5:15, 5:15] = 40
    job, _ends = start(logic, ct.volume(array=array), "forever", previewSlice=4)
    assert host.waitUntil(lambda: list(temporary.glob(".ldct-*.part/asked-*.json")))
    asked = json.loads(next(temporary.glob(".ldct-*.part/asked-*.json")).read_text())
    assert (asked["first_slice"], asked["total_slices"], asked["padding"]) == (4, 6, -3024)
    assert "strength" not in asked
    job.cancel()
    ended(host, job)


def test_the_strength_is_mixed_here_and_recorded(ct, logic):
    volume = ct.volume()
    output = logic.denoise(volume, "add10", strength=0.5)
    assert (voxels(output) == voxels(volume) + 5).all()
    assert output.GetAttribute("LDCTDenoise.strength") == "0.5"
    assert json.loads(output.GetAttribute("LDCTDenoise.record"))["strength"] == 0.5
    assert logic.setStrength(output, 1.0)
    assert (voxels(output) == voxels(volume) + 10).all()


def test_notices_of_the_worker_reach_the_user_once(host, ct, logic):
    job, ends = start(logic, ct.volume(), "notice", previewSlice=0)
    ended(host, job)
    assert ends.notices == ["Less memory is used now."] and ends.name == "finished"


@pytest.mark.parametrize("model", ["error", "crash", "wrong"])
def test_a_failure_is_one_sentence_and_leaves_nothing(host, ct, logic, temporary, model):
    volume = ct.volume()
    before = nodeIDs()
    job, ends = start(logic, volume, model, previewSlice=0)
    ended(host, job)
    assert ends.name == "failed" and ends.how[0][1] == job.error
    assert job.error.endswith(".") or "log" in job.error
    assert nodeIDs() == before and not list(temporary.glob(".ldct-*.part"))
    assert logic.denoise(volume, "add10") is not None  # the worker is usable again


def test_cancelling_takes_less_than_two_seconds_and_leaves_nothing(host, ct, logic, temporary):
    import time

    volume = ct.volume()
    before = nodeIDs()
    job, ends = start(logic, volume, "children")
    assert host.waitUntil(lambda: (temporary / "grandchild.pid").is_file())
    assert host.waitUntil(lambda: any(text.startswith("Denoising") for _f, text in ends.progress))
    pid = int((temporary / "grandchild.pid").read_text())
    begun = time.monotonic()
    job.cancel()
    assert host.waitUntil(lambda: not job.running, 2)
    assert time.monotonic() - begun < 2
    assert not isAlive(pid)
    assert ends.how == [("cancelled", None)] and nodeIDs() == before
    assert not list(temporary.glob(".ldct-*.part"))
    with pytest.raises(UserError, match="cancelled"):
        job.wait()


def test_a_job_can_be_cancelled_before_it_does_anything(host, ct, logic):
    job, ends = start(logic, ct.volume())
    job.cancel()
    job.cancel()
    host.settle(3)
    assert ends.how == [("cancelled", None)] and not logic._worker.isStarted


def test_cancelling_while_voxels_are_written_leaves_the_worker_alone(host, ct, logic, temporary, monkeypatch):
    from LDCTDenoisePanel import ticks

    monkeypatch.setattr(ticks, "BUDGET", 0)  # one slice a turn
    job, ends = start(logic, ct.volume())
    job.progressed.connect(lambda fraction, text: job.cancel())
    ended(host, job)
    assert ends.how == [("cancelled", None)] and len(ends.progress) == 1
    host.settle(20)
    assert not logic._worker.isStarted  # nothing went on in secret
    assert not list(temporary.glob(".ldct-*.part"))


def test_the_first_reason_to_end_is_the_one_that_is_told(host, ct, logic):
    volume = ct.volume()
    job, ends = start(logic, volume, "deaf")
    assert host.waitUntil(lambda: any(text.startswith("Denoising") for _f, text in ends.progress))
    job.cancel()
    slicer.mrmlScene.RemoveNode(volume)
    ended(host, job, 3)
    assert ends.name == "cancelled"
    job.cancel()
    host.settle(3)
    assert ends.name == "cancelled"


def test_cancelling_after_the_end_changes_nothing(host, ct, logic):
    job, ends = start(logic, ct.volume())
    ended(host, job)
    job.cancel()
    host.settle(3)
    assert ends.name == "finished" and job.error is None and job.wait() is job.result


def test_one_job_waits_for_another(host, ct, logic):
    volume = ct.volume()
    first, firstEnds = start(logic, volume, "slow")
    second, secondEnds = start(logic, volume)
    ended(host, second)
    ended(host, first)
    assert firstEnds.name == secondEnds.name == "finished"
    assert first.result is not second.result


def test_wrong_choices_are_told_in_a_sentence(ct, logic, scene):
    volume = ct.volume()
    for options, words in (
        ({"strength": 1.5}, "strength must lie between 0 and 1"),
        ({"previewSlice": 8, "waitForCompletion": True}, "slices 0 to 7"),
        ({"outputVolume": volume}, "cannot take the result"),
    ):
        with pytest.raises(UserError, match=words):
            logic.denoise(volume, "add10", **options)
    with pytest.raises(UserError, match="No volume is chosen"):
        logic.denoise(None, "add10")


def test_a_slot_that_raises_does_not_stop_the_job(host, ct, logic):
    job, ends = start(logic, ct.volume())
    job.progressed.connect(lambda *event: 1 / 0)
    job.finished.connect(lambda result: 1 / 0)
    ended(host, job)
    assert ends.name == "finished"


def test_the_end_of_the_application_ends_a_job_and_its_files(host, ct, logic, temporary):
    _job, ends = start(logic, ct.volume(), "forever")
    assert host.waitUntil(lambda: any(text.startswith("Denoising") for _f, text in ends.progress))
    host.app.aboutToQuit.emit()
    assert ends.name == "cancelled" and not list(temporary.glob(".ldct-*.part"))
    host.settle(2)
    assert not logic._worker.isStarted


def test_previews_of_two_methods_are_two_nodes_unless_one_is_given(ct, logic):
    volume = ct.flipped()
    one, two = logic.previewSlice(volume, 2, "add10"), logic.previewSlice(volume, 3, "add10")
    assert one is not two and one.GetScene() is two.GetScene() is not None
    same = logic.previewSlice(volume, 4, "add10", outputVolume=one)
    assert same is one and (voxels(one) == voxels(volume)[4:5] + 10).all()


def test_no_process_of_a_cancelled_job_is_left(host, ct, logic):
    job, ends = start(logic, ct.volume(), "deaf")
    assert host.waitUntil(lambda: any(text.startswith("Denoising") for _f, text in ends.progress))
    pid = logic._worker._process._process.processId()
    job.cancel()
    ended(host, job, 3)
    assert not isAlive(pid) and os.getpid() != pid
