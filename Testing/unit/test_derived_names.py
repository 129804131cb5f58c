"""People in a derived series: names as they were written, private tags by choice, nobody new."""

from __future__ import annotations

import getpass
import platform
from pathlib import Path

import derived_factory as made
import dicom_factory as factory
import pydicom
import pytest
import vendor_headers as vendors
from derived_factory import RECORD, denoised, derive
from pydicom.uid import ImplicitVRLittleEndian

CHARSETS = {
    "latin-1": ("ISO_IR 100", "Müßtermann^Jörg"),
    "utf-8": ("ISO_IR 192", "Müßtermann^Đặng山田"),
    "cyrillic": ("ISO_IR 144", "Люкceмбypг"),
    "katakana": ("ISO_IR 13", "ﾔﾏﾀﾞ"),
    "chinese": ("GB18030", "Wang^XiaoDong=王^小东"),
    "japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "japanese with katakana": (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    "korean": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
}
OF_PEOPLE = ("PatientName", "PatientID", "PatientComments", "StudyDescription", "InstitutionName")


@pytest.mark.parametrize("charset", CHARSETS)
def test_names_and_texts_keep_their_bytes_in_every_character_set(tmp_path: Path, charset: str):
    terms, name = CHARSETS[charset]
    word = name.replace("^", " ").split("=")[-1]
    series = vendors.with_tags(
        vendors.somatom(), SpecificCharacterSet=terms, PatientName=name, PatientComments=word,
        StudyDescription=word, SeriesDescription=word, InstitutionName=word, ReferringPhysicianName=name,
    )  # fmt: skip
    for dataset in series:
        dataset.remove_private_tags()  # of the vendor's own country
    for source, result in derive(series, tmp_path, denoised).pairs:
        assert made.raw(result, "SpecificCharacterSet") == made.raw(source, "SpecificCharacterSet")
        for keyword in OF_PEOPLE:
            assert made.raw(result, keyword) == made.raw(source, keyword), keyword
        assert str(result.PatientName) == name and result.StudyDescription == word
        assert result.SeriesDescription.startswith(word) and "rddm-balanced" in result.SeriesDescription


def test_bytes_that_no_character_set_explains_are_kept_as_they_are(tmp_path: Path):
    folder = factory.save(vendors.with_tags(vendors.ge(), SeriesDescription="Hüfte"), tmp_path / "source")
    for file in folder.iterdir():  # older scanners wrote Latin-1 and declared nothing
        file.write_bytes(file.read_bytes().replace(b"ISO_IR 100", b"          "))
    for source, result in derive(folder, tmp_path, denoised).pairs:
        for keyword in ("PatientName", "InstitutionName", "ImageComments"):
            assert made.raw(result, keyword) == made.raw(source, keyword) != b""
        assert made.raw(result, "SeriesDescription").startswith("Hüfte".encode("latin-1"))


@pytest.mark.parametrize("charset", [None, "ISO_IR 100", ["", "ISO 2022 IR 87"]])
def test_what_is_added_is_ascii_also_for_a_model_with_another_name(tmp_path: Path, charset):
    series = vendors.with_tags(
        vendors.somatom(), SpecificCharacterSet=charset, PatientName="A", ReferringPhysicianName=""
    )
    record = {**RECORD, "model": "größe-×-山", "model_version": "1.2"}
    result = derive(series, tmp_path, record=record).results[0]
    for keyword in ("DerivationDescription", "SeriesDescription"):
        assert (made.raw(result, keyword) or b"\xff").isascii(), keyword
    assert result.get("SpecificCharacterSet") == (
        charset if not isinstance(charset, list) else pydicom.multival.MultiValue(str, charset)
    )


@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_private_tags_go_unless_asked_for_also_from_within_sequences(tmp_path: Path, vendor: str):
    derived = derive(vendors.VENDORS[vendor](), tmp_path)
    assert any(_private(source) for source in derived.sources)
    assert not any(_private(result) for result in derived.results)
    assert not any("Jörg".encode("latin-1") in _without_name(file) for file in derived.files)


@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_private_tags_stay_byte_for_byte_where_asked_for(tmp_path: Path, vendor: str):
    for source, result in derive(vendors.VENDORS[vendor](), tmp_path, private=True).pairs:
        assert _private(result) == _private(source) != []


def test_private_tags_of_any_length_stay(tmp_path: Path):
    series = vendors.siemens()
    for dataset in series:
        dataset.private_block(0x0029, "SIEMENS CSA HEADER").add_new(0x20, "OB", bytes(range(250)) * 800)
    for source, result in derive(series, tmp_path, private=True).pairs:
        assert _private(result) == _private(source)


def test_private_tags_of_an_implicit_file_keep_their_bytes(tmp_path: Path):
    series = vendors.siemens()
    for dataset in series:
        dataset.private_block(0x0029, "UNHEARD OF", create=True).add_new(0x01, "OB", b"\1\2\3\4")
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    for result in derive(series, tmp_path, private=True).results:
        assert result.private_block(0x0029, "UNHEARD OF")[0x01].value == b"\1\2\3\4"
        assert result.private_block(0x0029, "SIEMENS CSA HEADER")[0x10].value.startswith(b"SV10")


@pytest.mark.parametrize("private", [False, True])
def test_a_deidentified_series_stays_deidentified(tmp_path: Path, private: bool):
    series = vendors.deidentified(vendors.siemens())
    derived = derive(series, tmp_path / "Müßtermann Jörg", denoised, private=private)
    for source, result in derived.pairs:
        for keyword in (
            "PatientIdentityRemoved", "DeidentificationMethod", "PatientName", "PatientID", "PatientBirthDate",
            "LongitudinalTemporalInformationModified", "AccessionNumber", "ReferringPhysicianName",
        ):  # fmt: skip
            assert made.raw(result, keyword) == made.raw(source, keyword), keyword
        for keyword in ("InstitutionName", "StationName", "OperatorsName", "DeviceSerialNumber", "PatientComments"):
            assert keyword not in result
        assert not _private(result)


def test_neither_the_machine_nor_its_user_nor_a_path_gets_into_the_files(tmp_path: Path):
    derived = derive(vendors.canon(), tmp_path / "MUSTERMANN_ERIKA", denoised, {**RECORD, "input": "MUSTERMANN_ERIKA"})
    words = {platform.node(), str(tmp_path), "MUSTERMANN", getpass.getuser() if _tells_a_user() else ""} - {""}
    for file in derived.files:
        content = file.read_bytes()
        assert not [word for word in words if len(word) > 4 and word.encode() in content]
    for result in derived.results:
        for item in result.ContributingEquipmentSequence:
            assert not {"InstitutionName", "StationName", "OperatorsName", "InstitutionAddress"} & set(item.dir())


def _private(dataset: pydicom.Dataset) -> list[tuple]:
    """Tag, VR and value of every private element, those in sequences too."""
    return [
        (element.tag, element.VR, element.value)
        for element in dataset.iterall()
        if element.tag.is_private and element.VR != "SQ"
    ]


def _without_name(file: Path) -> bytes:
    return file.read_bytes().replace("Müßtermann^Jörg".encode("latin-1"), b"").replace("Größe".encode("latin-1"), b"")


def _tells_a_user() -> bool:
    try:
        return bool(getpass.getuser())
    except (KeyError, OSError, ImportError):
        return False
