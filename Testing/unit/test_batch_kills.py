"""A batch that is killed, at whatever moment, goes on with --resume and ends like one that nobody disturbed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from batch_factory import tree_of

sys.path.append(str(Path(__file__).resolve().parents[2]))
from Testing.soak.likeness import contents, differences, leftovers

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed batches are forked")
SERIES = 2
KILLS = int(os.environ.get("LDCT_KILLS", "9"))  # a test; more take longer


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


def check(tmp_path: Path, told: list[dict], undisturbed: int = 0) -> None:
    """All ended well, alike, tidily, and did nothing twice."""
    expected = contents(tmp_path / "out" / str(undisturbed))
    for number, one in enumerate(told):
        tree = tmp_path / "out" / str(number)
        assert one["status"] == 0, (number, (tmp_path / "out" / f"{number}.log").read_text())
        assert differences(contents(tree), expected) == leftovers(tree) == [], number
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
