"""A volume node for the library: what is refused, where its voxels lie, and their way to a file and back."""

import numpy as np
import pytest
import slicer
import vtk
from LDCTDenoisePanel import handover, volumes
from LDCTDenoisePanel.ticks import Ticks, sentenceOf
from LDCTDenoisePanel.user_error import UserError

voxels = slicer.util.arrayFromVolume


def run(steps):
    return list(steps)


def refused(volume):
    with pytest.raises(UserError) as caught:
        volumes.checkVolume(volume)
    text = str(caught.value)
    assert text.endswith(".") and ":" in text  # what is wrong: what to do
    return text


def test_what_is_no_ct_volume_is_refused_in_a_sentence(ct, scene):
    assert "No volume is chosen" in refused(None)
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    assert "Empty holds no image" in refused(empty)
    image = vtk.vtkImageData()
    image.SetDimensions(4, 4, 0)
    empty.SetAndObserveImageData(image)
    assert "holds no image" in refused(empty)
    image = vtk.vtkImageData()
    image.SetDimensions(4, 4, 4)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    empty.SetAndObserveImageData(image)
    assert "has 3 values" in refused(empty)
    colours = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Photo")
    colours.SetAndObserveImageData(image)
    assert "Photo is not a scalar volume" in refused(colours)
    assert "labels" in refused(scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels"))
    assert "Model is not a scalar volume" in refused(scene.AddNewNodeByClass("vtkMRMLModelNode", "Model"))
    image = vtk.vtkImageData()
    image.SetDimensions(8, 4, 4)
    image.AllocateScalars(vtk.VTK_BIT, 1)
    empty.SetAndObserveImageData(image)
    assert "no numbers" in refused(empty)
    flat = ct.volume("Flat")
    flat.SetSpacing(1, 1, 0)
    assert "no proper size" in refused(flat)


@pytest.mark.parametrize("kind", ["volume", "oblique", "flipped", "moved"])
def test_geometry_is_lps_and_gives_every_voxel_its_place_back(ct, kind):
    volume = getattr(ct, kind)()
    geometry = volumes.geometryOf(volume)
    direction = np.reshape(geometry.direction, (3, 3))
    assert np.allclose(direction.T @ direction, np.eye(3), atol=1e-9)
    for ijk in ((0, 0, 0), (1, 0, 0), (5, 3, 7)):
        lps = np.array(geometry.origin) + direction @ (np.array(geometry.spacing) * ijk)
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        ras = np.array(matrix.MultiplyPoint((*ijk, 1))[:3])
        assert np.abs(lps * (-1, -1, 1) - ras).max() < 1e-6


def test_a_left_handed_volume_keeps_its_hand(ct):
    geometry = volumes.geometryOf(ct.volume(flip=("k",)))
    assert np.linalg.det(np.reshape(geometry.direction, (3, 3))) < 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_slice_lies_where_it_lay_in_the_whole(ct, axis):
    volume = ct.oblique()
    matrix, whole = volumes.sliceToRAS(volume, axis, 3), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(whole)
    place = [0, 0, 0, 1]
    place[2 - axis] = 3
    assert np.allclose(matrix.MultiplyPoint((0, 0, 0, 1)), whole.MultiplyPoint(place), atol=1e-9)
    geometry = volumes.geometryOf(volume, axis, 3)
    assert np.allclose(np.array(geometry.origin) * (-1, -1, 1), whole.MultiplyPoint(place)[:3], atol=1e-6)


def test_the_acquisition_axis_is_the_one_along_the_body(ct):
    assert volumes.acquisitionAxis(ct.oblique()) == 0 and volumes.sliceCount(ct.oblique()) == 8
    sagittal = ct.volume("Sagittal", shape=(5, 6, 7))
    sagittal.SetIJKToRASDirections(0, 0, 1, 1, 0, 0, 0, 1, 0)  # columns run to the front, rows to the head
    assert volumes.acquisitionAxis(sagittal) == 1 and volumes.sliceCount(sagittal) == 6


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
def test_voxels_go_to_a_file_and_back_in_their_own_type(ct, tmp_path, dtype):
    array = (np.arange(3 * 4 * 5) - (0 if dtype.startswith("u") else 30)).reshape(3, 4, 5).astype(dtype)
    volume = ct.volume(array=array)
    held = volumes.Voxels(volume)
    fractions = run(handover.write(held, tmp_path / "Größe.npy"))
    assert fractions[-1] == 1 and len(fractions) == 3
    assert (np.load(tmp_path / "Größe.npy") == array).all() and np.load(tmp_path / "Größe.npy").dtype == dtype
    taken = handover.TakeOver(tmp_path / "Größe.npy", held)
    run(taken.steps())
    assert (handover.arrayOf(taken.image) == array).all() and handover.arrayOf(taken.image).dtype == dtype
    assert taken.image.GetScalarType() == volume.GetImageData().GetScalarType()


def test_a_single_slice_of_any_axis_goes_to_a_file(ct, tmp_path):
    volume = ct.volume(shape=(3, 4, 5))
    for axis, index in ((0, 2), (1, 0), (2, 4)):
        handover.writeSlice(volumes.Voxels(volume), tmp_path / "one.npy", axis, index)
        assert (np.load(tmp_path / "one.npy") == np.take(voxels(volume), [index], axis)).all()


def test_a_result_that_does_not_fit_is_refused(ct, tmp_path):
    held = volumes.Voxels(ct.volume(shape=(3, 4, 5)))
    for wrong in (np.zeros((2, 4, 5), np.int16), np.zeros((3, 4, 5), np.float32)):
        np.save(tmp_path / "wrong.npy", wrong)
        with pytest.raises(UserError, match="another size or type"):
            run(handover.TakeOver(tmp_path / "wrong.npy", held).steps())
    (tmp_path / "wrong.npy").write_bytes(b"no array")
    with pytest.raises(UserError, match="could not be read"):
        run(handover.TakeOver(tmp_path / "wrong.npy", held).steps())
    with pytest.raises(UserError, match="could not be read"):
        run(handover.TakeOver(tmp_path / "nothing.npy", held).steps())


def test_voxels_that_changed_are_not_given_out(ct):
    for change in (
        lambda volume: slicer.util.arrayFromVolumeModified(volume),
        lambda volume: slicer.util.updateVolumeFromArray(volume, np.zeros((2, 2, 2))),
        lambda volume: volume.SetAndObserveImageData(None),
        lambda volume: volume.GetImageData().AllocateScalars(vtk.VTK_SHORT, 1),
    ):
        volume = ct.volume()
        held = volumes.Voxels(volume)
        assert held.view().shape == held.shape
        change(volume)
        with pytest.raises(UserError, match="were changed meanwhile"):
            held.view()


@pytest.mark.parametrize("low", [-1024, -1025, -3024])
@pytest.mark.parametrize("count", [0, 1, 2, 99, 100, 101])
def test_the_plateau_is_found_by_the_librarys_rule(ct, low, count):
    from LDCTDenoiseLib.files.padding import plateau_value

    array = np.random.default_rng(count).integers(-1020, 500, (10, 100, 100)).astype(np.int16)
    array.reshape(-1)[np.random.default_rng(1).choice(array.size, count, replace=False)] = low
    plateau = handover.Plateau(volumes.Voxels(ct.volume(array=array)))
    run(plateau.steps())
    assert plateau.value == plateau_value(array)


def test_ticks_leave_time_for_others_and_tell_the_end_once(host):
    import time

    import qt

    def steps():
        for number in range(60):
            time.sleep(0.002)
            yield number / 60

    ends, others = [], []
    other = qt.QTimer()
    other.setInterval(0)
    other.connect("timeout()", lambda: others.append(time.perf_counter()))
    other.start()
    ticks = Ticks(steps(), lambda: ends.append("done"), ends.append)
    assert host.waitUntil(lambda: ends)
    other.stop()
    host.settle(2)
    assert ends == ["done"] and ticks is not None
    assert max(np.diff(others)) < 0.05


def test_ticks_that_are_stopped_close_their_files_and_say_nothing(host, tmp_path):
    closed, ends = [], []

    def steps():
        try:
            while True:
                yield 0.0
        finally:
            closed.append(True)

    ticks = Ticks(steps(), lambda: ends.append("done"), ends.append)
    host.settle(3)
    ticks.stop()
    host.settle(3)
    assert closed == [True] and ends == []


def test_a_full_disk_and_too_little_memory_are_told_in_sentences(host):
    assert "make room on the disk" in sentenceOf(OSError(28, "No space left on device"))
    assert "too little memory" in sentenceOf(MemoryError())
    assert sentenceOf(UserError("Do this.")) == "Do this."


def test_a_defect_is_told_and_written_to_the_log(host, caplog):
    assert "please report it (KeyError: 'x')" in sentenceOf(KeyError("x"))
    assert "a defect" in caplog.text
