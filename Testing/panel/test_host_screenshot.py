"""`python -m Testing.host screenshot` makes the pictures of the documentation."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import qt
import slicer.util

CHECKOUT = Path(__file__).parents[2]


def host_command(*arguments):
    command = [sys.executable, "-m", "Testing.host", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=120)


def test_the_panel_with_a_volume_is_pictured_at_twice_the_resolution(ct, tmp_path):
    slicer.util.saveNode(ct.volume(), str(tmp_path / "scan.nrrd"))
    file = tmp_path / "new folder" / "panel.png"
    size = ("--width", 900, "--height", 500, "--scale", 2)
    done = host_command("screenshot", file, "--scenario", "panel", "--volume", tmp_path / "scan.nrrd", *size)
    assert done.returncode == 0, done.stderr
    picture = qt.QImage(str(file))
    assert (picture.width(), picture.height()) == (1800, 1000)
    seen = {picture.pixelColor(x, y).name() for x in range(0, 1800, 9) for y in range(0, 1000, 9)}
    assert len(seen) > 50  # panel, coloured bars and a CT, not an empty window


def test_an_unknown_scenario_or_volume_is_said_in_a_sentence():
    done = host_command("screenshot", "x.png", "--scenario", "nonsense")
    assert done.returncode == 2
    assert "three" in done.stderr
    assert host_command("screenshot", "x.png", "--volume", "nothing.nrrd").stderr == "nothing.nrrd does not exist.\n"


def test_the_scenarios_are_listed():
    assert {"three", "wipe", "overlay", "variants", "panel"} <= set(host_command("scenarios").stdout.split())
