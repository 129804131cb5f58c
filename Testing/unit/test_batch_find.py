"""A tree of files is searched once: the CT series in it, and what is left and why."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import dicom_factory as factory
import numpy as np
import pytest
from find_factory import another, found, images, names, only, put, reasons, sizes
from LDCTDenoiseLib import CTVolume, read_volume, write_volume
from LDCTDenoiseLib.batch.find import find_series
from LDCTDenoiseLib.errors import Cancelled, InputError

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def test_a_series_is_found_with_its_facts(tmp_path):
    put(images(Manufacturer="GE MEDICAL SYSTEMS", SeriesNumber=7), tmp_path / "a" / "b")
    series = only(found(tmp_path))
    assert (series.name, series.kind, series.slices, series.rows, series.columns) == (
        "a/b/series-7",
        "dicom",
        4,
        12,
        10,
    )
    assert series.facts == {
        "Manufacturer": "GE MEDICAL SYSTEMS", "ConvolutionKernel": "Br40f", "SliceThickness": "2.5", "KVP": "120"
    }  # fmt: skip
    assert set(series.secrets) == {"Mustermann", "Erika", "4711"}
    assert "Mustermann" not in repr(series)
    assert [file.size for file in series.files] == [file.path.stat().st_size for file in series.files]


def test_one_series_may_lie_in_several_folders(tmp_path):
    slices = images(6)
    put(slices[:2], tmp_path / "cd" / "00")
    put(slices[2:], tmp_path / "cd" / "01")
    series = only(found(tmp_path))
    assert (series.name, series.slices) == ("cd/series-2", 6)
    assert len({file.path.parent for file in series.files}) == 2


def test_one_folder_may_hold_several_series(tmp_path):
    put(images(), tmp_path)
    put(another(10), tmp_path, 100)
    put(another(3), tmp_path, 200)
    assert names(found(tmp_path)) == ["series-2", "series-3", "series-10"]


def test_copies_count_once_and_are_told(tmp_path):
    put(images(), tmp_path / "b")
    shutil.copytree(tmp_path / "b", tmp_path / "a")
    finding = found(tmp_path)
    assert only(finding).name == "a/series-2"
    assert "b/series-2: 4: These are copies" in reasons(finding)


def test_a_copy_makes_an_incomplete_folder_whole(tmp_path):
    put(images(6), tmp_path / "b")
    shutil.copytree(tmp_path / "b", tmp_path / "a")
    (tmp_path / "a" / "002.dcm").unlink()
    assert only(found(tmp_path)).slices == 6


def test_a_damaged_copy_of_a_good_image_is_not_missed(tmp_path):
    put(images(), tmp_path / "b")
    shutil.copytree(tmp_path / "b", tmp_path / "a")
    whole = (tmp_path / "a" / "001.dcm").read_bytes()
    (tmp_path / "a" / "001.dcm").write_bytes(whole[:-50])
    finding = found(tmp_path)
    assert only(finding).slices == 4
    assert "a/series-2: 1: These are copies" in reasons(finding)


def test_other_pixels_under_the_same_uids_are_not_taken_for_a_copy(tmp_path):
    slices = images()
    put(slices, tmp_path / "noisy")
    for one in slices:
        one.PixelData, one.InstanceNumber = bytes(len(one.PixelData)), 5 - one.InstanceNumber
    put(slices, tmp_path / "clean")
    assert sorted(name.split("/")[0] for name in names(found(tmp_path))) == ["clean", "noisy"]


def test_patients_and_studies_are_never_mixed(tmp_path):
    slices = images(8)
    for one in slices[4:]:
        one.PatientID = "4712"
    put(slices, tmp_path)
    assert sizes(found(tmp_path)) == [4, 4]
    for one in slices:
        one.PatientID, one.StudyInstanceUID = "4711", "1.2.9" if one.InstanceNumber > 4 else "1.2.3"
    put(slices, tmp_path)
    assert sizes(found(tmp_path)) == [4, 4]


def test_localizers_in_a_ct_series_are_split_off(tmp_path):
    scout = images(1, rows=30, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    put(images(), tmp_path)
    put(scout, tmp_path, 50)
    finding = found(tmp_path)
    assert only(finding).slices == 4
    assert "series-2: 1: 050.dcm is a localizer" in reasons(finding)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"Modality": "MR"}, "modality MR"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"RescaleSlope": None}, "rescale slope"),
        ({"heights": [0, 2.5, 5, 12.5]}, "missing"),
        ({"ImagePositionPatient": None}, "position"),
    ],
)
def test_what_is_no_ct_volume_is_left_with_the_readers_own_sentence(tmp_path, tags, words):
    put(images(**tags), tmp_path / "a")
    put(another(), tmp_path / "b")
    finding = found(tmp_path)
    assert names(finding) == ["b/series-3"]
    assert "a/series-2: 4:" in reasons(finding) and words in reasons(finding)


@pytest.mark.parametrize(
    "tags",
    [
        {"ImageType": ["DERIVED", "PRIMARY", "PERFUSION", "RCBF"]},
        {"ImageType": ["DERIVED", "PRIMARY", "PERFUSION"]},
        {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "CT_SOM5 PERF", "CBF"]},
        {"ImageType": ["DERIVED", "SECONDARY", "TTP"]},
        {"RescaleType": "MGML"},
        {"RescaleType": "Z_EFF"},
        {"RescaleType": "PCT"},
        {"PhotometricInterpretation": "PALETTE COLOR"},
    ],
)
def test_maps_are_left_and_the_images_beside_them_are_not(tmp_path, tags):
    put(images(), tmp_path)
    put(images(3, **tags), tmp_path, 50)
    finding = found(tmp_path)
    assert only(finding).slices == 4
    assert "series-2: 3: 050.dcm is a colour" in reasons(finding)


@pytest.mark.parametrize(
    "tags",
    [
        {"ImageType": ["DERIVED", "SECONDARY", "MIP"]},
        {"ImageType": ["DERIVED", "PRIMARY", "AXIAL", "MONO_ENERGY"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "PERFUSION", "NONE"]},
        {"RescaleType": None},
        {"RescaleType": "US"},
        {"RescaleType": "HU_MOD"},
    ],
)
def test_derived_images_in_hu_are_no_maps(tmp_path, tags):
    put(images(**tags), tmp_path)
    assert only(found(tmp_path)).slices == 4


def test_a_series_with_a_truncated_slice_is_left(tmp_path):
    put(images(), tmp_path)
    file = tmp_path / "003.dcm"
    file.write_bytes(file.read_bytes()[:-10])
    finding = found(tmp_path)
    assert not finding.series
    assert "series-2: 4: 003.dcm ends before its last pixel" in reasons(finding)


def test_a_damaged_file_beside_a_series_is_told_by_the_series(tmp_path):
    put(images(), tmp_path)
    (tmp_path / "009.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x08\x00nonsense")
    finding = found(tmp_path)
    assert "1 damaged file(s)" in only(finding).notices[0] and "009.dcm" in only(finding).notices[0]
    assert "009.dcm is damaged" in reasons(finding)


def test_files_of_other_kinds_are_counted_together(tmp_path):
    put(images(), tmp_path)
    for number in range(20):
        (tmp_path / f"{number}.txt").write_text("hello")
    (tmp_path / "empty").touch()
    finding = found(tmp_path)
    assert "other files: 21: They are neither DICOM nor volume files." in reasons(finding)


def test_objects_without_images_are_counted_by_kind(tmp_path):
    put(images(), tmp_path)
    plans = images(2, Modality="RTSTRUCT", SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3", PixelData=None, Rows=None)
    put(plans, tmp_path, 20)
    put(images(1, SOPClassUID="1.2.840.10008.1.3.10", Modality=None, PixelData=None, Rows=None), tmp_path, 30)
    finding = found(tmp_path)
    assert "RTSTRUCT objects: 2: They hold no images." in reasons(finding)
    assert "index of a medium: 1: They hold no images." in reasons(finding)
    assert only(finding).slices == 4


def test_volume_files_are_series_of_their_own(tmp_path):
    (tmp_path / "sub").mkdir()
    write_volume(CTVolume(np.zeros((3, 4, 5))), tmp_path / "sub" / "scan.nii.gz")
    (tmp_path / "scan.seg.nrrd").touch()
    (tmp_path / "bad.nrrd").write_text("NRRD0004\nnonsense")
    finding = found(tmp_path)
    series = only(finding)
    assert (series.kind, series.name, series.slices, series.rows, series.columns) == ("file", "sub/scan", 3, 4, 5)
    assert "scan.seg.nrrd is a segmentation" in reasons(finding) and "bad.nrrd is damaged" in reasons(finding)


def test_enhanced_objects_are_series(tmp_path):
    pixels = factory.stored_values(5)
    put([factory.enhanced(pixels, [0, 1, 2, 3, 4], [1] * 5)], tmp_path)
    assert only(found(tmp_path)).slices == 5


def test_files_without_a_series_uid_go_by_folder(tmp_path):
    put(images(SeriesInstanceUID=""), tmp_path / "a")
    put(images(SeriesInstanceUID=""), tmp_path / "b")
    assert names(found(tmp_path)) == ["a/series-2", "b/series-2"]


def test_keys_and_names_do_not_hang_on_where_the_tree_lies(tmp_path):
    put(images(), tmp_path / "one" / "x")
    put(another(), tmp_path / "one" / "y")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    first, second = found(tmp_path / "one"), found(tmp_path / "two")
    assert [(s.key, s.name) for s in first.series] == [(s.key, s.name) for s in second.series]


def test_a_finding_can_be_handed_to_other_processes(tmp_path):
    put(images(), tmp_path)
    finding = found(tmp_path)
    assert pickle.loads(pickle.dumps(finding)) == finding


def test_a_series_without_a_number_or_with_an_odd_one_has_a_name(tmp_path):
    put(images(SeriesNumber=None), tmp_path / "a")
    assert names(found(tmp_path)) == ["a/series"]


def test_progress_and_cancel_come_while_it_works(tmp_path):
    put(images(), tmp_path)
    heard = []
    find_series(tmp_path, progress=lambda *step: heard.append(step))
    assert heard[0] == (4, 0, "find") and heard[-1] == (4, 4, "scan")
    for after in range(4):
        answers = iter([False] * after + [True] * 99)
        with pytest.raises(Cancelled):
            find_series(tmp_path, cancel=answers.__next__)


@pytest.mark.parametrize("make", [lambda path: None, Path.touch])
def test_a_tree_that_is_no_folder_is_refused_with_a_sentence(tmp_path, make):
    make(tmp_path / "x")
    with pytest.raises(InputError, match=r"could not be opened .*; choose another\.$"):
        find_series(tmp_path / "x")


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data are not on this machine")
def test_the_shared_data_hold_one_series_and_three_pictures_that_are_none():
    finding = found(DATA / "dicom")
    assert names(finding) == ["abdomen_CRLM-CT-1004/series-2"]
    assert reasons(finding).count("secondary capture") == 2 and reasons(finding).count("localizer") >= 1


def test_what_this_program_has_denoised_is_not_denoised_again(tmp_path):
    source = put(images(), tmp_path / "a")
    write_volume(read_volume(source), tmp_path / "b", record={"model": "median"})
    finding = found(tmp_path)
    assert names(finding) == ["a/series-2"]
    assert ": 4: IM-0001.dcm was denoised by this program already" in reasons(finding)
