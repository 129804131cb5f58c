"""Derived series of sources in other encodings: byte for byte the elements that an explicit little endian one gives."""

from __future__ import annotations

from pathlib import Path

import derived_factory as made
import dicom_factory as factory
import numpy as np
import pytest
import vendor_headers as vendors
from derived_factory import denoised, derive
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

_OF_NOW = {0x00080012, 0x00080013, 0x00080021, 0x00080023, 0x00080031, 0x00080033, 0x0018A001}


def _series(vendor: str, syntax: str | None = None) -> vendors.Series:
    series = vendors.VENDORS[vendor]()
    for dataset in series:
        sign = "SS" if dataset.PixelRepresentation else "US"
        table = vendors.item(LUTExplanation="bone")
        table.add_new("LUTDescriptor", sign, [3, -1000 if sign == "SS" else 1000, 16])
        dataset.VOILUTSequence = [table]
        dataset.RevolutionTime, dataset.CTDIvol, dataset.LossyImageCompression = 0.5, 7.25, "00"
        dataset.EventTimerNames = ["a", "bcd"]
        if syntax:
            dataset.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    return series


def _elements(derived: made.Derived) -> list[dict]:
    return [
        {t: v for t, v in made.elements(file).items() if t not in _OF_NOW and t >> 16 != 2} for file in derived.files
    ]


@pytest.mark.parametrize("vendor", ["ge", "siemens", "canon"])
def test_a_big_endian_source_gives_the_same_elements(tmp_path: Path, vendor: str):
    plain = derive(_series(vendor), tmp_path / "plain", denoised, private=True)
    other = derive(_series(vendor, ExplicitVRBigEndian), tmp_path / "other", denoised, private=True)
    assert _elements(plain) == _elements(other)


@pytest.mark.parametrize("vendor", ["ge", "siemens", "canon"])
def test_an_implicit_source_gives_the_same_elements(tmp_path: Path, vendor: str):
    plain = derive(_series(vendor), tmp_path / "plain", denoised)
    other = derive(_series(vendor, ImplicitVRLittleEndian), tmp_path / "other", denoised)
    assert _elements(plain) == _elements(other)


def test_private_elements_of_an_implicit_source_have_their_bytes_and_an_unknown_type(tmp_path: Path):
    plain = derive(_series("ge"), tmp_path / "plain", private=True)
    other = derive(_series("ge", ImplicitVRLittleEndian), tmp_path / "other", private=True)
    for one, two in zip(_elements(plain), _elements(other), strict=True):
        private = [tag for tag in one if tag >> 16 & 1]
        assert private and [one[tag][1] for tag in private] == [two[tag][1] for tag in private]
        creators = [tag for tag in private if tag & 0xFFFF < 0x100]
        assert {two[tag][0] for tag in creators} == {"LO"}
        assert {two[tag][0] for tag in private if tag not in creators} == {"UN"}


def test_a_file_without_preamble_gives_the_same_elements(tmp_path: Path):
    folder = factory.save(_series("ge", ImplicitVRLittleEndian), tmp_path / "source")
    plain = derive(folder, tmp_path, denoised, name="plain")
    for file in folder.iterdir():
        content = file.read_bytes()
        file.write_bytes(content[144 + int.from_bytes(content[140:144], "little") :])
    bare = derive(folder, tmp_path, denoised, name="bare")
    assert _elements(plain) == _elements(bare)
    assert all(file.read_bytes()[128:132] == b"DICM" for file in bare.files)
