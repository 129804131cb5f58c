"""`python -m Testing.soak` sees what it is there to see."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest

pytest.importorskip("psutil")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def soak(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    import Testing.soak.likeness as likeness
    import Testing.soak.series as series

    return likeness, series


def outputs(folder: Path, series) -> Path:
    """A tree as a batch leaves it: DICOM, a record, a log."""
    series.write_series(folder, 1, 16, 2)
    (folder / "a.json").write_text(json.dumps({"model": "median", "seconds": 1.0, "task": {"run": "x", "slices": 2}}))
    (folder / "batch.csv").write_text("series,status,seconds\nseries-1,done,1.0\n")
    return folder


def spoil_pixels(tree: Path) -> None:
    path = next(tree.rglob("*.dcm"))
    dataset = pydicom.dcmread(path)
    dataset.PixelData = dataset.PixelData[:-2] + b"\1\1"
    dataset.save_as(path)


def spoil_nested(tree: Path) -> None:
    path = next(tree.rglob("*.dcm"))
    dataset = pydicom.dcmread(path)
    item = pydicom.Dataset()
    item.Manufacturer = "somebody"
    dataset.ContributingEquipmentSequence = [item]
    dataset.save_as(path)


SPOILERS = {
    "a pixel": spoil_pixels,
    "an item of a sequence": spoil_nested,
    "a file is missing": lambda tree: next(tree.rglob("*.dcm")).unlink(),
    "a file too many": lambda tree: (tree / "more.dcm").write_bytes(next(tree.rglob("*.dcm")).read_bytes()),
    "the record": lambda tree: (tree / "a.json").write_text('{"model": "nlm", "task": {"slices": 2}}'),
    "the log": lambda tree: (tree / "batch.csv").write_text("series,status,seconds\nseries-1,failed,1.0\n"),
}


def test_trees_that_differ_in_their_times_only_are_alike(tmp_path, soak):
    likeness, series = soak
    one, other = outputs(tmp_path / "one", series), outputs(tmp_path / "other", series)
    for path in other.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.SeriesTime, dataset.ContentDate = "235959", "20991231"
        dataset.save_as(path)
    (other / "a.json").write_text(json.dumps({"model": "median", "seconds": 2.0, "task": {"run": "y", "slices": 2}}))
    (other / "batch.csv").write_text("series,status,seconds\nseries-1,done,2.0\n")
    assert likeness.differences(likeness.contents(one), likeness.contents(other)) == []


@pytest.mark.parametrize("what", SPOILERS)
def test_any_other_difference_is_seen(tmp_path, soak, what):
    likeness, series = soak
    one, other = outputs(tmp_path / "one", series), outputs(tmp_path / "other", series)
    SPOILERS[what](other)
    assert len(likeness.differences(likeness.contents(one), likeness.contents(other))) == 1


def test_what_was_left_behind_is_seen_and_so_are_names_in_the_log(tmp_path, soak):
    likeness, series = soak
    tree = outputs(tmp_path, series)
    assert likeness.leftovers(tree) == [] == likeness.named(tree / "batch.csv")
    (tree / "CT").mkdir()
    (tree / "CT" / ".ldct-0123456789ab.part").mkdir()
    (tree / "batch.csv").write_text(f"series\n{series.FAMILY_NAMES[0]}/CT 1\n")
    assert likeness.leftovers(tree) == ["CT/.ldct-0123456789ab.part was left behind"]
    assert len(likeness.named(tree / "batch.csv")) == 1


def test_a_short_soak_passes(tmp_path):
    pytest.importorskip("distributed")
    pytest.importorskip("cryptography")
    work = ["--series", "6", "--size", "128", "--models", "nlm"]  # slow enough for the kills to find some left
    # seed 224: the first worker is killed after a second and the next one much later, the batch in between
    options = [*work, "--kill-every", "4", "--kill-batch", "1", "--keep", str(tmp_path / "all")]
    done = subprocess.run(
        [sys.executable, "-m", "Testing.soak", *options, "--seed", "224"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(r"(\d+) processes killed, 1 batches killed and resumed \((\d+) outputs done\)", done.stdout)
    assert told and int(told[1]) >= 1 and 1 <= int(told[2]) < 6, done.stdout
    assert "PASSED: 43 files compared, 0 faults" in done.stdout
