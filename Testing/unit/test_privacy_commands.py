"""No command tells who was scanned, and none tells anything to other machines."""

from __future__ import annotations

from pathlib import Path

import pytest
from privacy_audit import Watched, a_patient, told, told_by_file, watched

COMMANDS = {  # the others read and write through the same rooms, and take longer
    "denoise": ["denoise", "{ct}", "denoised.nrrd", "--model", "median", "--report", "denoised.json"],
    "denoise, for programs": ["denoise", "{ct}", "denoised.nii.gz", "--model", "median", "--progress", "json"],
    "denoise, MetaImage": ["denoise", "{ct}", "denoised.mhd", "--model", "gaussian"],
    "denoise, DICOM": ["denoise", "{ct}", "derived", "--model", "gaussian", "--report", "derived.json"],
    "compare": ["compare", "{ct}", "compared", "--models", "median,gaussian"],
    "measure": ["measure", "{ct}", "--models", "median", "--json", "m.json", "--csv", "m.csv", "--html", "m.html"],
    "simulate": ["simulate", "{ct}", "low.nrrd", "--dose", "0.25", "--geometry", "parallel"],
}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Every command that reads volumes, at work on the series of somebody."""
    pytest.importorskip("matplotlib")
    place = tmp_path_factory.mktemp("privacy") / "outputs"
    ct = a_patient(place.parent / "ct")
    return watched([[part.format(ct=ct) for part in parts] for parts in COMMANDS.values()], place)


def test_the_commands_do_their_work(work: Watched):
    assert [line.split()[1] for line in work.said.splitlines() if line.startswith("status")] == ["0"] * len(COMMANDS), (
        work.said
    )
    endings = {file.suffix for file in work.place.rglob("*")}
    assert endings >= {".nrrd", ".json", ".gz", ".mhd", ".raw", ".dcm", ".png", ".csv", ".html"}


def test_no_command_says_who_was_scanned(work: Watched):
    assert told(work.said) == []


def test_no_file_but_dicom_tells_who_was_scanned(work: Watched):
    files = [file for file in work.place.rglob("*") if file.is_file() and file.suffix != ".dcm"]
    assert {file.name: told_by_file(file) for file in files if told_by_file(file)} == {}


def test_no_name_of_a_file_tells_who_was_scanned(work: Watched):
    assert told("\n".join(file.name for file in work.place.rglob("*"))) == []
    assert len(work.temporary_names()) > 20 and told("\n".join(work.temporary_names())) == []


def test_nothing_is_left_but_the_outputs(work: Watched):
    assert not [file for file in work.place.rglob("*") if file.name.startswith(".")]


def test_no_command_calls_another_machine_or_asks_for_its_address(work: Watched):
    assert work.connections() == set()


def test_the_watch_sees_what_is_looked_for(tmp_path: Path):
    assert told("an image of mustermann") == ["Mustermann"] and told("x".encode("utf-16-le")) == []
    assert told(b'src="data:image/png;base64,TXVzdGVybWFubg=="') == ["Mustermann"]
    events = [("socket.connect", "('10.0.0.1', 80)"), ("socket.getaddrinfo", "example.org"), ("socket.connect", "/x")]
    assert Watched("", events, tmp_path).connections() == {"10.0.0.1", "example.org"}
