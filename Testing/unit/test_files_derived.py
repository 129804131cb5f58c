"""Derived series as a whole, where test_derived_*.py do not look: files chosen one by one, odd values, odd headers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import derived_factory as made
import dicom_factory as factory
import numpy as np
import pydicom
import pytest
import vendor_headers as vendors
from derived_factory import denoised, derive
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import read_series, read_volume, write_volume
from LDCTDenoiseLib.files.outputs import check_outputs
from LDCTDenoiseLib.orientation import Orientation
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian


def test_big_endian_numbers_are_turned_in_sequences_and_overlays_too(tmp_path: Path):
    def series(big: bool):
        for dataset in (found := vendors.siemens()):
            dataset.CTExposureSequence = [vendors.item(CTDIvol=7.25, ExposureTimeInms=0.5)]
            dataset.SimpleFrameList = [1, 2, 70000]
            dataset.RetrieveURL = "http://pacs"
            for element, value in ((0x10, 4), (0x11, 8)):
                dataset.add_new((0x6000, element), "US", value)
            words = np.array([0x1234, 0xABCD], ">u2" if big else "<u2")
            dataset.add_new((0x6000, 0x3000), "OW", words.tobytes())
            if big:
                dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
                dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        return found

    for first, second in zip(
        derive(series(False), tmp_path / "little").results, derive(series(True), tmp_path / "big").results, strict=True
    ):
        assert second.CTExposureSequence[0].CTDIvol == 7.25 and list(second.SimpleFrameList) == [1, 2, 70000]
        assert second[0x6000, 0x3000].value == first[0x6000, 0x3000].value == b"\x34\x12\xcd\xab"
        assert first.PixelData == second.PixelData and "RetrieveURL" not in second


# --- exactly these files ---


def test_a_series_can_be_read_from_files_of_several_folders_in_any_order(tmp_path: Path):
    series = vendors.ge()
    for number, dataset in enumerate(series):
        factory.save([dataset], tmp_path / f"part {number % 2}", f"{number}".format)
    files = sorted(tmp_path.rglob("*"), key=lambda file: file.name)
    volume = read_series([file for file in files if file.is_file()])
    assert volume.shape == (4, 36, 32) and volume.source.frames == (0, 0, 0, 0)
    assert [file.name for file in volume.source.files] == ["3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("none", "no files"),
        ("no DICOM", "not a DICOM image"),
        ("two series", "several series"),
        ("gone", "right to read"),
    ],
)
def test_files_that_are_no_series_are_refused_in_a_sentence(tmp_path: Path, spoil: str, words: str):
    files = sorted(factory.save(vendors.ge(), tmp_path / "a").iterdir())
    if spoil == "none":
        files = []
    elif spoil == "no DICOM":
        files[0].write_bytes(b"nothing" * 100)
    elif spoil == "two series":
        other = vendors.with_tags(vendors.ge(), SeriesInstanceUID="1.2.9")
        files[0] = factory.save(other[:1], tmp_path / "b") / "000.dcm"
    else:
        files[2].unlink()
    with pytest.raises(InputError, match=words):
        read_series(files)


def test_frames_go_with_their_slices(tmp_path: Path):
    dataset = factory.enhanced(factory.stored_values(5), [0, 2, 4, 6, 8], [1] * 5)
    volume = read_volume(factory.save([dataset], tmp_path))
    assert volume.source.frames == (0, 1, 2, 3, 4) and len(set(volume.source.files)) == 1
    assert volume.slices(1, 4).source.frames == (1, 2, 3)
    assert volume.slices(1, 4, axis=1).source.frames == (0, 1, 2, 3, 4)
    assert volume.reoriented(Orientation((0, 1, 2), (True, False, False))).source.frames == (4, 3, 2, 1, 0)
    assert volume.reoriented(Orientation((1, 0, 2))).source.frames == ()


# --- pixels ---


def test_a_range_that_16_bits_do_not_hold_gets_a_slope_that_does(tmp_path: Path):
    def change(volume):
        values = volume.hu.copy()
        values[0, 18, 16], values[1, 18, 16] = -60000, 60000
        return volume.with_hu(values)

    derived = derive(vendors.ge(), tmp_path, change)
    assert {(r.BitsStored, r.PixelRepresentation) for r in derived.results} == {(16, 0)}
    slope = float(derived.results[0].RescaleSlope)
    assert 1.8 < slope < 1.9
    measured = ~derived.volume.padding
    for result, hu, mask in zip(derived.results, derived.volume.hu, measured, strict=True):
        assert np.abs(made.hu(result) - hu)[mask].max() <= 0.51 * slope
        assert (made.stored(result)[~mask] == result.PixelPaddingValue).all()
        assert not (made.stored(result)[mask] == result.PixelPaddingValue).any()


def test_stored_values_stay_exact_where_hu_are_too_coarse_to_tell_them_apart(tmp_path: Path):
    series = vendors.with_tags(vendors.siemens(), RescaleSlope="0.001", RescaleIntercept="-90000")
    derived = derive(series, tmp_path)
    assert len(np.unique(derived.volume.hu)) < len(np.unique([made.stored(source) for source in derived.sources]))
    assert all(result.PixelData == source.PixelData for source, result in derived.pairs)


def test_a_measurement_that_the_source_stored_as_padding_may_stay_there(tmp_path: Path):
    series = vendors.somatom()
    for dataset in series:
        pixels = made.stored(dataset).astype(np.uint16)
        pixels[18, 16] = 0  # clipped
        dataset.PixelData = pixels.tobytes()
    derived = derive(series, tmp_path, lambda volume: volume.with_hu(volume.hu + np.float32(0.3)))
    for result, hu in zip(derived.results, derived.volume.hu, strict=True):
        assert hu[18, 16] == np.float32(-1023.7) and made.stored(result)[18, 16] == 0


def test_more_bits_are_taken_before_the_sign_changes(tmp_path: Path):
    derived = derive(vendors.philips(), tmp_path, lambda volume: volume.with_hu(volume.hu + 4000))
    assert {(r.BitsStored, r.HighBit, r.PixelRepresentation) for r in derived.results} == {(16, 15, 0)}
    for source, result in derived.pairs:
        np.testing.assert_array_equal(made.stored(result), made.stored(source) + 4000)


def test_values_beyond_any_ct_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="far beyond"):
        derive(vendors.ge(), tmp_path, lambda volume: volume.with_hu(volume.hu * 1e20))
    assert not (tmp_path / "derived").exists()


def test_slices_of_different_slopes_share_a_new_scale_only_if_one_of_them_must(tmp_path: Path):
    series = factory.ct_series(factory.stored_values(3))
    for dataset, slope in zip(series, ("1", "0.5", "0.25"), strict=True):
        dataset.RescaleSlope = slope
    derived = derive(series, tmp_path, lambda volume: volume.with_hu(volume.hu + 20000))
    assert {str(result.RescaleSlope) for result in derived.results} == {"0.25"}  # 0.25 alone would hold 16,000 HU
    for result, hu in zip(derived.results, derived.volume.hu, strict=True):
        assert np.abs(made.hu(result) - hu).max() <= 0.125


def test_a_mapping_of_stored_values_goes_when_the_stored_values_change_their_meaning(tmp_path: Path):
    for change, kept in ((0, True), (-3000, False), (66000, False)):  # another sign, another intercept
        series = vendors.with_tags(vendors.philips(), RealWorldValueMappingSequence=[vendors.item(LUTLabel="HU")])
        derived = derive(series, tmp_path / str(change), lambda volume, c=change: volume.with_hu(volume.hu + c))
        assert all(("RealWorldValueMappingSequence" in result) == kept for result in derived.results)


# --- rules ---


def test_measures_of_the_old_pixels_go_from_overlays_and_curves(tmp_path: Path):
    series = vendors.ge()
    for dataset in series:
        for element, vr, value in (
            (0x10, "US", 36), (0x11, "US", 32), (0x3000, "OW", bytes(144)), (0x1301, "IS", 12), (0x1302, "DS", 40),
            (0x1303, "DS", 11),
        ):  # fmt: skip
            dataset.add_new((0x6000, element), vr, value)
        for group, kind in ((0x5000, "HIST"), (0x5002, "ROI")):
            dataset.add_new((group, 0x0020), "CS", kind)
            dataset.add_new((group, 0x3000), "OW", b"1234")
    for result in derive(series, tmp_path).results:
        assert (0x6000, 0x3000) in result and result[0x6000, 0x1301].value == 12
        assert (0x6000, 0x1302) not in result and (0x6000, 0x1303) not in result
        assert (0x5002, 0x3000) in result and (0x5000, 0x0020) not in result


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("EncryptedAttributesSequence", [vendors.item(EncryptedContent=b"who it was")]),
        ("SOPInstanceStatus", "AO"),
        ("AuthorizationEquipmentCertificationNumber", "1"),
        ("RetrieveAETitle", "PACS"),
        ("StorageMediaFileSetUID", "1.2.3"),
        ("NumberOfSeriesRelatedInstances", 4),
        ("ContentQualification", "PRODUCT"),
        ("HistogramSequence", [vendors.item(HistogramNumberOfBins=1)]),
        ("NumberOfFrames", 1),
    ],
)
def test_what_was_true_of_the_old_object_only_goes(tmp_path: Path, keyword: str, value: object):
    derived = derive(vendors.with_tags(vendors.ge(), **{keyword: value}), tmp_path)
    assert all(keyword in source and keyword not in result for source, result in derived.pairs)


def test_a_padding_range_may_be_told_backwards(tmp_path: Path):
    series = vendors.ge()
    for dataset in series:
        dataset.add_new("PixelPaddingRangeLimit", "SS", -2005)
    for result in derive(series, tmp_path).results:
        assert (result.PixelPaddingValue, result.PixelPaddingRangeLimit) == (-2000, -2005)


def test_images_that_a_frame_refers_to_stay_a_sequence(tmp_path: Path):
    dataset = factory.enhanced(factory.stored_values(3), [0, 2, 4], [1] * 3)
    for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        scout = vendors.item(ReferencedSOPClassUID=factory.CT_IMAGE, ReferencedSOPInstanceUID=f"1.2.{number}")
        group.ReferencedImageSequence = [scout, scout]
    for number, result in enumerate(_of_frames(dataset, tmp_path)):
        assert [scout.ReferencedSOPInstanceUID for scout in result.ReferencedImageSequence] == [f"1.2.{number}"] * 2
        assert "ReferencedSOPInstanceUID" not in result


def test_parts_of_a_concatenation_number_their_images_on(tmp_path: Path):
    pixels = factory.stored_values(4)
    parts = [factory.enhanced(pixels[:2], [0, 2], [1] * 2), factory.enhanced(pixels[2:], [4, 6], [1] * 2)]
    for number, part in enumerate(parts, start=1):
        part.InConcatenationNumber = number
    numbers = [int(result.InstanceNumber) for result in _of_frames(parts[1], tmp_path, parts[0])]
    assert numbers == [1, 2, 3, 4]


def _of_frames(*datasets_and_place) -> list[Dataset]:
    place = next(one for one in datasets_and_place if isinstance(one, Path))
    source = factory.save([one for one in datasets_and_place if one is not place], place / "source")
    written = write_volume(read_volume(source), place / "derived")
    return [pydicom.dcmread(file) for file in sorted(written.iterdir())]


def test_a_volume_that_climbs_the_other_way_is_refused(tmp_path: Path):
    def change(volume):
        return replace(volume, direction=volume.direction * (1, 1, -1))

    with pytest.raises(InputError, match="does not lie"):
        derive(vendors.ge(), tmp_path, change)


def test_the_fourth_word_of_the_image_type_stays_where_it_tells_the_energy(tmp_path: Path):
    words = ["ORIGINAL", "PRIMARY", "AXIAL", "VMI"]
    series = vendors.with_tags(vendors.siemens(), ImageType=words, MultienergyCTAcquisition="YES")
    assert list(derive(series, tmp_path).results[0].ImageType) == ["DERIVED", "SECONDARY", "AXIAL", "VMI"]


def test_earlier_derivations_are_told_before_ours(tmp_path: Path):
    former = vendors.item(CodeValue="113085", CodingSchemeDesignator="DCM", CodeMeaning="Spatial resampling")
    series = vendors.with_tags(
        vendors.ge(), DerivationDescription="Geändert. " + "x" * 1000, DerivationCodeSequence=[former]
    )
    for result in derive(series, tmp_path).results:
        assert [code.CodeValue for code in result.DerivationCodeSequence] == ["113085", "113087", "NOISE_REDUCTION"]
        assert result.DerivationDescription.startswith("Geändert. xxx") and len(result.DerivationDescription) == 1024
        assert result.DerivationDescription.endswith("Not for diagnosis.")


def test_a_result_of_a_result_declares_the_private_scheme_once(tmp_path: Path):
    once = derive(vendors.ge(), tmp_path, denoised)
    for result in derive(once.folder, tmp_path, denoised, name="twice").results:
        assert len(result.CodingSchemeIdentificationSequence) == 1 and len(result.DerivationCodeSequence) == 4


def test_with_and_without_private_elements_are_different_objects(tmp_path: Path):
    without = derive(vendors.ge(), tmp_path, denoised)
    with_them = derive(tmp_path / "source", tmp_path, denoised, name="with", private=True)
    assert not {r.SOPInstanceUID for r in without.results} & {r.SOPInstanceUID for r in with_them.results}


# --- folders ---


def test_an_output_folder_must_not_hold_the_input_nor_lie_in_it(tmp_path: Path):
    series = factory.save(vendors.ge(), tmp_path / "scans" / "series")
    (tmp_path / "link").symlink_to(series, target_is_directory=True)
    for folder in (series, series / "out", series / "a" / "b", tmp_path / "scans", tmp_path / "link" / "out"):
        for read in (series, series / "000.dcm"):
            with pytest.raises(InputError, match="lie in each other"):
                check_outputs([], True, [read], folders=[folder])
    check_outputs([tmp_path / "scans" / "report.json"], False, [series], folders=[tmp_path / "scans" / "out"])
    with pytest.raises(InputError, match="put it beside"):
        check_outputs([tmp_path / "out" / "report.json"], False, [series], folders=[tmp_path / "out"])


def test_with_overwrite_only_a_former_result_is_replaced(tmp_path: Path):
    result = derive(vendors.ge(), tmp_path, denoised).folder
    check_outputs([], True, [], folders=[result])
    with pytest.raises(InputError, match="--overwrite"):
        check_outputs([], False, [], folders=[result])
    scans = factory.save(vendors.philips(), tmp_path / "scans of somebody else")
    with pytest.raises(InputError, match="no result"):
        check_outputs([], True, [], folders=[scans])
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError):
        check_outputs([], True, [], folders=[tmp_path / "file"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["derived", "file", "scans of somebody else", "source"]
