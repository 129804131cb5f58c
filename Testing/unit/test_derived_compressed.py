"""Derived series of compressed sources: uncompressed, exact, and honest about a lossy past."""

from __future__ import annotations

from pathlib import Path

import dciodvfy
import derived_factory as made
import dicom_factory as factory
import numpy as np
import pydicom
import pytest
import vendor_headers as vendors
from derived_factory import denoised, derive
from pydicom.dataset import FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSNearLossless,
    RLELossless,
)
from test_files_codecs import SAMPLES, stream, stream_of, with_streams

LOSSLESS = (JPEGLosslessSV1, JPEG2000Lossless, RLELossless, DeflatedExplicitVRLittleEndian)
_FLAG = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")


def compressed(syntax: str, place: Path) -> Path:
    """A SOMATOM's series, padded and without a sign, in another transfer syntax."""
    series = vendors.somatom()
    for dataset in series:
        if syntax == RLELossless:
            _pack(dataset)
        elif syntax == DeflatedExplicitVRLittleEndian:
            dataset.file_meta.TransferSyntaxUID = syntax
        else:
            place.mkdir(parents=True, exist_ok=True)
            plane = made.stored(dataset).astype(np.uint16)
            with_streams(dataset, [stream(plane, syntax, place)], syntax)
    return factory.save(series, place / "source")


def _pack(dataset: FileDataset) -> None:
    """Run-length encoding; the object keeps its name."""
    uid = dataset.SOPInstanceUID
    factory.compress(dataset, RLELossless)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid


@pytest.mark.parametrize("syntax", LOSSLESS, ids=["JPEG", "JPEG 2000", "RLE", "deflated"])
def test_a_losslessly_compressed_source_gives_the_objects_of_its_uncompressed_twin(tmp_path: Path, syntax: str):
    twin = derive(vendors.somatom(), tmp_path / "twin", denoised)
    derived = derive(compressed(syntax, tmp_path / "packed"), tmp_path, denoised)
    for one, other in zip(twin.results, derived.results, strict=True):
        assert other.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert one.PixelData == other.PixelData and one.SOPInstanceUID == other.SOPInstanceUID
        assert not [keyword for keyword in _FLAG if keyword in other]
        assert (other.BitsStored, other.HighBit, other["PixelData"].VR) == (12, 11, "OW")
    assert dciodvfy.errors(derived.files) == []


@pytest.mark.parametrize(
    ("syntax", "sample", "method", "flag"),
    [
        (JPEGExtended12Bit, "JPGExtended.dcm", "ISO_10918_1", None),
        (JPEGExtended12Bit, "JPGExtended.dcm", "ISO_10918_1", "01"),
        (JPEGLSNearLossless, "JPEGLSNearLossless_16.dcm", "ISO_14495_1", None),
    ],
)
def test_a_source_that_is_compressed_with_loss_is_called_so_with_ratio_and_method(
    tmp_path: Path, syntax: str, sample: str, method: str, flag: str | None
):
    if not (SAMPLES / sample).is_file():
        pytest.skip("this version of pydicom comes without that file")
    head = pydicom.dcmread(SAMPLES / sample)
    code = stream_of(SAMPLES / sample)
    shape, bits = (head.Rows, head.Columns), head.BitsStored
    series = [
        with_streams(dataset, [code], syntax)
        for dataset in vendors.with_tags(
            factory.ct_series(np.zeros((3, *shape), np.uint16), BitsStored=bits, HighBit=bits - 1),
            LossyImageCompression=flag,
        )
    ]
    derived = derive(series, tmp_path)
    packed = sum(shape[0] * shape[1] * 2 for _ in series) / (len(code) * len(series))
    for result in derived.results:
        assert result.LossyImageCompression == "01" and result.LossyImageCompressionMethod == method
        assert float(result.LossyImageCompressionRatio) == pytest.approx(
            packed, rel=0.2
        )  # it counts what the container adds
    assert dciodvfy.errors(derived.files) == []


def test_a_ratio_of_the_past_is_not_replaced_by_a_computed_one(tmp_path: Path):
    series = vendors.with_tags(
        vendors.ge(), LossyImageCompression="01", LossyImageCompressionRatio="12.5",
        LossyImageCompressionMethod="ISO_10918_1",
    )  # fmt: skip
    for dataset in series:  # decompressed and packed again, now without loss
        _pack(dataset)
    for result in derive(series, tmp_path).results:
        assert (result.LossyImageCompression, float(result.LossyImageCompressionRatio)) == ("01", 12.5)


def test_a_lossy_flag_is_never_without_ratio_and_method(tmp_path: Path):
    series = vendors.with_tags(vendors.ge(), LossyImageCompression="01")
    for result in derive(series, tmp_path).results:
        assert result.LossyImageCompression == "01"
        assert result.get("LossyImageCompressionRatio") and result.get("LossyImageCompressionMethod")
