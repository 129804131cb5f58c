"""A derived series as an object of its own: new names, kept examination, times of now."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import dicom_factory as factory
import pytest
import vendor_headers as vendors
from derived_factory import RECORD, denoised, derive
from LDCTDenoiseLib.files import read_volume
from pydicom.uid import UID, ExplicitVRLittleEndian


@pytest.fixture
def derived(tmp_path: Path):
    return derive(vendors.ge(), tmp_path, denoised)


def test_every_instance_and_the_series_have_new_uids_and_study_and_frame_of_reference_keep_theirs(derived):
    for source, result in derived.pairs:
        assert result.StudyInstanceUID == source.StudyInstanceUID
        assert result.FrameOfReferenceUID == source.FrameOfReferenceUID
        assert result.SeriesInstanceUID != source.SeriesInstanceUID
        assert UID(result.SeriesInstanceUID).is_valid and UID(result.SOPInstanceUID).is_valid
    new = [result.SOPInstanceUID for result in derived.results]
    assert len({*new, *(source.SOPInstanceUID for source in derived.sources)}) == 8
    assert len({result.SeriesInstanceUID for result in derived.results}) == 1


def test_slices_with_the_same_pixels_are_different_objects(tmp_path: Path):
    flat = derive(factory.ct_series(factory.stored_values() * 0), tmp_path)
    assert len({result.SOPInstanceUID for result in flat.results}) == 5


def test_file_meta_and_data_set_name_the_same_object_and_none_of_the_scanners_software(derived):
    for result in derived.results:
        meta = result.file_meta
        assert result.preamble == b"\0" * 128
        assert meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert result.SOPClassUID == meta.MediaStorageSOPClassUID == factory.CT_IMAGE
        assert result.SOPInstanceUID == meta.MediaStorageSOPInstanceUID
        assert meta.ImplementationClassUID and meta.get("ImplementationVersionName") != "SCANNER_1_0"
        assert not set(meta.keys()) & {0x00020016, 0x00020100, 0x00020102}  # who sent it, private information
        assert result.get("InstanceCreatorUID") != f"{vendors.ROOT}.9"


def test_the_same_result_is_the_same_object_however_often_it_is_made(tmp_path: Path, derived):
    again = derive(tmp_path / "source", tmp_path, denoised, name="again")
    uids = [(result.SeriesInstanceUID, result.SOPInstanceUID) for result in derived.results]
    assert uids == [(result.SeriesInstanceUID, result.SOPInstanceUID) for result in again.results]


@pytest.mark.parametrize("change", ["pixels", "strength", "seed", "model", "checksum"])
def test_another_result_is_another_object(tmp_path: Path, derived, change: str):
    record, change_pixels = dict(RECORD), denoised
    if change == "pixels":  # one voxel of one slice is enough for another series

        def change_pixels(volume):
            values = denoised(volume).hu.copy()
            values[2, 18, 16] += 1
            return volume.with_hu(values)
    else:
        record[change] = {"strength": 0.5, "seed": 1, "model": "rddm-sharp", "checksum": "f" * 64}[change]
    other = derive(tmp_path / "source", tmp_path, change_pixels, record, name="other")
    assert other.results[0].SeriesInstanceUID != derived.results[0].SeriesInstanceUID
    assert not {r.SOPInstanceUID for r in other.results} & {r.SOPInstanceUID for r in derived.results}


def test_equal_pixels_of_another_source_are_another_object(tmp_path: Path):
    one, other = (
        derive(factory.ct_series(factory.stored_values(), SeriesInstanceUID=uid), tmp_path / uid)
        for uid in ("1.2.3.4", "1.2.3.5")
    )
    assert one.results[0].SeriesInstanceUID != other.results[0].SeriesInstanceUID


@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_the_image_type_says_derived_secondary_axial(tmp_path: Path, vendor: str):
    for result in derive(vendors.VENDORS[vendor](), tmp_path).results:
        assert list(result.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]


def test_a_reformatted_source_becomes_axial_too_because_ct_knows_no_third_word(tmp_path: Path):
    series = vendors.with_tags(vendors.siemens(), ImageType=["DERIVED", "SECONDARY", "MPR"])
    assert list(derive(series, tmp_path).results[0].ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]


@pytest.mark.parametrize("number", [0, 1, 5, 801, 21474836, 30000001, 2147483647, None])
def test_the_series_number_is_clear_of_the_source_and_within_the_range_of_its_type(tmp_path: Path, number):
    results = derive(vendors.with_tags(vendors.ge(), SeriesNumber=number), tmp_path).results
    found = {int(result.SeriesNumber) for result in results}
    assert len(found) == 1 and found != {number}
    assert 0 < min(found) <= 2**31 - 1
    if number and number < 10**6:
        assert 0 < min(found) - 100 * number < 100


def test_every_model_of_the_catalogue_has_a_series_number_of_its_own(tmp_path: Path):
    from LDCTDenoiseLib import list_models

    source = factory.save(vendors.ge(), tmp_path / "source")
    ids = [card.id for card in list_models()]
    numbers = {
        int(derive(source, tmp_path, record={**RECORD, "model": id}, name=id).results[0].SeriesNumber) for id in ids
    }
    assert len(ids) > 3 and len(numbers) == len(ids)


@pytest.mark.parametrize("text", ["Thorax", "x" * 64, "頭部 " * 21, None, ""])
def test_the_description_names_the_model_after_the_sources_own_words(tmp_path: Path, text):
    series = vendors.with_tags(vendors.philips(), SeriesDescription=text)
    for result in derive(series, tmp_path).results:
        description = result.SeriesDescription
        assert len(description) <= 64 and "rddm-balanced" in description
        assert description.startswith((text or "")[:20].strip()) and "\ufffd" not in description


def test_the_times_of_the_object_are_of_now_and_those_of_the_acquisition_stay(derived):
    now = datetime.now(timezone(timedelta(hours=-5))).replace(tzinfo=None)  # the zone that the header declares
    for source, result in derived.pairs:
        for kind in ("Series", "Content", "InstanceCreation"):
            made = _moment(result[f"{kind}Date"].value, result[f"{kind}Time"].value)
            assert abs(now - made) < timedelta(minutes=2), kind
        for keyword in ("StudyDate", "StudyTime", "AcquisitionDate", "AcquisitionTime", "TimezoneOffsetFromUTC"):
            assert result[keyword].value == source[keyword].value, keyword
    assert len({(result.SeriesDate, result.SeriesTime) for result in derived.results}) == 1


def test_without_a_declared_zone_the_times_are_the_local_ones(tmp_path: Path):
    result = derive(vendors.philips(), tmp_path).results[0]
    assert abs(datetime.now() - _moment(result.ContentDate, result.ContentTime)) < timedelta(minutes=2)
    assert "TimezoneOffsetFromUTC" not in result


def test_slices_keep_their_instance_numbers_and_files_follow_the_order_in_space(derived):
    assert [file.name for file in derived.files] == [f"IM-{n:04d}.dcm" for n in range(1, 5)]
    assert [int(result.InstanceNumber) for result in derived.results] == [4, 3, 2, 1]  # from the feet: GE counts down
    heights = [result.ImagePositionPatient[2] for result in derived.results]
    assert heights == sorted(heights)


def test_a_part_of_a_volume_is_written_with_its_own_sources(tmp_path: Path):
    part = derive(vendors.ge(), tmp_path, lambda volume: denoised(volume).slices(1, 3))
    assert [int(result.InstanceNumber) for result in part.results] == [3, 2]
    for source, result in part.pairs:
        assert result.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert result.ImagePositionPatient == source.ImagePositionPatient


def test_what_is_written_is_read_as_one_series_with_the_geometry_of_its_source(tmp_path: Path, derived):
    back, source = read_volume(derived.folder), read_volume(tmp_path / "source")
    assert back.lies_like(source) and back.spacing == source.spacing and back.origin == source.origin


def _moment(date: str, time: str) -> datetime:
    return datetime.strptime(f"{date}{str(time)[:6]}", "%Y%m%d%H%M%S")
