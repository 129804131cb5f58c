"""Where a derived series came from, who made it and how: in words, in codes and in references."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import vendor_headers as vendors
from derived_factory import CHECKSUM, RECORD, denoised, derive


@pytest.fixture
def derived(tmp_path: Path):
    return derive(vendors.siemens(), tmp_path, denoised)


def test_the_description_tells_model_version_weights_strength_seed_and_what_it_is_for(derived):
    for result in derived.results:
        text = result.DerivationDescription
        assert "rddm-balanced" in text and CHECKSUM in text
        assert "for research use only" in text.lower()
        assert re.search(r"\b1\.2\b", text) and re.search(r"\b0\.1\.0\b", text)  # of the model, of the program
        assert re.search(r"strength\W{1,3}0\.85\b", text) and re.search(r"seed\W{1,3}4217\b", text)
        assert re.search(r"\b3 draws|draws\W{1,3}3\b", text) and re.search(r"\b5 steps|steps\W{1,3}5\b", text)
        assert len(text) <= 1024


def test_without_a_record_it_still_tells_the_program_and_what_it_is_for(tmp_path: Path):
    result = derive(vendors.ge(), tmp_path, record=None).results[0]
    assert "for research use only" in result.DerivationDescription.lower()
    assert "LDCTDenoise" in result.DerivationDescription and "None" not in result.DerivationDescription
    assert "None" not in result.SeriesDescription


@pytest.mark.parametrize(
    "record", [{}, {"model": "median", "checksum": None, "strength": 1}, {"strength": 0.333333333}]
)
def test_a_record_with_gaps_gives_a_sentence_without_gaps(tmp_path: Path, record: dict):
    text = derive(vendors.ge(), tmp_path, record=record).results[0].DerivationDescription
    assert "for research use only" in text.lower() and not re.search(r"None|nan|\{|  ", text)


def test_the_codes_say_smoothing_and_in_a_private_scheme_noise_reduction(derived):
    for result in derived.results:
        smoothing, noise_reduction = result.DerivationCodeSequence
        assert (smoothing.CodeValue, smoothing.CodingSchemeDesignator) == ("113087", "DCM")
        assert smoothing.CodeMeaning == "Smoothing"
        assert noise_reduction.CodingSchemeDesignator.startswith("99")
        assert len(noise_reduction.CodingSchemeDesignator) <= 16 and 0 < len(noise_reduction.CodeValue) <= 16
        assert noise_reduction.CodeMeaning.lower() == "noise reduction"


def test_every_slice_refers_to_its_own_source_and_to_nothing_else(derived):
    for source, result in derived.pairs:
        (reference,) = result.SourceImageSequence  # the scanner's own is of another step
        assert reference.ReferencedSOPClassUID == source.SOPClassUID
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert reference.SpatialLocationsPreserved == "YES"
        (purpose,) = reference.PurposeOfReferenceCodeSequence
        assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("121322", "DCM")
        assert purpose.CodeMeaning == "Source image for image processing operation"
        assert "ReferencedFrameNumber" not in reference


def test_who_processed_it_is_told_beside_the_scanner_that_made_the_images(derived):
    for source, result in derived.pairs:
        assert result.Manufacturer == source.Manufacturer == "Siemens Healthineers"
        assert result.ManufacturerModelName == source.ManufacturerModelName
        assert result.SoftwareVersions == source.SoftwareVersions and result.DeviceSerialNumber == "98765"
        (equipment,) = result.ContributingEquipmentSequence
        (purpose,) = equipment.PurposeOfReferenceCodeSequence
        assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("109102", "DCM")
        assert purpose.CodeMeaning == "Processing Equipment"
        assert equipment.Manufacturer and equipment.ManufacturerModelName
        assert "0.1.0" in str(equipment.SoftwareVersions)
        moment = datetime.strptime(str(equipment.ContributionDateTime)[:14], "%Y%m%d%H%M%S")
        assert abs(datetime.now() - moment) < timedelta(minutes=2)


def test_equipment_that_contributed_before_stays_in_the_list(tmp_path: Path):
    former = vendors.item(
        Manufacturer="CTP",
        PurposeOfReferenceCodeSequence=[
            vendors.item(CodeValue="109104", CodingSchemeDesignator="DCM", CodeMeaning="De-identifying Equipment")
        ],
    )
    series = vendors.with_tags(vendors.ge(), ContributingEquipmentSequence=[former])
    for result in derive(series, tmp_path).results:
        purposes = [item.PurposeOfReferenceCodeSequence[0].CodeValue for item in result.ContributingEquipmentSequence]
        assert purposes == ["109104", "109102"]


def test_a_result_can_be_denoised_again_and_then_refers_to_the_first_result(tmp_path: Path):
    once = derive(vendors.ge(), tmp_path, denoised)
    twice = derive(once.folder, tmp_path, denoised, {**RECORD, "model": "median"}, name="twice")
    for first, second in zip(once.results, twice.results, strict=True):
        assert second.SourceImageSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
        assert len(second.SourceImageSequence) == 1 and len(second.ContributingEquipmentSequence) == 2
        assert second.SeriesInstanceUID != first.SeriesInstanceUID and second.SeriesNumber != first.SeriesNumber
        assert "median" in second.DerivationDescription
        assert len(second.SeriesDescription) <= 64 and "median" in second.SeriesDescription


@pytest.mark.parametrize("ratio", ["10", ["10", "4.5"]])
def test_a_lossy_past_is_told_with_its_ratio_and_method(tmp_path: Path, ratio):
    method = "ISO_10918_1" if isinstance(ratio, str) else ["ISO_10918_1", "ISO_15444_1"]
    series = vendors.with_tags(
        vendors.ge(),
        LossyImageCompression="01",
        LossyImageCompressionRatio=ratio,
        LossyImageCompressionMethod=method,
    )
    for source, result in derive(series, tmp_path, denoised).pairs:
        for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
            assert result[keyword].value == source[keyword].value


def test_denoising_is_no_lossy_compression(tmp_path: Path):
    assert all(result.LossyImageCompression == "00" for result in derive(vendors.siemens(), tmp_path, denoised).results)
    assert all("LossyImageCompressionRatio" not in r for r in derive(vendors.ge(), tmp_path / "ge", denoised).results)


@pytest.mark.parametrize(("before", "after"), [(None, "NO"), ("NO", "NO"), ("YES", "YES")])
def test_burned_in_annotation_is_denied_unless_the_source_owns_up_to_it(tmp_path: Path, before, after):
    series = vendors.with_tags(vendors.ge(), BurnedInAnnotation=before)
    assert all(result.BurnedInAnnotation == after for result in derive(series, tmp_path, denoised).results)
