"""Strength without the network: exact, at once, and refused where the residual would not be right."""

import json
import time

import numpy as np
import pytest
import slicer
from LDCTDenoisePanel.mixing import Residual, addScaled, addScaledToAll, mix, newBuffers
from LDCTDenoisePanel.remix import Residuals, recordedStrength

voxels = slicer.util.arrayFromVolume
RNG = np.random.default_rng(5)


@pytest.fixture
def residuals(scene):
    made = Residuals()
    yield made
    made._sceneClosed(None, None)


def pair(ct, before, after, residuals=None, strength=1.0):
    """(source, output) as a finished job leaves them; with residuals also the residual is kept."""
    source = ct.volume("CT", array=before)
    output = ct.volume("CT denoised", array=after.copy())
    output.SetNodeReferenceID("LDCTDenoise.source", source.GetID())
    output.SetAttribute("LDCTDenoise.strength", f"{strength:g}")
    output.SetAttribute("LDCTDenoise.record", json.dumps({"model": "x", "strength": strength}))
    if residuals is not None:
        import zlib

        residual = Residual(before.shape, before.dtype)
        for k in range(len(before)):
            residual.keep(k, before[k], after[k])
        residual.sourceChecksum = zlib.crc32(before)
        residuals.keep(output, source, residual)
    return source, output


def integers(shape=(6, 20, 24), low=-1000, high=2000):
    before = RNG.integers(low, high, shape).astype(np.int16)
    return before, (before + RNG.integers(-300, 300, shape)).astype(np.int16)


@pytest.mark.parametrize("strength", [0, 0.25, 0.5, 0.8, 1])
def test_a_mix_lies_between_the_two_rounded_to_whole_hu(ct, residuals, strength):
    before, after = integers()
    source, output = pair(ct, before, after, residuals)
    assert residuals.setStrength(output, strength)
    exact = before + strength * (after.astype(float) - before)
    assert np.abs(voxels(output) - exact).max() <= 0.5
    assert (voxels(source) == before).all()
    assert recordedStrength(output) == strength
    assert json.loads(output.GetAttribute("LDCTDenoise.record")) == {"model": "x", "strength": strength}


def test_full_strength_is_exact_however_often_it_was_changed(ct, residuals):
    before, after = integers()
    _source, output = pair(ct, before, after, residuals)
    for strength in (0.3, 0, 0.77, 1):
        assert residuals.setStrength(output, strength)
    assert (voxels(output) == after).all()
    residuals.setStrength(output, 0)
    assert (voxels(output) == before).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_mixed_without_rounding(ct, residuals, dtype):
    before = RNG.normal(0, 500, (3, 10, 12)).astype(dtype)
    after = (before * 0.9).astype(dtype)
    _source, output = pair(ct, before, after, residuals)
    assert residuals.setStrength(output, 0.5)
    assert np.abs(voxels(output) - (before + after) / 2).max() < 1e-3
    assert voxels(output).dtype == dtype


def test_a_residual_that_int16_cannot_hold_is_kept_as_float():
    before = np.array([[[0, 100]], [[-30000, 1]]], np.int16)
    after = np.array([[[5, 90]], [[30000, 1]]], np.int16)
    residual = Residual(before.shape, before.dtype)
    residual.keep(0, before[0], after[0])
    assert residual.values.dtype == np.int16
    residual.keep(1, before[1], after[1])
    assert residual.values.dtype == np.float32
    assert residual.values.tolist() == [[[5, -10]], [[60000, 0]]]


def test_unsigned_voxels_do_not_wrap_around():
    before, after, out = (
        np.array([[5, 60000]], np.uint16),
        np.array([[1, 65535]], np.uint16),
        np.zeros((1, 2), np.uint16),
    )
    residual = Residual((1, 1, 2), np.dtype(np.uint16))
    residual.keep(0, before, after)
    assert residual.values.tolist() == [[[-4, 5535]]]
    mix(before, after, 0.5, out, newBuffers((1, 2)))
    assert out.tolist() == [[3, 62768]]
    addScaled(before, residual.values[0], 1, out, newBuffers((1, 2)))
    assert out.tolist() == after.tolist()


def test_all_slices_at_once_are_as_one_after_the_other():
    before, after = integers((7, 9, 11))
    residual, out, one = (after - before).astype(np.int16), np.zeros_like(before), np.zeros_like(before)
    addScaledToAll(before, residual, 0.37, out)
    for k in range(len(before)):
        mix(before[k], after[k], 0.37, one[k], newBuffers((9, 11)))
    assert np.array_equal(out, one) and np.abs(one - (before + 0.37 * residual)).max() <= 0.501


def test_a_failure_in_one_of_the_threads_is_told():
    before, _after = integers((5, 4, 4))
    with pytest.raises(ValueError):
        addScaledToAll(before, np.zeros((5, 3, 3), np.int16), 0.5, np.zeros_like(before))


def test_one_change_is_one_event(ct, residuals):
    import vtk

    before, after = integers()
    _source, output = pair(ct, before, after, residuals)
    events = []
    tag = output.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *args: events.append(args))
    assert residuals.setStrength(output, 0.5)
    assert len(events) == 1
    assert residuals.setStrength(output, 0.5)
    assert len(events) == 1  # nothing changed
    output.RemoveObserver(tag)


def test_an_original_that_was_changed_is_noticed(ct, residuals):
    before, after = integers()
    source, output = pair(ct, before, after, residuals)
    voxels(source)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(source)
    assert not residuals.setStrength(output, 0.5)
    assert (voxels(output) == after).all() and recordedStrength(output) == 1


def test_an_original_of_another_size_is_noticed(ct, residuals):
    source, output = pair(ct, *integers(), residuals)
    slicer.util.updateVolumeFromArray(source, np.zeros((2, 3, 4), np.int16))
    assert not residuals.setStrength(output, 0.5)
    source.SetAndObserveImageData(None)
    assert not residuals.setStrength(output, 0.5)


def test_an_original_that_only_says_that_it_changed_does_no_harm(ct, residuals):
    before, after = integers()
    source, output = pair(ct, before, after, residuals)
    slicer.util.arrayFromVolumeModified(source)
    assert residuals.setStrength(output, 0)
    assert (voxels(output) == before).all()


def test_an_output_that_somebody_edited_is_not_overwritten(ct, residuals):
    _source, output = pair(ct, *integers(), residuals)
    voxels(output)[:] = 7
    slicer.util.arrayFromVolumeModified(output)
    assert not residuals.setStrength(output, 0.5)
    assert (voxels(output) == 7).all()


def test_without_the_original_there_is_nothing_to_mix(ct, residuals):
    source, output = pair(ct, *integers(), residuals)
    slicer.mrmlScene.RemoveNode(source)
    assert not residuals.setStrength(output, 0.5)


def test_after_loading_a_scene_the_residual_is_made_from_the_nodes(ct, residuals):
    before, after = integers()
    _source, output = pair(ct, before, after)
    assert residuals.setStrength(output, 0.25) and len(residuals) == 1
    assert residuals.setStrength(output, 1)
    assert (voxels(output) == after).all()


def test_a_scene_saved_at_another_strength_does_not_tell_the_residual(ct, residuals):
    _source, output = pair(ct, *integers(), strength=0.5)
    assert not residuals.setStrength(output, 1) and len(residuals) == 0


def test_an_original_of_another_content_than_recorded_is_noticed_after_loading(ct, residuals):
    _source, output = pair(ct, *integers())
    output.SetAttribute("LDCTDenoise.record", json.dumps({"source_crc32": 1}))
    assert not residuals.setStrength(output, 0.5)


def test_strengths_that_make_no_sense_and_volumes_that_are_no_results_are_refused(ct, residuals):
    _source, output = pair(ct, *integers(), residuals)
    for strength in (-0.1, 1.1, float("nan")):
        assert not residuals.setStrength(output, strength)
    assert not residuals.setStrength(None, 0.5)
    assert not residuals.setStrength(ct.volume("Other"), 0.5)


def test_residuals_die_with_their_nodes_and_observers_with_the_last(ct, residuals):
    _one, first = pair(ct, *integers(), residuals)
    _two, second = pair(ct, *integers(), residuals)
    slicer.mrmlScene.RemoveNode(first)
    assert len(residuals) == 1 and residuals._observed
    slicer.mrmlScene.RemoveNode(second)
    assert len(residuals) == 0 and not residuals._observed
    pair(ct, *integers(), residuals)
    slicer.mrmlScene.Clear(0)
    assert len(residuals) == 0 and not residuals._observed


def test_a_volume_of_100_slices_is_mixed_in_less_than_200_ms(ct, residuals):
    before = RNG.integers(-1000, 2000, (100, 512, 512), dtype=np.int16)
    _source, output = pair(ct, before, before + np.int16(7), residuals)
    times = []
    for strength in (0.3, 0.6, 0.9):
        begun = time.perf_counter()
        assert residuals.setStrength(output, strength)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.2
