"""What users do while a job runs: close the scene, delete or change nodes. No exception, no node, no file is left."""

# ruff: noqa: F811  (fixtures are imported by their name)

import numpy as np
import pytest
import qt
import slicer
from jobs_setup import Ends, ended, logic, nodeIDs, temporary, worker  # noqa: F401
from LDCTDenoisePanel.user_error import UserError

voxels = slicer.util.arrayFromVolume


class Observers:
    """What watches have observed in this test."""

    def __init__(self):
        self.made = []

    def left(self):
        return [(watched, tag) for watched, tag in self.made if watched.GetCommand(tag) is not None]


@pytest.fixture
def observers(monkeypatch):
    from LDCTDenoisePanel.watch import Watch

    seen, observe = Observers(), Watch._observe

    def spied(self, *args):
        observe(self, *args)
        seen.made.append(self._observed[-1])

    monkeypatch.setattr(Watch, "_observe", spied)
    return seen


def remove_input(volume, output):
    slicer.mrmlScene.RemoveNode(volume)


def replace_voxels(volume, output):
    slicer.util.updateVolumeFromArray(volume, np.zeros((3, 4, 5), np.float32))


def edit_voxels(volume, output):
    voxels(volume)[:] = 0
    slicer.util.arrayFromVolumeModified(volume)


def drop_voxels(volume, output):
    volume.SetAndObserveImageData(None)


def remove_output(volume, output):
    slicer.mrmlScene.RemoveNode(output)


def close_scene(volume, output):
    slicer.mrmlScene.Clear(0)


ACCIDENTS = [remove_input, replace_voxels, edit_voxels, drop_voxels, remove_output, close_scene]
MOMENTS = ["writing", "computing", "preview", "reading"]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("accident", ACCIDENTS)
def test_an_accident_ends_the_job_and_leaves_nothing(
    host, ct, logic, temporary, monkeypatch, observers, accident, moment
):
    from LDCTDenoisePanel import handover, ticks

    monkeypatch.setattr(ticks, "BUDGET", 0)  # one slice a turn
    volume = ct.volume(shape=(8, 40, 40))
    output = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Output")
    before, happened = nodeIDs(), []

    def happen():
        if not happened:
            happened.append(job.running)
            accident(volume, output)
            happened.append(job.running)  # its end is not told in the middle of the scene's own event

    def soon():
        qt.QTimer.singleShot(0, happen)

    def disturbed(steps):
        def spied(*args):
            for number, fraction in enumerate(steps(*args)):
                if number == 2:
                    soon()
                yield fraction

        return spied

    if moment == "writing":
        monkeypatch.setattr(handover, "write", disturbed(handover.write))
    elif moment == "reading":
        monkeypatch.setattr(handover.TakeOver, "steps", disturbed(handover.TakeOver.steps))
    model = "forever" if moment == "computing" else "add10"
    preview = 3 if moment == "preview" else None
    job = logic.denoise(volume, model, waitForCompletion=False, outputVolume=output, previewSlice=preview)
    ends = Ends(job)
    if moment == "preview":
        job.previewed.connect(lambda node: soon())
    elif moment == "computing":
        job.progressed.connect(lambda fraction, text: soon() if text.startswith("Denoising") else None)
    ended(host, job)

    assert happened == [True, True]
    assert ends.name == ("cancelled" if accident is close_scene else "failed")
    assert job.error and job.error.endswith(".")
    assert nodeIDs() - before == set()
    assert observers.made and observers.left() == [] and not list(temporary.glob(".ldct-*.part"))
    if output.GetScene() is not None:
        assert output.GetImageData() is None
    monkeypatch.undo()
    following = ct.volume("Next", shape=(2, 40, 40))
    assert (voxels(logic.denoise(following, "add10")) == voxels(following) + 10).all()  # the worker is usable


def test_a_sentence_names_what_was_lost(host, ct, logic):
    for accident, words in ((remove_input, "CT was removed"), (edit_voxels, "voxels of CT were changed")):
        job = logic.denoise(volume := ct.volume(), "forever", waitForCompletion=False)
        ends = Ends(job)
        assert host.waitUntil(lambda ends=ends: ends.progress)
        accident(volume, None)
        with pytest.raises(UserError, match=words):
            job.wait()
        slicer.mrmlScene.Clear(0)


def test_the_observers_of_a_good_run_are_gone(host, ct, logic, observers):
    logic.denoise(ct.volume(), "add10")
    assert len(observers.made) == 4 and observers.left() == []


def test_harmless_changes_do_not_stop_a_job(host, ct, logic):
    volume, other = ct.volume(), ct.volume("Other")
    job = logic.denoise(volume, "slow", waitForCompletion=False)
    ends = Ends(job)
    assert host.waitUntil(lambda: ends.progress)
    volume.SetName("Renamed")
    volume.GetDisplayNode().SetWindowLevel(1500, -600)
    volume.SetAttribute("some", "thing")
    slicer.mrmlScene.RemoveNode(other)
    slicer.util.setSliceViewerLayers(background=volume)
    ended(host, job)
    assert ends.name == "finished"
    assert job.result.GetName() == "Renamed slow"
    assert job.result.GetDisplayNode().GetWindow() == 1500


def test_the_result_lies_where_the_input_lies_at_the_end(host, ct, logic):
    volume = ct.volume()
    job = logic.denoise(volume, "slow", waitForCompletion=False)
    ends = Ends(job)
    assert host.waitUntil(lambda: ends.progress)
    volume.SetOrigin(1, 2, 3)
    ended(host, job)
    assert job.result.GetOrigin() == (1, 2, 3)


def test_a_scene_that_is_loaded_beside_does_not_stop_a_job(host, ct, logic, tmp_path):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", "Note")
    path = str(tmp_path / "scene.mrml")
    slicer.mrmlScene.SetURL(path)
    slicer.mrmlScene.Commit()
    slicer.mrmlScene.RemoveNode(node)
    job = logic.denoise(ct.volume(), "slow", waitForCompletion=False)
    ends = Ends(job)
    assert host.waitUntil(lambda: ends.progress)
    slicer.mrmlScene.SetURL(path)
    slicer.mrmlScene.Import()
    ended(host, job)
    assert ends.name == "finished"


def test_a_job_without_nodes_goes_on_when_the_scene_is_closed(host, scene, logic):
    job = logic.state()
    ends = Ends(job)
    slicer.mrmlScene.Clear(0)
    ended(host, job)
    assert ends.name == "finished"
