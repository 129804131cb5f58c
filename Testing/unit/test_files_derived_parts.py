"""The parts from which a derived series is made, one by one."""

from __future__ import annotations

import struct
import threading
import warnings
from pathlib import Path

import pydicom
import pytest
import vendor_headers as vendors
from derived_factory import RECORD
from LDCTDenoiseLib.files.derived.encoding import explicit_little_endian
from LDCTDenoiseLib.files.derived.identity import series_number
from LDCTDenoiseLib.files.derived.lossy import tell_loss
from LDCTDenoiseLib.files.derived.provenance import Made
from LDCTDenoiseLib.files.derived.scale import decimal_string
from LDCTDenoiseLib.files.derived.times import date_and_time
from LDCTDenoiseLib.files.derived.words import add_words
from LDCTDenoiseLib.files.dicom_header import DicomFile, PixelPlace
from LDCTDenoiseLib.files.dicom_slices import Stored
from LDCTDenoiseLib.files.quiet import quiet_pydicom
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

END = struct.pack("<II", 0xE0DDFFFE, 0)


# --- encoding ---


def test_what_cannot_be_read_is_left_out_and_odd_lengths_are_mended():
    source = Dataset()
    source._dict[Tag(0x00100020)] = RawDataElement(Tag(0x00100020), "LO", 3, b"abc", 0, False, True)
    source._dict[Tag(0x00204000)] = RawDataElement(Tag(0x00204000), "LT", 1 << 20, None, 0, False, True)  # not read
    plain = explicit_little_endian(source, private=False)
    assert list(plain.keys()) == [0x00100020] and plain.get_item(0x00100020).value == b"abc "


@pytest.mark.parametrize(
    ("signed", "limits"), [(1, {"PixelPaddingValue": -2000}), (0, {"SmallestImagePixelValue": 65000})]
)
def test_numbers_whose_sign_depends_on_the_pixels_get_the_right_one(signed: int, limits: dict):
    source = Dataset()
    source.PixelRepresentation = signed
    for keyword, value in limits.items():
        tag, value = Tag(keyword), int(value).to_bytes(2, "little", signed=value < 0)
        source._dict[tag] = RawDataElement(tag, None, 2, value, 0, True, True)
    plain = explicit_little_endian(source, private=False)
    for keyword, value in limits.items():
        assert plain[keyword].value == value and ("SS" if signed else "US") == plain[keyword].VR


# --- numbers and names ---


@pytest.mark.parametrize(
    "value", [0, -1024, 0.1, 1 / 3, -1234567.890123456, 1e-7 / 3, 1.2345678901234567e-300, 65535e12, -0.05]
)
def test_decimal_strings_have_16_characters_and_the_value(value: float):
    text = decimal_string(value)
    assert len(text) <= 16 and float(text) == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize(
    ("source", "number"), [("5", 500), ("", 0), ("x", 0), ("-3", 300), ("2147483647", 748364700), ("21474836", None)]
)
def test_series_numbers_stay_within_an_integer_string(source: str, number: int | None):
    found = series_number(source, Made.by(RECORD))
    assert 0 < found <= 2**31 - 1 and str(found) != source
    assert number is None or 0 < found - number < 100


def test_strength_and_draws_have_a_name_and_a_number_of_their_own():
    labels = [
        Made.by({**RECORD, **changes}).label
        for changes in ({"strength": 1, "draws": 1}, {"strength": 0.5, "draws": 1}, {"strength": 1.0, "draws": 4})
    ]
    assert labels == ["rddm-balanced", "rddm-balanced 50%", "rddm-balanced 4x"]


# --- words and times ---


@pytest.mark.parametrize(
    ("charset", "before", "after"),
    [
        ("ISO_IR 100", b"Sch\xe4del ", b"Sch\xe4del [x]"),
        ("ISO_IR 192", b"Sch\xe4del", b"Sch\xe4del [x]"),  # not what it claims to be: kept all the same
        ("ISO_IR 13", b"\xd4\xcf \xc0\xde", b"\xd4\xcf \xc0\xde [x]"),
        ("ISO_IR 13", b"\xd4 \xcf" * 30, (b"\xd4 \xcf" * 30)[:60] + b" [x]"),
        ("ISO_IR 100", b"a " * 40, b"a " * 29 + b"a [x]"),
        ("ISO_IR 100", b"one\\two", b"one two [x]"),
        ("ISO_IR 100", b"  ", b"[x]"),
        ("ISO_IR 192", "ä".encode() * 64, "ä".encode() * 60 + b" [x]"),
    ],
)
def test_words_are_added_to_bytes(charset: str, before: bytes, after: bytes):
    header = Dataset()
    header.SpecificCharacterSet = charset
    tag = Tag("SeriesDescription")
    header._dict[tag] = RawDataElement(tag, "LO", len(before), before, 0, False, True)
    header.set_original_encoding(False, True, header._character_set)
    with quiet_pydicom():
        add_words(header, "SeriesDescription", "[x]", " ", 64)
    element = header.get_item(tag)
    value = element.value if element.is_raw else element.value.encode("utf-8")
    assert value.strip() == after.strip() and (not element.is_raw or len(value) % 2 == 0)


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        ("", "20060102101600.125", ("20060102", "101600.125")),
        ("", "20060102101600-0500", ("20060102", "101600")),
        ("+0100", "20060102231600.5-0500", ("20060103", "051600.5")),
        ("+0100", "20060102", ("20060102", "")),
        ("+9900", "2006010210", ("20060102", "10")),
        ("+0100", "20069999101600-0500", ("", "")),
        ("", "yesterday", ("", "")),
    ],
)
def test_a_moment_is_told_in_the_zone_of_the_header(zone: str, moment: str, expected: tuple[str, str]):
    header = Dataset()
    if zone:
        header.TimezoneOffsetFromUTC = zone
    tag = Tag("FrameAcquisitionDateTime")
    header._dict[tag] = RawDataElement(tag, "DT", len(moment), moment.encode(), 0, False, True)
    with quiet_pydicom():
        assert date_and_time(header, "FrameAcquisitionDateTime") == expected


def test_pydicom_stays_quiet_until_the_last_thread_has_left(recwarn):
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with quiet_pydicom():
            inside.set()
            leave.wait(5)

    filters = list(warnings.filters)
    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(5)
    with quiet_pydicom():
        pass
    pydicom.charset.decode_bytes(b"\xe4", ["utf8"], set())  # comments on what it cannot decode
    leave.set()
    thread.join()
    assert not recwarn.list and warnings.filters == filters


# --- what was lost before us ---


@pytest.mark.parametrize(
    ("syntax", "flag", "told"),
    [
        ("1.2.840.10008.1.2.4.91", "00", "00"),  # may be either, and the flag is believed
        ("1.2.840.10008.1.2.4.91", None, "01"),
        ("1.2.840.10008.1.2.4.50", "00", "01"),  # always loses
        ("1.2.840.10008.1.2.4.90", None, None),
        ("1.2.840.10008.1.2.1", "00", "00"),
    ],
)
def test_the_lossy_flag_is_believed_where_it_can_be_true(tmp_path: Path, syntax: str, flag: str | None, told: str):
    stored = Stored(PixelPlace(0, None, True), syntax, 1, 10, 10, 16, 12, False, False)
    header = vendors.item(LossyImageCompression=flag) if flag else Dataset()
    (tmp_path / "packed").write_bytes(struct.pack("<IIII", 0xE000FFFE, 0, 0xE000FFFE, 40) + b"\xff\x4f" * 20 + END)
    tell_loss(header, DicomFile(tmp_path / "packed", header, syntax, 0, stored.place), stored)
    assert header.get("LossyImageCompression") == told
    assert header.get("LossyImageCompressionRatio") == (5 if told == "01" else None)
