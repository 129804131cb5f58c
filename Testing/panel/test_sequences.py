"""Volume sequences: every frame denoised, into a new sequence that moves with the old one; all or nothing."""

# ruff: noqa: F811  (fixtures are imported by their name)

import json

import numpy as np
import pytest
import slicer
from jobs_setup import Ends, ended, logic, nodeIDs, temporary, worker  # noqa: F401
from LDCTDenoisePanel.sequences import browsersOf, isSequence, proxyOf, sequenceOf
from LDCTDenoisePanel.user_error import UserError

voxels = slicer.util.arrayFromVolume


def frames(sequence):
    return [voxels(sequence.GetNthDataNode(i)) for i in range(sequence.GetNumberOfDataNodes())]


def test_every_frame_is_denoised_into_a_new_sequence(ct, logic, temporary):
    sequence, _browser, _proxy = ct.sequence(angles=(15, 0, 0))
    sequence.SetIndexUnit("beats")
    output = logic.denoise(sequence, "add10", strength=0.5, seed=7)
    assert isSequence(output) and output is not sequence and output.GetName() == "4D CT add10"
    for before, after in zip(frames(sequence), frames(output), strict=True):
        assert (after == before + 5).all() and after.dtype == before.dtype
    values = [[one.GetNthIndexValue(i) for i in range(3)] for one in (sequence, output)]
    assert values[0] == values[1] == ["0", "1", "2"]
    assert (output.GetIndexName(), output.GetIndexUnit()) == ("time", "beats")
    assert np.allclose(output.GetNthDataNode(1).GetOrigin(), sequence.GetNthDataNode(1).GetOrigin())
    assert output.GetNodeReference("LDCTDenoise.source") is sequence
    record = json.loads(output.GetAttribute("LDCTDenoise.record"))
    assert record["frames"] == 3 and record["strength"] == 0.5 and record["seconds"] == 1.5
    assert not list(temporary.glob(".ldct-*.part"))


def test_the_new_sequence_moves_with_the_old_one(host, ct, logic):
    sequence, browser, proxy = ct.sequence()
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    folder = tree.CreateFolderItem(tree.GetSceneItemID(), "Study")
    tree.SetItemParent(tree.GetItemByDataNode(proxy), folder)
    proxy.GetDisplayNode().AutoWindowLevelOff()
    proxy.GetDisplayNode().SetWindowLevel(300, 50)
    output = logic.denoise(sequence, "add10")
    shown = proxyOf(output)
    assert browsersOf(output) == [browser] and shown is not None and shown is not proxy
    assert tree.GetItemParent(tree.GetItemByDataNode(shown)) == folder
    assert (shown.GetDisplayNode().GetWindow(), shown.GetDisplayNode().GetLevel()) == (300, 50)
    assert shown.GetNodeReference("LDCTDenoise.source") is proxy
    for item in (2, 0, 1):
        browser.SetSelectedItemNumber(item)
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        assert (voxels(shown) == voxels(proxy) + 10).all()
        assert (voxels(shown) == frames(output)[item]).all()
        assert shown.GetAttribute("LDCTDenoise.model") == "add10"


def test_a_volume_that_shows_a_sequence_stands_for_the_sequence(ct, logic):
    sequence, _browser, proxy = ct.sequence()
    assert sequenceOf(proxy) is sequence and sequenceOf(ct.volume()) is None and sequenceOf(None) is None
    assert isSequence(logic.denoise(proxy, "add10"))


def test_one_frame_alone_can_be_denoised(ct, logic):
    _sequence, _browser, proxy = ct.sequence()
    output = logic.denoise(proxy, "add10", wholeSequence=False)
    assert output.IsA("vtkMRMLScalarVolumeNode") and (voxels(output) == voxels(proxy) + 10).all()


def test_a_sequence_without_a_browser_is_no_problem(ct, logic, scene):
    sequence, browser, _proxy = ct.sequence()
    scene.RemoveNode(browser)
    output = logic.denoise(sequence, "add10")
    assert proxyOf(output) is None and len(frames(output)) == 3


def test_progress_runs_over_all_frames(host, ct, logic):
    job = logic.denoise(ct.sequence()[0], "add10", waitForCompletion=False)
    ends = Ends(job)
    ended(host, job)
    fractions = [fraction for fraction, _text in ends.progress]
    assert fractions == sorted(fractions) and fractions[0] < 0.1 and 0.9 < fractions[-1] <= 1
    assert any(text.startswith("Frame 2 of 3: Denoising slice") for _f, text in ends.progress)


@pytest.mark.parametrize("accident", ["cancel", "remove", "close", "frame"])
def test_a_run_that_is_stopped_leaves_nothing(host, ct, logic, temporary, accident):
    sequence, _browser, _proxy = ct.sequence()
    before = nodeIDs()
    job = logic.denoise(sequence, "slow", waitForCompletion=False)
    ends = Ends(job)
    assert host.waitUntil(lambda: any(text.startswith("Frame 2") for _f, text in ends.progress))
    if accident == "cancel":
        job.cancel()
    elif accident == "remove":
        slicer.mrmlScene.RemoveNode(sequence)
    elif accident == "close":
        slicer.mrmlScene.Clear(0)
    else:
        sequence.RemoveDataNodeAtValue("2")
    ended(host, job)
    assert ends.name == ("cancelled" if accident in ("cancel", "close") else "failed")
    assert nodeIDs() - before == set() and not list(temporary.glob(".ldct-*.part"))


def test_a_frame_that_cannot_be_denoised_is_told(ct, logic, scene):
    sequence, _browser, _proxy = ct.sequence()
    with pytest.raises(UserError, match="weights are not here"):
        logic.denoise(sequence, "error")
    with pytest.raises(UserError, match="has no frames"):
        logic.denoise(scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Empty"), "add10")


def test_scrolling_through_the_frames_does_not_stop_a_run(host, ct, logic):
    sequence, browser, _proxy = ct.sequence()
    job = logic.denoise(sequence, "slow", waitForCompletion=False)
    ends = Ends(job)
    for item in (1, 2, 0, 1):
        assert host.waitUntil(lambda: ends.progress)
        browser.SetSelectedItemNumber(item)
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        host.settle(2)
    ended(host, job)
    assert ends.name == "finished"
    assert all((after == before + 10).all() for before, after in zip(frames(sequence), frames(job.result), strict=True))


def test_frames_keep_the_strength_of_their_run(ct, logic):
    """Mixed anew the shown frame would be another than the one in the sequence, to which it returns."""
    sequence, _browser, _proxy = ct.sequence()
    shown = proxyOf(logic.denoise(sequence, "add10"))
    before = slicer.util.arrayFromVolume(shown).copy()
    assert not logic.setStrength(shown, 0.5)
    assert np.array_equal(slicer.util.arrayFromVolume(shown), before)
