"""A result as a DICOM series: what is written, which series it belongs to, and what is refused because it would lie."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
import vtk
from jobs_setup import Ends, ended
from LDCTDenoisePanel.logic import ConsoleLogic
from LDCTDenoisePanel.user_error import UserError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

UID = "1.2.3.4"


@pytest.fixture(scope="module")
def logic(host):
    """With the real worker, warm for all tests of this file."""
    made = ConsoleLogic()
    yield made
    made.shutdown()
    assert host.waitUntil(lambda: not made._theWorker().isStarted, 5)


@pytest.fixture
def load(scene, tmp_path):
    """Save a synthetic CT series, put it into the database and load it as Slicer does."""
    from dicom_factory import ct_series, save, stored_values
    from DICOMLib import DICOMUtils

    def load(pixels=None, **how):
        pixels = stored_values(5, 16, 20) if pixels is None else pixels
        folder = save(ct_series(pixels, **how), tmp_path / "Série")
        DICOMUtils.importDicom(str(folder))
        return slicer.util.getNode(DICOMUtils.loadSeriesByUID([how.get("SeriesInstanceUID", UID)])[0])

    return load


@pytest.fixture
def result(load, logic):
    return logic.denoise(load(), model="gaussian")


def read(folder):
    """The objects in the order of their positions."""
    import pydicom

    found = [pydicom.dcmread(file) for file in Path(folder).glob("*.dcm")]
    return sorted(found, key=lambda one: one.ImagePositionPatient[2])


def hu_of(folder):
    from LDCTDenoiseLib import read_volume

    return read_volume(folder).hu


def moved(x):
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, x)
    return matrix


def test_a_result_becomes_a_series_that_overlays_its_source(result, logic, tmp_path):
    folder = logic.exportDICOM(result, tmp_path / "out")
    assert folder == tmp_path / "out"
    before, after = read(tmp_path / "Série"), read(folder)
    assert len(after) == 5
    assert [one.ImagePositionPatient for one in after] == [one.ImagePositionPatient for one in before]
    assert {one.StudyInstanceUID for one in after} == {before[0].StudyInstanceUID}
    assert {one.SeriesInstanceUID for one in after}.isdisjoint({UID}) and after[0].PatientID == before[0].PatientID
    assert list(after[0].ImageType)[:2] == ["DERIVED", "SECONDARY"]
    assert "gaussian" in after[0].DerivationDescription
    assert np.abs(hu_of(folder) - slicer.util.arrayFromVolume(result)).max() <= 0.5


def test_a_strength_that_was_changed_later_is_what_is_written(result, logic, tmp_path):
    assert logic.setStrength(result, 0.25)
    folder = logic.exportDICOM(result, tmp_path / "out")
    assert np.abs(hu_of(folder) - slicer.util.arrayFromVolume(result)).max() <= 0.5
    assert "0.25" in read(folder)[0].DerivationDescription


def planes():
    """Slices that can be told apart: 0, 100, 200 … everywhere."""
    return np.arange(5, dtype=np.uint16)[:, None, None] * np.full((5, 16, 20), 100, np.uint16)


def by_place(folder):
    return {tuple(one.ImagePositionPatient): np.unique(one.pixel_array).tolist() for one in read(folder)}


@pytest.mark.parametrize(
    "how",
    [
        {"shift": (0, 0.3, 0)},
        {"heights": (0, 2, 4, 6, 11)},
        {"orientation": (1, 0, 0, 0, 0, -1)},
        {"RescaleSlope": "0.5"},
    ],
    ids=["tilted gantry", "uneven slices", "coronal", "fractions of HU"],
)
def test_whatever_slicer_makes_of_a_series_its_slices_find_their_headers(load, logic, tmp_path, how):
    result = logic.denoise(load(planes(), **how), model="median")
    assert by_place(logic.exportDICOM(result, tmp_path / "out")) == by_place(tmp_path / "Série")


def reverse(volume):
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    slicer.vtkMRMLVolumeNode.ReverseSliceOrder(volume.GetImageData(), matrix)
    volume.SetIJKToRASMatrix(matrix)


def test_slices_that_slicer_stores_the_other_way_round_find_their_headers(load, logic, tmp_path):
    volume = load(planes())
    reverse(volume)
    result = logic.denoise(volume, model="median")
    assert np.all(np.diff(slicer.util.arrayFromVolume(result)[:, 0, 0]) < 0)
    assert by_place(logic.exportDICOM(result, tmp_path / "out")) == by_place(tmp_path / "Série")


def test_a_single_slice_is_a_series_too(load, logic, tmp_path):
    result = logic.denoise(load(planes()[1:2]), model="median")
    assert by_place(logic.exportDICOM(result, tmp_path / "out")) == by_place(tmp_path / "Série")


def test_frames_of_an_enhanced_object_become_single_images(scene, logic, tmp_path):
    from dicom_factory import enhanced, save
    from DICOMLib import DICOMUtils

    DICOMUtils.importDicom(str(save([enhanced(planes(), [0, 2.5, 5, 7.5, 10], [1] * 5)], tmp_path / "in")))
    volume = slicer.util.getNode(DICOMUtils.loadSeriesByUID([UID])[0])
    assert " " not in volume.GetAttribute("DICOM.instanceUIDs")
    folder = logic.exportDICOM(logic.denoise(volume, model="median"), tmp_path / "out")
    assert by_place(folder) == {(1, 2, 2.5 * k): [100 * k] for k in range(5)}


def test_a_series_that_was_not_loaded_through_the_database_is_named_by_its_folder(load, logic, tmp_path):
    volume = load()
    volume.RemoveAttribute("DICOM.instanceUIDs")
    result = logic.denoise(volume, model="gaussian")
    with pytest.raises(UserError, match="not loaded through Slicer's DICOM database: name the folder"):
        logic.exportDICOM(result, tmp_path / "out")
    folder = logic.exportDICOM(result, tmp_path / "out", sourceFolder=tmp_path / "Série")
    assert len(read(folder)) == 5


def test_another_series_of_the_same_grid_is_no_source(load, logic, tmp_path):
    from dicom_factory import ct_series, save, stored_values

    result = logic.denoise(load(), model="gaussian")
    other = save(ct_series(stored_values(5, 16, 20, seed=9)), tmp_path / "other")
    with pytest.raises(UserError, match="voxels of the original are not those of its DICOM series"):
        logic.exportDICOM(result, tmp_path / "out", sourceFolder=other)
    assert not (tmp_path / "out").exists()


def change(volume, change):
    slicer.util.updateVolumeFromArray(volume, change(slicer.util.arrayFromVolume(volume).copy()))


def both(action):
    return lambda source, result: [action(volume) for volume in (source, result)]


REFUSED = {
    "an original that was changed": (lambda s, r: change(s, lambda hu: hu + 5), "voxels of the original"),
    "an original that was moved": (lambda s, r: s.SetSpacing(0.7, 0.8, 4), "same place"),
    "thicker slices": (both(lambda v: v.SetSpacing(0.7, 0.8, 4)), "does not lie where"),
    "another field of view": (both(lambda v: v.SetSpacing(0.7, 0.9, 2.5)), "does not lie where"),
    "another place": (both(lambda v: v.SetOrigin(0, 0, 0)), "does not lie where"),
    "a cropped volume": (both(lambda v: change(v, lambda hu: hu[1:])), "cropped, resampled"),
    "a cropped result": (lambda s, r: change(r, lambda hu: hu[1:]), "different sizes"),
    "no original": (lambda s, r: slicer.mrmlScene.RemoveNode(s), "no longer in the scene"),
    "no result of ours": (lambda s, r: r.RemoveAttribute("LDCTDenoise.record"), "not denoised by this module"),
    "files that are gone": (lambda s, r: s.SetAttribute("DICOM.instanceUIDs", "1.2 1.3"), "2 of the 2 DICOM files"),
    "unknown files": (lambda s, r: s.SetAttribute("DICOM.instanceUIDs", "Unknown 1.3"), "name the folder"),
    "a closed database": (lambda s, r: setattr(slicer.dicomDatabase, "open_", False), "database is not open"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_series_could_tell_the_truth_of_is_refused_in_one_sentence(result, logic, tmp_path, what):
    spoil, sentence = REFUSED[what]
    spoil(result.GetNodeReference("LDCTDenoise.source"), result)
    with pytest.raises(UserError, match=sentence):
        logic.exportDICOM(result, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def registered(dimensions):
    """What a registration gives: a field of vectors."""
    field = vtk.vtkImageData()
    field.SetDimensions(dimensions)
    field.AllocateScalars(vtk.VTK_DOUBLE, 3)
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(field)
    return transform


def test_a_transform_of_the_users_is_refused_and_that_of_slicer_is_not(load, logic, tmp_path):
    volume = load(heights=(0, 2, 4, 9, 14))
    result = logic.denoise(volume, model="gaussian")
    mending = result.GetParentTransformNode()
    assert mending.IsA("vtkMRMLGridTransformNode")
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(moved(5))
    result.SetAndObserveTransformNodeID(node.GetID())
    with pytest.raises(UserError, match="transform moves"):
        logic.exportDICOM(result, tmp_path / "out")
    result.SetAndObserveTransformNodeID(mending.GetID())
    mending.SetAndObserveTransformNodeID(node.GetID())
    with pytest.raises(UserError, match="transform moves"):
        logic.exportDICOM(result, tmp_path / "out")
    mending.SetAndObserveTransformNodeID(None)
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    other.SetAndObserveTransformToParent(registered((4, 4, 4)))
    result.SetAndObserveTransformNodeID(other.GetID())
    with pytest.raises(UserError, match="transform moves"):
        logic.exportDICOM(result, tmp_path / "out")
    result.SetAndObserveTransformNodeID(mending.GetID())
    assert logic.exportDICOM(result, tmp_path / "out").is_dir()


def test_the_new_series_can_be_put_into_the_database_and_loaded_back(result, logic, tmp_path):
    from DICOMLib import DICOMUtils

    job = logic.exportDICOM(result, tmp_path / "out", addToDatabase=True, waitForCompletion=False)
    folder = job.wait()
    assert job.record["images"] == 5 and Path(job.record["folder"]) == folder
    node = slicer.util.getNode(DICOMUtils.loadSeriesByUID([job.record["series"]])[0])
    assert np.abs(slicer.util.arrayFromVolume(node) - slicer.util.arrayFromVolume(result)).max() <= 0.5
    assert slicer.dicomDatabase.seriesForStudy("1.2.3") == (UID, job.record["series"])


def test_a_database_that_refuses_is_told_and_the_files_stay(result, logic, tmp_path):
    slicer.dicomDatabase.takes = False
    with pytest.raises(UserError, match="DICOM database did not take it"):
        logic.exportDICOM(result, tmp_path / "out", addToDatabase=True)
    assert len(read(tmp_path / "out")) == 5


def test_a_closed_database_is_told_before_anything_is_written(result, logic, tmp_path):
    slicer.dicomDatabase.open_ = False
    with pytest.raises(UserError, match="database is not open"):
        logic.exportDICOM(result, tmp_path / "out", addToDatabase=True, sourceFolder=tmp_path / "Série")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_a_series_is_replaced_only_on_request(result, logic, tmp_path):
    logic.exportDICOM(result, tmp_path / "out")
    with pytest.raises(UserError, match="holds files already"):
        logic.exportDICOM(result, tmp_path / "out")
    logic.exportDICOM(result, tmp_path / "out", overwrite=True)
    assert len(read(tmp_path / "out")) == 5


def test_private_tags_are_left_out_unless_wanted(load, logic, tmp_path):
    import pydicom

    volume = load()
    for file in (tmp_path / "Série").iterdir():
        dataset = pydicom.dcmread(file)
        dataset.private_block(0x0019, "MAKER 1.0", create=True).add_new(1, "LO", "secret sauce")
        dataset.save_as(file)
    result = logic.denoise(volume, model="gaussian")
    assert not [
        e for e in read(logic.exportDICOM(result, tmp_path / "out"))[0] if e.tag.is_private and e.tag.group == 0x19
    ]
    kept = read(logic.exportDICOM(result, tmp_path / "kept", private=True))[0]
    assert kept.private_block(0x0019, "MAKER 1.0")[1].value == "secret sauce"


def test_cancelling_leaves_nothing(host, result, logic, tmp_path):
    (tmp_path / "here").mkdir()
    job = logic.exportDICOM(result, tmp_path / "here" / "out", waitForCompletion=False)
    ends = Ends(job)
    assert host.waitUntil(lambda: any("Reading" in text or "Writing" in text for _f, text in ends.progress), 10)
    job.cancel()
    ended(host, job, 3)
    assert ends.name == "cancelled" and list((tmp_path / "here").iterdir()) == []


def test_what_a_killed_worker_leaves_goes_with_the_job(host, result, logic, tmp_path, monkeypatch):
    place = tmp_path / "here"
    place.mkdir()
    job = logic.exportDICOM(result, place / "out", waitForCompletion=False)
    ends = Ends(job)
    # the worker is killed outright, as after a grace that was too short for it
    assert host.waitUntil(lambda: list(place.glob(".ldct-*.part")) or not job.running, 20)
    logic._theWorker()._process._tree.endNow()
    ended(host, job, 10)
    assert ends.name in ("failed", "finished") and list(place.glob(".ldct-*.part")) == []
