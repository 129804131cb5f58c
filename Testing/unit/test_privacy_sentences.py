"""Headers are often wrong, and then anything may stand anywhere: no sentence passes it on."""

from __future__ import annotations

import struct
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from LDCTDenoiseLib import cli
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import read_volume
from privacy_audit import PERSON, a_patient, told

LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"SQ", b"UT", b"UN", b"UC", b"UR")  # with four bytes of length


def elements(content: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """Place, kind, length of the head and of the value of every element behind the file's own header."""
    at = 144 + struct.unpack("<I", content[140:144])[0]
    while at < len(content):
        kind = content[at + 4 : at + 6]
        head, form = (12, "<8xI") if kind in LONG else (8, "<6xH")
        (length,) = struct.unpack(form, content[at : at + head])
        yield at, kind, head, length
        at += head + length


def with_value(content: bytes, number: int, value: bytes) -> bytes | None:
    """The file with `value` in its element `number`, whatever belongs there; None for those of pixels."""
    at, kind, head, length = list(elements(content))[number]
    if kind in LONG:
        return None
    value += b" " * (len(value) % 2)
    return content[: at + 6] + struct.pack("<H", len(value)) + value + content[at + head + length :]


def sayings(folder: Path) -> str:
    """What a user would read, and what Python would print."""
    with warnings.catch_warnings(record=True) as printed:
        warnings.simplefilter("always")
        try:
            said = list(read_volume(folder).source.notices)
        except InputError as error:
            said = [str(error)]
    return "\n".join([*said, *(str(one.message) for one in printed)])


@pytest.fixture
def series(tmp_path: Path) -> list[Path]:
    return sorted(a_patient(tmp_path / "ct", slices=2, size=16).iterdir())


@pytest.mark.parametrize("value", [b"Mustermann^Erika", b"1\\Mustermann", b"ERIKA", b"ZZPID-90417"])
@pytest.mark.parametrize("spoilt", ["one slice", "all slices"])
def test_no_sentence_quotes_a_value_that_does_not_belong(
    series: list[Path], value: bytes, spoilt: str, caplog: pytest.LogCaptureFixture
):
    sound = [file.read_bytes() for file in series]
    quoted = {}
    for number, (at, kind, _, _) in enumerate(elements(sound[0])):
        tag = sound[0][at : at + 4].hex()
        for which, file in enumerate(series):
            content = with_value(sound[which], number, value)
            file.write_bytes(sound[which] if content is None or (spoilt == "one slice" and which) else content)
        if said := told(text := sayings(series[0].parent)):
            quoted[tag, kind] = said, text
    assert quoted == {} and told(caplog.text) == []


def test_no_sentence_about_several_series_describes_them_in_the_users_words(tmp_path: Path):
    folder = a_patient(tmp_path / "ct", size=16)
    for number, file in enumerate(sorted(a_patient(tmp_path / "x", size=16, SeriesInstanceUID="1.2.9").iterdir())):
        file.rename(folder / f"other-{number}.dcm")
    said = sayings(folder)
    assert "2 series" in said and told(said) == []


def test_two_threads_that_read_hear_no_comments_of_pydicom(series: list[Path]):
    for file in series:
        content = file.read_bytes()
        number = next(number for number, (_, kind, _, _) in enumerate(elements(content)) if kind == b"UI")
        file.write_bytes(with_value(content, number, b"Mustermann^Erika"))

    def read() -> None:
        for _ in range(20):
            with pytest.raises(InputError):
                read_volume(series[0].parent)

    with warnings.catch_warnings(record=True) as printed:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [str(one.message) for one in printed] == []


def test_a_defect_is_told_by_its_place_and_not_by_its_text(
    series: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
):
    def defect(*_args: object, **_named: object) -> None:
        raise ValueError(f"could not convert string to float: {PERSON['PatientName']!r}")

    monkeypatch.delenv(cli.DEBUG, raising=False)
    monkeypatch.setattr("LDCTDenoiseLib.files.dicom.read_dicom", defect)
    status = cli.main(["denoise", str(series[0].parent), str(tmp_path / "x.nrrd"), "--model", "median"])
    said = "".join(capfd.readouterr())
    assert status == cli.DEFECT and "ValueError in test_privacy_sentences.py" in said and told(said) == []
