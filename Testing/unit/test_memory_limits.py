"""Memory that really runs out, and how much is taken while there is enough: in processes of their own, on Linux."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMITS = (0, 8, 16, 24, 4000)  # MB that the process may take beyond what it has
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps such a limit")

UNDER_LIMITS = """
import json, resource, sys
import numpy as np, torch
from LDCTDenoiseLib import CTVolume, InputError
from LDCTDenoiseLib.inference.devices import prepare
from LDCTDenoiseLib.inference.engine import Settings, denoise_volume
from LDCTDenoiseLib.inference.seeds import slice_seed
from LDCTDenoiseLib.inference.tiles import denoise_in_tiles
from LDCTDenoiseLib.methods import load_denoiser
from LDCTDenoiseLib.weights.store import find_card

torch.set_num_threads(1)
method = load_denoiser(find_card(sys.argv[1]))
volume = CTVolume(np.random.default_rng(0).normal(0, 30, (1, 330, 420)).astype(np.float32))
setup = prepare(method, volume.shape[1:], "cpu", "float32")
settings, seeds, spacing = Settings(), [slice_seed(0, 0)], volume.spacing[:2]
whole = denoise_volume(volume, method, settings, setup=setup).volume.hu
for limit in map(int, sys.argv[2:]):
    taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + limit * 1000000, -1))
    tile, error, difference = None, "", 0.0
    try:
        outcome = denoise_volume(volume, method, settings, setup=setup)
    except InputError as refused:
        error = str(refused)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    if not error:
        tile, expected = outcome.rung.tile, whole
        if tile:
            expected = denoise_in_tiles(method, volume.hu, seeds=seeds, spacing=spacing, tile=tile)
        difference = float(abs(outcome.volume.hu - expected).max())
    print(json.dumps([tile, error, difference]))
"""


def test_a_network_goes_down_the_ladder_where_the_system_gives_no_more_memory(a_small_network):
    pytest.importorskip("torch")
    ended = run_python(UNDER_LIMITS, a_small_network, *map(str, LIMITS))
    by_limit = dict(zip(LIMITS, map(json.loads, ended.splitlines()), strict=True))
    tiles = {tile for tile, error, _ in by_limit.values() if not error}
    assert tiles >= {None, 256}, "whole slices where there is room, tiles where there is little"
    assert by_limit[4000][:2] == [None, ""]
    for limit, (tile, error, difference) in by_limit.items():
        assert not error or "too little memory" in error, f"{limit} MB: {error}"
        assert error or difference < 0.01, f"{limit} MB, tiles {tile}: another result, by {difference} HU"


def run_python(code: str, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "LDCTDenoise"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("given", "made", "most"), [("dicom", "dicom", 7), ("int16", ".nrrd", 7), ("float32", ".mha", 9)]
)
def test_a_volume_takes_few_bytes_a_voxel_from_file_to_file(tmp_path: Path, monkeypatch, given, made, most):
    """float32 4, padding 1, and beside them what a file stores: 2 while DICOM is written, 4 while float32 is read.

    Before, the result and the copies on its way made 11 to 20 of it.
    """
    monkeypatch.syspath_prepend(ROOT)
    from Testing.memory.inputs import write_file, write_series
    from Testing.memory.peak import measure
    from Testing.memory.rows import INPUTS, Row

    size, peaks, counts = 256, [], (20, 320)
    for count in counts:
        folder = tmp_path / str(count)
        folder.mkdir()
        if given == "dicom":
            write_series(folder / INPUTS[given], size, count)
        else:
            write_file(folder / INPUTS[given], size, count, given)
        peaks.append(measure(Row("gaussian", given, made).words(folder), 1, folder).whole)
    each = (peaks[1] - peaks[0]) / (size**2 * (counts[1] - counts[0]))
    assert each < most + 1, f"{each:.1f} bytes a voxel"


def test_the_memory_of_a_process_that_takes_some_is_seen(monkeypatch, tmp_path: Path):
    monkeypatch.syspath_prepend(ROOT)
    from Testing.memory import peak

    child = tmp_path / "Testing" / "memory"
    child.mkdir(parents=True)
    for name in (child.parent, child):
        (name / "__init__.py").touch()
    (child / "child.py").write_text(
        "import json, time\n"
        "def say(**event): print(json.dumps(event), flush=True)\n"
        "a = bytearray(b'x') * 300_000_000; del a\n"
        "say(event='progress', stage='denoise', done=1, total=2)\n"
        "time.sleep(0.5)\n"
        "b = bytearray(b'x') * 100_000_000; del b\n"
        "say(event='progress', stage='denoise', done=2, total=2)\n"
        "time.sleep(0.5)\n"
        "say(event='result')\n"
    )
    monkeypatch.chdir(tmp_path)  # `python -m` looks there first
    found = peak.measure([], 0, tmp_path, tmp_path)
    assert found.whole > 3e8 and found.whole == max(found.stages.values())
    assert 3e8 < found.stages["read"] < 4e8 and 1e8 < found.stages["denoise"] < 2e8 > found.stages["write"]


def test_the_command_fails_where_a_row_takes_more_than_the_limit(tmp_path: Path):
    words = ["--slices", "4", "--size", "64", "--models", "gaussian", "--folder", str(tmp_path)]
    for limit, status, verdict in (("4", 0, "PASSED"), ("0.01", 1, "FAILED")):
        command = [sys.executable, "-m", "Testing.memory", *words, "--limit", limit]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == status and done.stdout.strip().endswith(verdict), done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("model", ["gaussian", "rddm-balanced"])  # the second has a self-check, which does not count
def test_only_the_first_batches_are_computed_where_that_is_asked_for(monkeypatch, tmp_path: Path, model: str):
    monkeypatch.syspath_prepend(ROOT)
    from LDCTDenoiseLib.files import read_volume

    from Testing.memory.inputs import write_file
    from Testing.memory.peak import measure

    write_file(tmp_path / "in.nrrd", 32, 5, "float32")
    words = ["denoise", str(tmp_path / "in.nrrd"), str(tmp_path / "out.nrrd"), "--model", model, "--device", "cpu"]
    measure(words, 2, tmp_path)
    before, after = read_volume(tmp_path / "in.nrrd").hu, read_volume(tmp_path / "out.nrrd").hu
    assert [bool(np.any(one != other)) for one, other in zip(before, after, strict=True)] == [True, True, *[False] * 3]
