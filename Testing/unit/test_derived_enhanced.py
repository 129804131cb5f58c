"""From an enhanced (multi-frame) source come classic CT images, one a frame, with whatever they have a place for."""

from __future__ import annotations

from pathlib import Path

import dciodvfy
import derived_factory as made
import dicom_factory as factory
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import vendor_enhanced as enhanced
import vendor_headers as vendors
from derived_factory import denoised
from LDCTDenoiseLib.files import read_volume, write_volume

NO_PLACE = (
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "NumberOfFrames", "ConcatenationUID",
    "DimensionOrganizationSequence", "DimensionIndexSequence", "InConcatenationNumber", "InConcatenationTotalNumber",
    "ConcatenationFrameOffsetNumber", "SOPInstanceUIDOfConcatenationSource", "PixelPresentation",
    "VolumetricProperties", "VolumeBasedCalculationTechnique", "DimensionOrganizationType", "FrameType",
)  # fmt: skip


@pytest.fixture
def series(tmp_path: Path):
    """(the volume, the source object, the written objects), slices from the feet."""
    return _written(tmp_path)


def _written(place: Path, **options):
    folder = factory.save([enhanced.enhanced()], place / "source")
    volume = denoised(read_volume(folder))
    written = write_volume(volume, place / "derived", record=made.RECORD, **options)
    files = sorted(written.iterdir())
    return volume, pydicom.dcmread(folder / "000.dcm"), [pydicom.dcmread(file) for file in files]


def test_the_source_of_these_tests_is_valid_itself(tmp_path: Path):
    assert dciodvfy.errors(factory.save([enhanced.enhanced()], tmp_path).iterdir()) == []


@pytest.mark.parametrize("private", [False, True])
def test_the_images_are_valid(tmp_path: Path, private: bool):
    _written(tmp_path, private=private)
    files = list((tmp_path / "derived").iterdir())
    assert dciodvfy.errors(files) == [] and dciodvfy.contradictions(files) == []


def test_every_frame_becomes_an_image_of_its_own(series):
    _, source, results = series
    assert len(results) == 4 and len({result.SOPInstanceUID for result in results}) == 4
    assert len({result.SeriesInstanceUID for result in results}) == 1
    for result in results:
        assert result.SOPClassUID == result.file_meta.MediaStorageSOPClassUID == factory.CT_IMAGE
        assert result.SOPInstanceUID != source.SOPInstanceUID
        assert list(result.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
        assert not [keyword for keyword in NO_PLACE if keyword in result]
    numbers = [int(result.InstanceNumber) for result in results]
    assert numbers == [4, 3, 2, 1]  # the frames were stored from the head


def test_every_image_refers_to_its_frame(series):
    _, source, results = series
    for result, frame in zip(results, (4, 3, 2, 1), strict=True):
        (reference,) = result.SourceImageSequence
        assert reference.ReferencedSOPClassUID == enhanced.ENHANCED_CT
        assert reference.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert int(reference.ReferencedFrameNumber) == frame


def test_the_values_are_those_of_the_volume_with_the_slope_of_each_frame(series):
    volume, _, results = series
    assert [float(result.RescaleSlope) for result in results] == [1, 0.5, 1, 1]
    for result, hu in zip(results, volume.hu, strict=True):
        assert np.abs(made.hu(result) - hu)[hu > -1000].max() <= 0.5 * float(result.RescaleSlope) + 1e-3
        assert result.RescaleType == "HU"


def test_an_unchanged_frame_has_its_stored_values_bit_by_bit(tmp_path: Path):
    folder = factory.save([enhanced.enhanced()], tmp_path / "source")
    written = write_volume(read_volume(folder), tmp_path / "derived")
    frames = enhanced.enhanced().pixel_array[::-1]
    for file, frame in zip(sorted(written.iterdir()), frames, strict=True):
        result = pydicom.dcmread(file)
        np.testing.assert_array_equal(made.stored(result), frame)
        assert (result.BitsStored, result.HighBit, result.PixelRepresentation) == (12, 11, 0)


def test_each_image_lies_where_its_frame_lay(series):
    for result, height in zip(series[2], (-107.5, -105.0, -102.5, -100.0), strict=True):
        assert list(result.ImagePositionPatient) == [-30, 20, height]
        assert list(result.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]
        assert list(result.PixelSpacing) == [0.8, 0.7] and result.SliceThickness == 2.5
        assert result.FrameOfReferenceUID == vendors.FRAME


def test_the_facts_of_the_acquisition_move_to_where_a_classic_image_has_them(series):
    for number, result in zip((3, 2, 1, 0), series[2], strict=True):
        assert (result.KVP, result.ConvolutionKernel, result.FilterType) == (120, "B30f", "FLAT")
        assert result.RotationDirection == "CW" and result.SpiralPitchFactor == 0.6 and result.RevolutionTime == 0.5
        assert (result.DataCollectionDiameter, result.ReconstructionDiameter) == (500, 350)
        assert (result.GantryDetectorTilt, result.TableHeight, result.FocalSpots) == (0, 120, 1.2)
        assert (result.WindowCenter, result.WindowWidth) == (40, 400)
        assert result.CTDIvol == 7.5 and result.IrradiationEventUID == f"{vendors.ROOT}.3"
        assert int(result.ExposureTime) == 500  # ms
        assert abs(int(result.XRayTubeCurrent) - (200.75 + number)) <= 0.5  # mA
        assert abs(int(result.Exposure) - (100.5 + number)) <= 0.5  # mAs
        assert result.AcquisitionDate == "20060102" and str(result.AcquisitionTime).startswith(f"10160{number}")


def test_the_time_of_a_frame_is_told_in_the_zone_of_the_object(tmp_path: Path):
    source = enhanced.enhanced()
    source.TimezoneOffsetFromUTC = "+0100"
    folder = factory.save([source], tmp_path / "source")
    result = pydicom.dcmread(write_volume(read_volume(folder), tmp_path / "derived") / "IM-0004.dcm")
    assert (result.TimezoneOffsetFromUTC, result.AcquisitionDate) == ("+0100", "20060102")
    assert str(result.AcquisitionTime).startswith("161600")  # 10:16 five hours west of Greenwich


def test_what_a_converter_had_set_aside_comes_back(tmp_path: Path):
    source = enhanced.enhanced()
    source.SOPClassUID = source.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.2"
    common = vendors.item(ScanOptions="HELIX", InstanceCreatorUID=f"{vendors.ROOT}.9", LargestImagePixelValue=None)
    source.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence = [common]
    for number, frame in enumerate(source.PerFrameFunctionalGroupsSequence):
        aside = vendors.item(SliceLocation=f"{-100 - 2.5 * number}", ExposureModulationType="XYZ_EC")
        frame.UnassignedPerFrameConvertedAttributesSequence = [aside]
    folder = factory.save([source], tmp_path / "source")
    written = write_volume(read_volume(folder), tmp_path / "derived")
    for number, file in zip((3, 2, 1, 0), sorted(written.iterdir()), strict=True):
        result = pydicom.dcmread(file)
        assert result.SliceLocation == -100 - 2.5 * number and result.ScanOptions == "HELIX"
        assert not [element for element in result if "Converted" in element.keyword]
    assert dciodvfy.errors(written.iterdir()) == []


def test_patient_and_study_stay(series):
    _, source, results = series
    for result in results:
        for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "AccessionNumber", "Manufacturer"):
            assert result[keyword].value == source[keyword].value, keyword


def test_the_result_is_read_as_the_same_volume_in_space(tmp_path: Path, series):
    back = read_volume(tmp_path / "derived")
    assert back.lies_like(series[0])
    assert np.abs(back.hu - series[0].hu)[series[0].hu > -1000].max() <= 0.5


def test_simpleitk_sees_the_same_in_the_source_and_in_the_images(tmp_path: Path):
    folder = factory.save([enhanced.enhanced()], tmp_path / "source")
    written = write_volume(read_volume(folder), tmp_path / "derived")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    before = sitk.ReadImage(str(folder / "000.dcm"))[:, :, ::-1]  # stored from the head
    after = sitk.ReadImage([str(file) for file in sorted(written.iterdir())])
    for part in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(before, part)(), getattr(after, part)())
    same = [0, 2, 3]  # GDCM gives all frames of a file one slope, and frame 1 has another
    one, other = sitk.GetArrayFromImage(before), sitk.GetArrayFromImage(after)
    np.testing.assert_array_equal(one[same], other[same])


def test_a_part_of_the_frames_refers_to_the_right_ones(tmp_path: Path):
    folder = factory.save([enhanced.enhanced()], tmp_path / "source")
    part = read_volume(folder).slices(1, 3)
    assert part.source.frames == (2, 1)
    results = [pydicom.dcmread(file) for file in sorted(write_volume(part, tmp_path / "derived").iterdir())]
    assert [int(result.SourceImageSequence[0].ReferencedFrameNumber) for result in results] == [3, 2]
    assert [result.ImagePositionPatient[2] for result in results] == [-105, -102.5]
