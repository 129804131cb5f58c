"""A batch over folders that are named after their patients: log, table and records name nobody, unless asked."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import pytest
from privacy_audit import Watched, a_patient, told, watched


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good series, one that is no CT and one without a slope; no folder hides whose they are."""
    tree = tmp_path_factory.mktemp("trees") / "in"
    a_patient(tree / "Mustermann^Erika ZZPID-90417" / "CT Mustermann")
    a_patient(tree / "ERIKA_MUSTERMANN" / "b", seed=1, SeriesInstanceUID="1.2.3.5")
    a_patient(tree / "Mustermann" / "MR von Erika", SeriesInstanceUID="1.2.3.6", Modality="MR")
    a_patient(tree / "Mustermann" / "halb", SeriesInstanceUID="1.2.3.7", RescaleSlope=None)
    (tree / "Mustermann" / "Brief an Erika.txt").write_text("")
    return tree


@pytest.fixture(scope="module")
def work(trees: Path) -> Watched:
    commands = [
        ["batch", str(trees), "out", "--model", "median", "--dry-run"],
        ["batch", str(trees), "out", "--model", "median,gaussian"],
        ["batch", str(trees), "out", "--model", "median,gaussian", "--resume"],
        ["batch", str(trees), "nrrd", "--model", "median", "--format", "nrrd"],
    ]
    return watched(commands, trees.parent / "work")


@pytest.fixture(scope="module")
def asked(trees: Path) -> Watched:
    """The user asks for the names; a program asks for events."""
    commands = [
        ["batch", str(trees), "named", "--model", "median", "--names"],
        ["batch", str(trees), "events", "--model", "median", "--progress", "json"],
    ]
    return watched(commands, trees.parent / "asked")


def contents(place: Path, ending: str) -> str:
    files = sorted(place.rglob(f"*{ending}"))
    assert files
    return "\n".join(file.read_bytes().decode("utf-8", "replace") for file in files)


def test_the_batches_do_their_work(work: Watched):
    assert work.said.count("status 0 of batch") == 4, work.said
    assert len(list((work.place / "out").rglob("*.dcm"))) == 12


def test_tables_and_sentences_name_nobody(work: Watched):
    assert told(work.said) == [] and "(patient)" in work.said


def test_the_log_names_nobody(work: Watched):
    assert told(contents(work.place, "batch.csv")) == []
    with (work.place / "out" / "batch.csv").open(encoding="utf-8-sig", newline="") as file:
        assert sum(row["status"] == "done" for row in csv.DictReader(file)) == 4


@pytest.mark.parametrize("ending", [".json", ".nrrd"])
def test_records_and_volumes_name_nobody(work: Watched, ending: str):
    assert told(contents(work.place, ending)) == []


def test_a_batch_calls_no_other_machine(work: Watched):
    assert work.connections() == set()


def test_nothing_hidden_is_left(work: Watched):
    assert not [file for file in work.place.rglob("*") if file.name.startswith(".")]


def test_asked_for_the_log_gives_the_names(asked: Watched):
    assert "Mustermann" in (asked.place / "named" / "batch.csv").read_text(encoding="utf-8-sig")


def test_events_for_programs_hold_paths_and_no_other_name(asked: Watched):
    events = [json.loads(line) for line in asked.said.splitlines() if line.startswith("{")]
    rows = [event for event in events if event["event"] == "series"]
    assert len(rows) == 2
    for row in rows:
        assert told(json.dumps({key: value for key, value in row.items() if key not in ("input", "output")})) == []


@pytest.mark.skipif(not importlib.util.find_spec("distributed"), reason="without Dask")
def test_workers_are_called_on_this_machine_only(trees: Path):
    work = watched([["batch", str(trees), "workers", "--model", "median", "--workers", "2"]], trees.parent / "workers")
    assert "status 0" in work.said and told(work.said) == []
    assert work.connections() and work.connections() <= {"127.0.0.1", "localhost", "::1"}
    assert told("\n".join(Path(name).name for name in work.temporary_names())) == []
