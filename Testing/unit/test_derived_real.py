"""Derived series of real scanners' files, as archives hand them out."""

from __future__ import annotations

from pathlib import Path

import dciodvfy
import derived_factory as made
import numpy as np
import pydicom
import pytest
from derived_factory import denoised, derive
from LDCTDenoiseLib import CTVolume
from LDCTDenoiseLib.files import read_volume
from pydicom.data import get_testdata_file
from test_files_codecs import sample
from test_files_geometry import ABDOMEN


def _alone(file: Path, place: Path) -> Path:
    """A folder with nothing but one file."""
    place.mkdir()
    (place / file.name).write_bytes(file.read_bytes())
    return place


def _near(back: CTVolume, derived: made.Derived, measured: np.ndarray) -> None:
    """Half a HU, or one where a voxel had to step aside from the padding value (−2000 stored)."""
    difference = np.abs(back.hu - derived.volume.hu)
    assert difference[measured & (np.abs(derived.volume.hu + 3024) > 1)].max() <= 0.5
    assert difference[measured].max() <= 1


def _valid_and_true(derived: made.Derived) -> None:
    assert dciodvfy.errors(derived.files) == []
    back = read_volume(derived.folder)
    assert back.lies_like(derived.volume)
    padding = derived.volume.padding
    measured = np.ones(back.shape, bool) if padding is None else ~padding
    _near(back, derived, measured)
    for (source, result), outside in zip(derived.pairs, ~measured, strict=True):
        before = source.pixel_array.astype(np.int64)
        np.testing.assert_array_equal(made.stored(result)[outside], before[outside])
        assert result.StudyInstanceUID == source.StudyInstanceUID and result.InstanceNumber == source.InstanceNumber


@pytest.mark.skipif(not ABDOMEN.is_dir(), reason="the shared DICOM data are not on this machine")
@pytest.mark.parametrize("private", [False, True])
def test_a_ge_abdomen_of_an_archive(tmp_path: Path, private: bool):
    derived = derive(ABDOMEN, tmp_path, denoised, private=private)
    _valid_and_true(derived)
    assert len(derived.results) == 41
    assert dciodvfy.contradictions([*derived.files, *ABDOMEN.iterdir()]) == []
    for source, result in derived.pairs:
        assert result.PatientIdentityRemoved == "YES"
        assert result.DeidentificationMethodCodeSequence == source.DeidentificationMethodCodeSequence
        assert [tag for tag in result if tag.tag.is_private] == [
            tag for tag in source if tag.tag.is_private and private
        ]


@pytest.mark.skipif(not ABDOMEN.is_dir(), reason="the shared DICOM data are not on this machine")
def test_a_ge_abdomen_is_the_same_bit_by_bit_where_nothing_changed(tmp_path: Path):
    for source, result in derive(ABDOMEN, tmp_path).pairs:
        assert result.PixelData == source.PixelData


@pytest.mark.parametrize("private", [False, True])
def test_the_one_slice_that_comes_with_pydicom(tmp_path: Path, private: bool):
    derived = derive(_alone(Path(get_testdata_file("CT_small.dcm")), tmp_path / "source"), tmp_path, private=private)
    _valid_and_true(derived)
    (source, result) = derived.pairs[0]
    assert result.PixelData == source.PixelData  # nothing was changed
    assert "DataSetTrailingPadding" not in result and ((0x0009, 0x0010) in result) == private


@pytest.mark.parametrize("name", ["693_UNCR.dcm", "693_UNCI.dcm", "693_J2KR.dcm"])
def test_a_head_of_an_archive_plain_and_compressed(tmp_path: Path, name: str):
    file = sample(name)
    derived = derive(_alone(file, tmp_path / "source"), tmp_path, denoised)
    assert dciodvfy.errors(derived.files) == []  # though its source has errors
    back, head = read_volume(derived.folder), pydicom.dcmread(file)
    assert back.lies_like(derived.volume)
    _near(back, derived, np.ones(back.shape, bool))
    for result in derived.results:
        assert (result.BitsStored, result.HighBit) == (head.BitsStored, head.HighBit)
        assert result.FrameOfReferenceUID and result.PatientIdentityRemoved == "YES"
        assert not result.StudyDate and result.ConvolutionKernel == "STANDARD"


def test_the_same_head_in_two_encodings_gives_the_same_pixels(tmp_path: Path):
    one, other = (
        derive(_alone(sample(name), tmp_path / name), tmp_path, denoised, name=f"{name} derived").results[0]
        for name in ("693_UNCR.dcm", "693_J2KR.dcm")
    )
    assert one.PixelData == other.PixelData
