"""A few of the cases of `python -m Testing.fuzz`, in its child process and under its bounds of time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_TORCH = (
    "dicom,dicom implicit,dicom big endian,dicom deflated,dicom rle,dicom jpeg,dicom jpeg 2000,dicom jpeg-ls,"
    "dicom enhanced,dicom enhanced jpeg,nrrd,nrrd gzip,nhdr gzip,mha,mha zlib,mhd,nii,nii.gz,labels,markups,card"
)


def fuzz(*arguments: str) -> subprocess.CompletedProcess:
    paths = os.pathsep.join([str(ROOT / "LDCTDenoise"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "Testing.fuzz", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_spoilt_files_of_every_kind_give_a_volume_or_a_sentence():
    run = fuzz("--cases", "126", "--seed", "7", "--kinds", WITHOUT_TORCH)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "126 cases" in run.stdout and ", 0 faults" in run.stdout


def test_a_case_comes_back_from_its_seed_and_number(tmp_path: Path):
    make_case = watch_module().make_case
    kinds = ("dicom jpeg", "nrrd", "nii.gz", "markups")
    for number in range(8):
        contents = []
        for turn in range(2):
            folder = tmp_path / f"{number}-{turn}"
            folder.mkdir()
            make_case(1, number, folder, kinds)
            contents.append({file.name: file.read_bytes() for file in folder.iterdir()})
        assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("os._exit(9)", "the process died"),
        ("time.sleep(60)", "no answer"),
        ("facts['growth'] = 400 << 20", "400 MB of memory"),
        ("facts['fault'] = 'KeyError: what'", "KeyError"),
    ],
)
def test_what_must_not_happen_is_noticed_and_the_rest_goes_on(tmp_path: Path, monkeypatch, what: str, words: str):
    watcher = watch_module()
    monkeypatch.setattr(watcher, "PATIENCE", 1.5)
    child = tmp_path / "child.py"
    child.write_text(
        "import json, os, sys, time\n"
        "for number in range(int(sys.argv[1]), int(sys.argv[2])):\n"
        "    print(json.dumps({'begin': number, 'kind': 'card'}), flush=True)\n"
        "    facts = {'end': number, 'answer': 'read', 'fault': '', 'bytes': 0, 'seconds': 0.1, 'growth': 0}\n"
        f"    if number == 2: {what}\n"
        "    print(json.dumps(facts), flush=True)\n",
        encoding="utf-8",
    )

    class Watch(watcher.Watch):
        def _command(self, first: int, last: int) -> list[str]:
            return [sys.executable, str(child), str(first), str(last)]

    watch = Watch(1, tmp_path, "card", tmp_path / "kept")
    watch.run(0, 5)
    assert [fault.split(":")[0] for fault in watch.faults] == ["case 2 (card)"] and words in watch.faults[0]
    assert sum(watch.answers.values()) == (4 if words in ("the process died", "no answer") else 5)
    assert sorted(file.name for file in (tmp_path / "kept" / "seed-1-case-2").iterdir()) == [
        "rddm-test.json",
        "why.txt",
    ]


def watch_module():
    sys.path.insert(0, str(ROOT))
    import Testing.fuzz.__main__ as module

    return module
