"""Whole derived series of every vendor before other judges: dciodvfy, dcentvfy, SimpleITK, our reader, the source."""

from __future__ import annotations

from pathlib import Path

import dciodvfy
import derived_factory as made
import dicom_factory as factory
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import vendor_headers as vendors
from derived_factory import Derived, denoised, derive
from LDCTDenoiseLib.cli import main
from LDCTDenoiseLib.files import read_volume
from pydicom.datadict import keyword_for_tag

OURS = {
    "SOPInstanceUID", "SeriesInstanceUID", "ImageType", "SeriesNumber", "SeriesDescription", "SeriesDate", "SeriesTime",
    "ContentDate", "ContentTime", "InstanceCreationDate", "InstanceCreationTime", "InstanceCreatorUID", "RescaleType",
    "DerivationDescription", "DerivationCodeSequence", "SourceImageSequence", "ContributingEquipmentSequence",
    "CodingSchemeIdentificationSequence", "BurnedInAnnotation", "PixelData",
}  # fmt: skip
STALE = {"SmallestImagePixelValue", "LargestImagePixelValue"}


@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_the_sources_of_these_tests_are_valid_themselves(tmp_path: Path, vendor: str):
    folder = factory.save(vendors.VENDORS[vendor](), tmp_path)
    assert dciodvfy.errors(folder.iterdir()) == [] and dciodvfy.contradictions(folder.iterdir()) == []


@pytest.mark.parametrize("private", [False, True], ids=["without private tags", "with private tags"])
@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_dciodvfy_finds_no_error(tmp_path: Path, vendor: str, private: bool):
    derived = derive(vendors.VENDORS[vendor](), tmp_path, denoised, private=private)
    assert dciodvfy.errors(derived.files) == []


@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_source_and_result_do_not_contradict_each_other_as_one_study(tmp_path: Path, vendor: str):
    derived = derive(vendors.VENDORS[vendor](), tmp_path, denoised)
    assert dciodvfy.contradictions([*derived.files, *(tmp_path / "source").iterdir()]) == []


@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_every_other_element_is_the_sources_byte_for_byte(tmp_path: Path, vendor: str):
    derived = derive(vendors.VENDORS[vendor](), tmp_path, denoised, private=True)
    for source, result in derived.pairs:
        assert _changed(source, result) - OURS == {k for k in STALE if k in source}


@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_simpleitk_reads_the_same_geometry_and_the_new_hu(tmp_path: Path, vendor: str):
    derived = derive(vendors.VENDORS[vendor](), tmp_path, denoised)
    before, after = (_itk(folder, derived) for folder in (tmp_path / "source", derived.folder))
    for part in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection", "GetPixelIDTypeAsString"):
        assert getattr(before, part)() == getattr(after, part)(), part
    values, padding = sitk.GetArrayFromImage(after), derived.volume.padding
    measured = np.ones(values.shape, bool) if padding is None else ~padding
    assert np.abs(values - derived.volume.hu)[measured].max() <= 0.5
    np.testing.assert_array_equal(values[~measured], sitk.GetArrayFromImage(before)[~measured])


def test_the_command_writes_a_valid_series_that_others_find_as_one(tmp_path: Path):
    source, folder = factory.save(vendors.ge(), tmp_path / "source"), tmp_path / "derived"
    assert (
        main(["denoise", str(source), str(folder), "--model", "gaussian", "--strength", "0.5", "--progress", "none"])
        == 0
    )
    assert dciodvfy.errors(folder.iterdir()) == [] and dciodvfy.contradictions(folder.iterdir()) == []
    (series,) = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    assert len(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series)) == 4
    result = pydicom.dcmread(folder / "IM-0001.dcm")
    assert "gaussian" in result.SeriesDescription and "strength 0.5" in result.DerivationDescription


@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_our_reader_reads_it_back_as_the_same_volume_in_space(tmp_path: Path, vendor: str):
    derived = derive(vendors.VENDORS[vendor](), tmp_path, denoised)
    back = read_volume(derived.folder)
    assert back.lies_like(derived.volume) and back.source.notices == derived.volume.source.notices
    assert back.source.tags == derived.volume.source.tags and back.source.dtype == derived.volume.source.dtype


def test_a_source_with_bare_headers_becomes_a_valid_series(tmp_path: Path):
    """Converters leave out what an archive demands: empty where it may be empty, made where it must not be."""
    bare = factory.ct_series(
        factory.stored_values(3), SeriesDescription=None, SeriesNumber=None, ConvolutionKernel=None
    )
    derived = derive(bare, tmp_path, denoised)
    assert dciodvfy.errors(derived.files) == [] and dciodvfy.contradictions(derived.files) == []
    assert len({result.FrameOfReferenceUID for result in derived.results}) == 1
    assert not any(result.StudyDate or result.AccessionNumber for result in derived.results)  # nothing is invented


@pytest.mark.parametrize("part", ["", "CHEST"])
def test_laterality_is_there_only_where_it_may_be(tmp_path: Path, part: str):
    series = vendors.with_tags(vendors.ge(), Laterality="", BodyPartExamined=part or None)
    assert dciodvfy.errors(derive(series, tmp_path).files) == []


def test_a_series_said_to_be_deidentified_without_a_word_how_becomes_valid_and_stays_deidentified(tmp_path: Path):
    series = vendors.with_tags(vendors.deidentified(vendors.ge()), DeidentificationMethod=None)
    derived = derive(series, tmp_path)
    assert all(result.PatientIdentityRemoved == "YES" and result.DeidentificationMethod for result in derived.results)
    assert dciodvfy.errors(derived.files) == []


def test_values_that_break_the_rules_of_their_type_do_not_stop_the_export(tmp_path: Path):
    """Scanners write 17 digits, ages without zeros and small letters; what is theirs is passed on as it is."""
    folder = factory.save(vendors.ge(), tmp_path / "source")
    for file in folder.iterdir():
        content = file.read_bytes()
        content = content.replace(b"AS\x04\x00052Y", b"AS\x04\x00 52Y").replace(b"HELICAL MODE", b"helical_mode")
        file.write_bytes(content.replace(b"20060102", b"2006.1.2").replace(b"101112", b"10:1:2"))
    for source, result in derive(folder, tmp_path, denoised).pairs:
        for keyword in ("PatientAge", "ScanOptions", "StudyDate", "StudyTime", "AcquisitionDate"):
            assert made.raw(result, keyword) == made.raw(source, keyword), keyword


def _changed(source, result) -> set[str]:
    """What is there in one and not in the other, or has another representation or other bytes."""
    one, other = (made.elements(Path(dataset.filename)) for dataset in (source, result))
    tags = {tag for tag in {*one, *other} if tag >= 0x00080000 and one.get(tag) != other.get(tag)}
    return {keyword_for_tag(tag) or f"{tag:08x}" for tag in tags}


def _itk(folder: Path, derived: Derived) -> sitk.Image:
    """The slices of `folder` as GDCM reads them, in the order of the volume."""
    files = derived.files if folder == derived.folder else derived.volume.source.files
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    return sitk.ReadImage([str(file) for file in files])
