"""A batch that is killed, at whatever moment, goes on with --resume and ends like one that nobody disturbed."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from batch_factory import tree_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed batches are forked")
SERIES = 2
KILLS = int(os.environ.get("LDCT_KILLS", "9"))  # a test; more take longer
OF_THE_RUN = ("finished", "seconds", "run", "stat", "versions")  # in records: when, not what


def killed(tmp_path: Path, plans: list[dict], *arguments: str) -> list[dict]:
    """Batches that were killed as planned and then went on; their outputs are in tmp_path / "out" / number."""
    tree = tmp_path / "in"
    if not tree.exists():
        tree_of(tree, SERIES)
        (tmp_path / "out").mkdir()
    wanted = {"tree": str(tree), "outputs": str(tmp_path / "out"), "arguments": list(arguments), "plans": plans}
    script = Path(__file__).with_name("batch_kills.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script)], input=json.dumps(wanted) + "\n", capture_output=True, text=True,
        timeout=60 + 30 * len(plans), env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def outcome(tree: Path) -> dict[str, object]:
    """Everything below a tree of outputs, without what differs from run to run."""
    found: dict[str, object] = {}
    for file in sorted(path for path in tree.rglob("*") if path.is_file()):
        name = file.relative_to(tree).as_posix()
        if file.suffix == ".json":
            found[name] = timeless(json.loads(file.read_text(encoding="utf-8")))
        elif file.suffix == ".csv":
            with file.open(encoding="utf-8-sig", newline="") as lines:
                found[name] = [timeless(row) for row in csv.DictReader(lines)]
        else:
            found[name] = content(file)
    return found


def content(file: Path) -> object:
    """The bytes of a volume; the elements of a DICOM object, without the times of its making."""
    if file.suffix != ".dcm":
        return file.read_bytes()
    from pydicom import dcmread

    dataset = dcmread(file)
    elements = [element for element in dataset.iterall() if element.VR not in ("DA", "TM", "DT", "SQ")]
    return [(element.tag, str(element.value)) for element in elements]


def timeless(facts: dict) -> dict:
    return {
        key: timeless(value) if isinstance(value, dict) else value
        for key, value in facts.items()
        if key not in OF_THE_RUN
    }


def check(tmp_path: Path, told: list[dict], undisturbed: int = 0) -> None:
    """All ended well, alike, tidily, and did nothing twice."""
    expected = outcome(tmp_path / "out" / str(undisturbed))
    for number, one in enumerate(told):
        tree = tmp_path / "out" / str(number)
        assert one["status"] == 0, (number, (tmp_path / "out" / f"{number}.log").read_text())
        assert outcome(tree) == expected, number
        assert not [path for path in tree.rglob("*") if path.name.startswith(".")], number
        for name, time in one["times"].items():  # an output that was there after the kill is the same file now
            if Path(name).suffix in (".nrrd", ".dcm") and ".part" not in name:
                assert Path(name).stat().st_mtime_ns == time, (number, name)


@pytest.mark.parametrize("arguments", [("--format", "nrrd"), ("--format", "dicom")], ids=["nrrd", "dicom"])
def test_killed_before_each_change_of_a_file_it_goes_on(tmp_path: Path, arguments: tuple[str, ...]):
    arguments = ("--model", "gaussian", *arguments)
    (whole,) = killed(tmp_path, [{}], *arguments)
    steps = range(random.Random(KILLS).randint(1, 5), whole["steps"] + 1, max(1, whole["steps"] // KILLS))
    told = killed(tmp_path, [{}, *({"step": step} for step in steps)], *arguments, "--overwrite")
    assert sum(one["killed"] for one in told) > len(steps) // 2  # two threads do not always make as many steps
    check(tmp_path, told)


def test_killed_at_any_time_it_goes_on(tmp_path: Path):
    arguments = ("--model", "gaussian,median", "--format", "nrrd")
    (whole,) = killed(tmp_path, [{}], *arguments)
    times = random.Random(0)
    plans = [{"seconds": times.uniform(0, whole["seconds"])} for _ in range(KILLS)]
    told = killed(tmp_path, [{}, *plans], *arguments, "--overwrite")
    assert any(one["killed"] for one in told)
    check(tmp_path, told)
