"""What is not one CT volume is refused with one plain sentence, without a traceback and without a name."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import dicom_factory as factory
import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import read_volume
from pydicom.uid import UID, RLELossless

NOT_A_VOLUME = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "dicom" / "not_a_volume"


def refusal(path: Path) -> str:
    """The sentence with which `path` is refused."""
    with pytest.raises(InputError) as refused:
        read_volume(path)
    text = str(refused.value)
    assert "\n" not in text and text.endswith(".") and len(text) < 400
    assert text.replace(str(path), "PATH").count(". ") <= 1, "two sentences at most"
    assert not re.search("Mustermann|Erika|4711|Thorax", text), "nothing of the patient"
    return text


def series(count: int = 4, **tags: object) -> list:
    return factory.ct_series(factory.stored_values(count), **tags)


@pytest.mark.skipif(not NOT_A_VOLUME.is_dir(), reason="the shared DICOM data are not on this machine")
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("S1000", "I10 is a localizer"),
        ("S1000/I10", "I10 is a localizer"),
        ("S1000/DIRFILE", "index of a DICOM medium"),
        ("S4010", "I10 is a secondary capture"),
        ("S4010/I10", "I10 is a secondary capture"),
        ("secondary_capture", "I10 is a secondary capture"),
        ("secondary_capture/I10", "I10 is a secondary capture"),
        (".", "S1000, S4010, secondary_capture"),
    ],
)
def test_real_dicom_that_is_no_ct_volume_is_refused(path: str, words: str):
    assert words in refusal(NOT_A_VOLUME / path)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"Modality": "MR"}, "modality MR"),
        ({"Modality": "PT"}, "modality PT"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, "another kind of DICOM object"),
        ({"RescaleSlope": None}, "rescale slope"),
        ({"RescaleSlope": "NaN"}, "rescale slope"),
        ({"RescaleSlope": "0"}, "rescale slope of 0"),
        ({"RescaleSlope": "-1"}, "rescale slope of -1"),
        ({"RescaleSlope": "1e9"}, r"rescale slope of 1e\+09"),
        ({"RescaleSlope": ["1", "2"]}, "rescale slope"),
        ({"RescaleIntercept": None}, "rescale intercept"),
        ({"RescaleIntercept": "1e30"}, "rescale intercept"),
        ({"ImagePositionPatient": None}, "position"),
        ({"ImagePositionPatient": ["1", "2"]}, "position"),
        ({"ImageOrientationPatient": None}, "orientation"),
        ({"ImageOrientationPatient": ["0"] * 6}, "impossible orientation"),
        ({"ImageOrientationPatient": ["1", "0", "0", "1", "0", "0"]}, "impossible orientation"),
        ({"PixelSpacing": None}, "pixel spacing"),
        ({"PixelSpacing": ["0", "0.5"]}, "pixel spacing"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"PhotometricInterpretation": "RGB"}, "colour"),
        ({"BitsAllocated": 12, "BitsStored": 12, "HighBit": 11}, "12 of 12 bits"),
        ({"BitsStored": 12, "HighBit": 15}, "12 of 16 bits"),
        ({"BitsStored": 40, "HighBit": 39}, "40 of 16 bits"),
        ({"PixelRepresentation": 7}, "bits"),
        ({"PixelRepresentation": None}, "sign of values"),
        ({"Rows": None}, "number of rows"),
        ({"Rows": 65535, "Columns": 65535}, "65535 × 65535"),
        ({"Rows": 0}, "0 × 10"),
        ({"Rows": 8000, "Columns": 8000}, "ends before its last pixel"),
        ({"Rows": 6}, "more pixels than"),
        ({"NumberOfFrames": 2}, "ends before its last pixel"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR DS")  # pydicom comments while the test makes the file
def test_a_header_that_cannot_be_ct_in_hu_is_refused(tmp_path: Path, tags: dict, words: str):
    folder = factory.save(series(**tags), tmp_path / "series")
    assert re.search(words, refusal(folder))
    assert re.search(words, refusal(folder / "001.dcm"))


def test_several_series_in_a_folder_are_told_apart_by_number_and_file(tmp_path: Path):
    factory.save(series(4), tmp_path)
    factory.save(series(3, SeriesInstanceUID="1.9", SeriesNumber=7), tmp_path, "B{:d}".format)
    text = refusal(tmp_path)
    assert "2 series" in text and "number 2: 4 CT images such as 000.dcm" in text and "number 7: 3 CT images" in text


def test_a_localizer_beside_the_series_is_named_as_such(tmp_path: Path):
    factory.save(series(4), tmp_path)
    scout = series(1, SeriesInstanceUID="1.9", SeriesNumber=1, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    factory.save(scout, tmp_path, "scout{:d}".format)
    assert "number 1: 1 localizer image such as scout0" in refusal(tmp_path)
    assert read_volume(tmp_path / "000.dcm").shape[0] == 4


def test_slices_of_several_orientations_are_refused(tmp_path: Path):
    slices = series(3)
    slices[1].ImageOrientationPatient = [f"{v:.6f}" for v in factory.rotation(1, 0, 0)]
    assert "several orientations" in refusal(factory.save(slices, tmp_path))


def test_slices_of_several_sizes_are_refused(tmp_path: Path):
    slices = series(3)
    slices[2].Rows, slices[2].Columns = 10, 12
    assert "12 × 10 and 10 × 12 pixels" in refusal(factory.save(slices, tmp_path))


def test_slices_of_several_pixel_spacings_are_refused(tmp_path: Path):
    slices = series(3)
    slices[2].PixelSpacing = ["0.5", "0.5"]
    assert "0.8 and 0.5 mm" in refusal(factory.save(slices, tmp_path))


@pytest.mark.parametrize(
    ("heights", "words"),
    [
        ([0, 2.5, 2.5, 5], "Two slices lie at the same place, at -97.5 mm"),
        ([0, 2.5, 0, 2.5], "2 slices lie at the place of another"),
        ([0, 2.5, 5, 10, 12.5], "A slice is missing: slices lie 2.5 mm apart, but between -95.0 and -90.0 mm"),
        ([0, 2.5, 5, 12.5, 15, 17.5, 22.5, 25], "3 slices are missing: .* first between -95.0 and -87.5 mm"),
        ([0, 1, 3, 5, 6, 7], "2 slices are missing"),
        ([0, 0.7, 1.38, 2.81, 3.5, 4.2], "A slice is missing"),  # steps that jitter a little
    ],
)
def test_duplicate_and_missing_positions_are_refused(tmp_path: Path, heights: list, words: str):
    folder = factory.save(series(len(heights), heights=heights), tmp_path)
    assert re.search(words, refusal(folder))


@pytest.mark.parametrize("lost", [1, 100, 200])
def test_a_file_that_was_not_copied_to_its_end_is_refused(tmp_path: Path, lost: int):
    file = factory.save(series(3), tmp_path) / "001.dcm"
    file.write_bytes(file.read_bytes()[:-lost])
    assert "001.dcm ends before its last pixel" in refusal(tmp_path)


@pytest.mark.parametrize("kept", [1000, 600, 300, 180, 140, 132, 60, 0])
def test_a_file_cut_off_in_its_header_is_refused(tmp_path: Path, kept: int):
    file = factory.save(series(3), tmp_path) / "001.dcm"
    content = file.read_bytes()
    assert len(content) > 1000
    file.write_bytes(content[:kept])
    assert "001.dcm" in refusal(tmp_path)
    if kept >= 132:  # a name without ending says nothing, the first bytes do
        assert "I10" in refusal(file.replace(tmp_path / "I10").parent)


def test_pixel_data_shorter_than_promised_are_refused(tmp_path: Path):
    slices = series(3)
    slices[1].PixelData = slices[1].PixelData[:100]
    assert "001.dcm ends before its last pixel" in refusal(factory.save(slices, tmp_path))
    slices[1].DataSetTrailingPadding = b"\0" * 500  # the file is long enough, the pixels are not
    assert "001.dcm ends before its last pixel" in refusal(factory.save(slices, tmp_path))


def test_a_length_beyond_the_end_of_the_file_is_refused(tmp_path: Path):
    file = factory.save(series(1), tmp_path) / "000.dcm"
    content = file.read_bytes()
    at = content.index(b"\xe0\x7f\x10\x00OW") + 8
    file.write_bytes(content[:at] + struct.pack("<I", 0xFFFFFFF0) + content[at + 4 :])
    assert "more pixels" in refusal(tmp_path)


def test_a_huge_compressed_matrix_is_refused_before_memory_is_taken(tmp_path: Path):
    slices = series(2)
    for dataset in slices:
        factory.compress(dataset, RLELossless)
        dataset.Rows = dataset.Columns = 8000
    assert refusal(factory.save(slices, tmp_path))


def test_garbage_named_dcm_is_refused(tmp_path: Path):
    garbage = tmp_path / "x.dcm"
    garbage.write_bytes(np.random.default_rng(1).bytes(5000))
    assert "neither a DICOM file" in refusal(garbage)
    assert "x.dcm is damaged" in refusal(tmp_path)


@pytest.mark.parametrize("seed", range(20))
def test_garbage_after_a_dicom_preamble_is_refused(tmp_path: Path, seed: int):
    garbage = tmp_path / "x.dcm"
    garbage.write_bytes(b"\0" * 128 + b"DICM" + np.random.default_rng(seed).bytes(5000))
    refusal(garbage)
    refusal(tmp_path)


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_in_a_header_never_give_a_traceback(tmp_path: Path, seed: int):
    file = factory.save(series(1), tmp_path) / "000.dcm"
    content = bytearray(file.read_bytes())
    generator = np.random.default_rng(seed)
    header = content.index(b"\xe0\x7f\x10\x00OW")
    for place in generator.integers(132, header, 12):
        content[place] = generator.integers(256)
    file.write_bytes(bytes(content))
    try:
        read_volume(tmp_path)
    except InputError as error:
        assert "\n" not in str(error)


def test_compressed_pixels_that_are_damaged_are_refused(tmp_path: Path):
    slices = series(2)
    for dataset in slices:
        factory.compress(dataset, RLELossless)
    file = factory.save(slices, tmp_path) / "001.dcm"
    content = bytearray(file.read_bytes())
    start = content.index(b"\xfe\xff\x00\xe0", content.index(b"\xe0\x7f\x10\x00O") + 20) + 8
    content[start : start + 64] = b"\xff" * 64
    file.write_bytes(bytes(content))
    assert "001.dcm" in refusal(tmp_path)


def test_an_unknown_compression_is_refused(tmp_path: Path):
    slices = series(2)
    for dataset in slices:
        factory.compress(dataset, RLELossless)
    folder = factory.save(slices, tmp_path)
    for file in folder.iterdir():  # a video syntax, written over one of the same length
        old, new = RLELossless.encode().ljust(20, b"\0"), UID("1.2.840.10008.1.2.9").encode().ljust(20, b"\0")
        assert old in file.read_bytes()
        file.write_bytes(file.read_bytes().replace(old, new))
    assert "cannot be read here" in refusal(folder)


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path):
    assert "does not exist" in refusal(tmp_path / "nothing")
    assert "does not exist" in refusal(tmp_path / "nothing.nrrd")


def test_an_empty_folder_is_refused(tmp_path: Path):
    assert "is empty" in refusal(tmp_path)


def test_a_folder_without_dicom_is_refused(tmp_path: Path):
    (tmp_path / "readme.txt").write_text("hello")
    assert "holds no DICOM images" in refusal(tmp_path)
    assert "neither a DICOM file" in refusal(tmp_path / "readme.txt")


def test_a_folder_above_the_series_points_at_it(tmp_path: Path):
    factory.save(series(2), tmp_path / "study" / "series 1")
    assert "study/series 1; choose that folder" in refusal(tmp_path)
    factory.save(series(2), tmp_path / "study" / "series 2")
    assert "study/series 1, study/series 2; choose one of them" in refusal(tmp_path)


def test_a_folder_of_volume_files_points_at_the_file(tmp_path: Path):
    (tmp_path / "ct.nrrd").write_text("NRRD")
    assert "name it: ct.nrrd" in refusal(tmp_path)


def test_an_enhanced_object_without_places_for_its_frames_is_refused(tmp_path: Path):
    dataset = factory.enhanced(factory.stored_values(3), heights=[0, 1, 2], slopes=[1, 1, 1])
    del dataset.PerFrameFunctionalGroupsSequence
    assert "does not tell where each lies" in refusal(factory.save([dataset], tmp_path))
