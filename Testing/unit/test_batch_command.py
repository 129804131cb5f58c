"""`ldct-denoise batch`: what a user of it sees."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from batch_factory import SHAPE, contents, dicom_folder, tree_of
from dicom_factory import PATIENT
from LDCTDenoiseLib import CTVolume, read_volume, write_volume
from LDCTDenoiseLib.batch.log import read_log
from LDCTDenoiseLib.cli import main
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.workplace import only_one

QUICK = ("--model", "gaussian", "--format", "nrrd")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tree_of(tmp_path / "in", 2)


def batch(tree: Path, *arguments: str, out: str = "out") -> int:
    return main(["batch", str(tree), str(tree.parent / out), *arguments])


def test_from_a_tree_to_a_tree_with_a_log(tree: Path, capsys):
    assert batch(tree, "--model", "gaussian,median") == 0
    out = tree.parent / "out"
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.suffix != ".dcm")
    folders = [f"study {n}/series-{n}_{model}" for n in (1, 2) for model in ("gaussian", "median")]
    expected = ["batch.csv", "study 1", "study 2", *folders, *(f"{name}.json" for name in folders)]
    assert names == sorted(expected)
    volume = read_volume(out / "study 1/series-1_median")
    assert volume.shape == SHAPE and volume.source.kind == "dicom"
    told = capsys.readouterr().out
    assert "2 series for gaussian, median." in told and "batch.csv" in told and "research use only" in told.lower()
    assert max(map(len, told.splitlines())) <= 100 + len(str(out))


def test_the_table_tells_what_will_be_done_and_what_is_left_and_why(tree: Path, capsys):
    dicom_folder(tree / "mr", 7, Modality="MR")
    (tree / "notes.txt").write_text("x")
    write_volume(CTVolume(np.zeros((2, 8, 8))), tree / "phantom.nrrd")
    assert batch(tree, "--model", "gaussian", "--dry-run") == 0
    told = capsys.readouterr().out
    for words in ("study 1/series-1", "20×24", "Br40f", "120", "phantom", "Left out:", "MR", "--dry-run"):
        assert words in told, words
    assert not (tree.parent / "out").exists()
    assert max(map(len, told.splitlines())) <= 100
    assert batch(tree, "--model", "gaussian") == 0  # in the morning the log tells it too
    left = [row for row in read_log(tree.parent / "out" / "batch.csv") if row["status"] == "left"]
    assert any("MR" in row["error"] and row["series"].startswith("mr/") for row in left)
    assert "left out" in capsys.readouterr().out


def test_a_long_list_is_cut_unless_asked_for(tmp_path: Path, capsys):
    tree = tree_of(tmp_path / "in", 33, (2, 8, 8))
    assert batch(tree, *QUICK, "--dry-run") == 0
    assert "study 9" in capsys.readouterr().out
    assert batch(tree, *QUICK) == 0
    told = capsys.readouterr().out
    assert "study 9" not in told and "… and 3 more series; --dry-run shows all." in told


def test_the_widest_table_fits_a_terminal(tmp_path: Path, capsys):
    tree, words = (
        tmp_path / "in",
        {"KVP": "100.5", "ConvolutionKernel": ["Br40f\\3 and more", "4"], "SliceThickness": "0.625"},
    )
    for number in range(100, 104):
        dicom_folder(tree / ("a long name " * 8).strip() / "of many folders", number, (4, 8, 8), **words)
    assert batch(tree, *QUICK) == 0
    capsys.readouterr()
    assert batch(tree, "--model", "gaussian,median", "--format", "nrrd", "--resume", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "1 of 2" in told and "…" in told and max(map(len, told.splitlines())) <= 100


def test_a_batch_is_not_mixed_with_another_unasked(tree: Path, capsys):
    assert batch(tree, *QUICK) == 0
    before = contents(tree.parent / "out")
    assert batch(tree, *QUICK) == 2
    assert "add --resume" in capsys.readouterr().err
    assert batch(tree, *QUICK, "--resume") == 0
    told = capsys.readouterr().out
    assert "2 of 2 outputs are there already" in told and contents(tree.parent / "out") == before
    assert batch(tree, *QUICK, "--resume", "--strength", "0.5") == 2
    assert "strength 1.0 instead of 0.5" in capsys.readouterr().err
    assert batch(tree, *QUICK, "--overwrite", "--strength", "0.5") == 0
    after = contents(tree.parent / "out")
    assert after.keys() == before.keys() and all(after[name] != before[name] for name in before)


def test_a_batch_done_anew_goes_on_where_it_was_stopped(tree: Path):
    out = tree.parent / "out"
    assert batch(tree, *QUICK) == 0
    first = contents(out)
    assert batch(tree, *QUICK, "--overwrite") == 0
    second = contents(out)
    assert all(second[name] != first[name] for name in first if name.endswith(".json"))
    assert batch(tree, *QUICK, "--overwrite", "--resume") == 0
    assert contents(out) == second


def test_resumed_it_does_only_the_rest_and_what_is_new(tree: Path, capsys):
    assert batch(tree, *QUICK) == 0
    out = tree.parent / "out"
    (out / "study 2/series-2_gaussian.nrrd").unlink()
    kept = (out / "study 1/series-1_gaussian.nrrd").stat().st_mtime_ns
    dicom_folder(tree / "study 3", 3)
    assert batch(tree, *QUICK, "--resume") == 0
    assert (out / "study 1/series-1_gaussian.nrrd").stat().st_mtime_ns == kept
    assert [row["series"] for row in read_log(out / "batch.csv")] == [f"study {n}/series-{n}" for n in (1, 2, 3)]


def test_another_format_does_not_take_the_record_of_what_is_there(tree: Path, capsys):
    assert batch(tree, "--model", "gaussian") == 0
    assert batch(tree, "--model", "gaussian", "--format", "nrrd", "--resume") == 2
    assert "is there as dicom already; keep that --format" in capsys.readouterr().err
    assert batch(tree, "--model", "gaussian", "--resume") == 0
    assert [row["status"] for row in read_log(tree.parent / "out" / "batch.csv")] == ["done", "done"]


def test_failures_are_listed_the_rest_is_done_and_the_status_says_so(tree: Path, capsys, monkeypatch):
    import LDCTDenoiseLib.files as files

    read = files.read_series

    def failing(paths, **more):
        if "study 1" in str(paths[0]):
            raise InputError("A wire was loose.")
        return read(paths, **more)

    monkeypatch.setattr(files, "read_series", failing)
    assert batch(tree, *QUICK) == 2
    heard = capsys.readouterr()
    assert "study 1/series-1 was not done with gaussian: A wire was loose." in heard.err
    assert "1 of 2 could not be done" in heard.err and "gaussian     1       0       1" in heard.out
    assert (tree.parent / "out/study 2/series-2_gaussian.nrrd").exists()


def test_programs_hear_everything_as_json(tree: Path, capsys):
    assert batch(tree, *QUICK) == 0
    dicom_folder(tree / "study 3", 3)
    capsys.readouterr()
    assert batch(tree, *QUICK, "--resume", "--progress", "json") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (found,) = [event for event in events if event["event"] == "found"]
    assert [one["outputs"][0]["status"] for one in found["series"]] == ["already", "already", "todo"]
    rows = [event for event in events if event["event"] == "series"]
    assert [row["status"] for row in rows] == ["already", "already", "done"]
    assert Path(rows[2]["output"]).is_file() and Path(rows[2]["input"]).is_file()
    progress = [event for event in events if event["event"] == "progress" and event["stage"] == "denoise"]
    assert progress[-1]["done"] == progress[-1]["total"] == SHAPE[0]
    result = events[-1]
    assert (result["event"], result["done"], result["already"], result["failed"]) == ("result", 1, 2, 0)
    assert Path(result["log"]).is_file()


def test_names_are_hidden_unless_asked_for(tmp_path: Path, capfd):
    dicom_folder(tmp_path / "in" / PATIENT / "CT", 1)
    dicom_folder(tmp_path / "in" / PATIENT / "MR", 2, Modality="MR")
    assert batch(tmp_path / "in", *QUICK, "--progress", "auto") == 0
    log = (tmp_path / "out/batch.csv").read_text(encoding="utf-8")
    record = next((tmp_path / "out").rglob("*.json")).read_text(encoding="utf-8")
    heard = capfd.readouterr()
    for text in (log, record, heard.out, heard.err):
        assert not any(part in text for part in PATIENT.split("^"))
    assert "(patient)/CT/series-1" in log
    assert batch(tmp_path / "in", *QUICK, "--resume", "--overwrite", "--names") == 0
    assert PATIENT in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "nonsense"), "no model 'nonsense'"),
        (("--workers", "0"), "at least 1"),
        (("--workers", "2", "--scheduler", "tcp://x"), "not both"),
        (("--require", "GPU=1"), "add --scheduler"),
        (("--require", "GPU", "--scheduler", "tcp://x"), "not of the form GPU=1"),
        (("--format", "png"), "invalid choice"),
        (("--strength", "7"), "strength"),
    ],
)
def test_wrong_arguments_are_one_sentence_and_nothing_is_made(tree: Path, capsys, arguments, words):
    assert batch(tree, *arguments) == 2
    assert words in capsys.readouterr().err and not (tree.parent / "out").exists()


def test_a_device_that_is_not_here_is_refused_at_once(tree: Path, capsys):
    pytest.importorskip("torch")
    assert batch(tree, "--model", "median,rddm-fine", "--device", "cuda:7") == 2
    assert "no device cuda:7 here" in capsys.readouterr().err and not (tree.parent / "out").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_damaged_weights_are_refused_before_the_first_series(tree: Path, capsys, monkeypatch, workers):
    def damaged(card):
        raise InputError("The weights file of tiny is damaged.")

    monkeypatch.setattr("LDCTDenoiseLib.inference.run.load_denoiser", damaged)
    monkeypatch.setattr("LDCTDenoiseLib.batch.warm.WARM._models", {})
    assert batch(tree, *QUICK, "--workers", workers) == 2
    assert "weights file of tiny is damaged" in capsys.readouterr().err and not (tree.parent / "out").exists()


def test_what_a_user_should_know_of_the_series_is_told_once(tree: Path, capsys):
    for number in (8, 9):
        dicom_folder(tree / f"tilted {number}", number, shift=(0.0, 0.2, 0.0))
    assert batch(tree, *QUICK, "--dry-run") == 0
    told = capsys.readouterr().out
    assert "Notes, by number of the series\n  3, 4: " in told and told.count("tilt") >= 3


def test_a_tree_without_ct_and_none_at_all_are_sentences(tmp_path: Path, capsys):
    assert batch(tmp_path / "in") == 2
    assert "is not a folder" in capsys.readouterr().err
    (tmp_path / "in").mkdir()
    (tmp_path / "in/notes.txt").write_text("x")
    assert batch(tmp_path / "in") == 2
    assert "No CT series below" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_batches_in_one_tree_do_not_meet(tree: Path, capsys):
    (tree.parent / "out").mkdir()
    with only_one(tree.parent / "out", "busy"):
        assert batch(tree, *QUICK) == 2
    assert "Another batch is writing into this folder" in capsys.readouterr().err
    assert batch(tree, *QUICK) == 0


def test_a_full_disk_is_noticed_before_hours_of_computing(tree: Path, capsys, monkeypatch):
    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=10_000))
    assert batch(tree, *QUICK) == 2
    assert "outputs will need about" in capsys.readouterr().err
    assert not list((tree.parent / "out").rglob("*.nrrd"))


def test_outputs_inside_the_inputs_are_no_inputs_of_the_next_run(tree: Path):
    for more in ((), ("--resume",)):
        assert main(["batch", str(tree), str(tree / "denoised"), "--model", "gaussian", *more]) == 0
    assert len(read_log(tree / "denoised/batch.csv")) == 2


def started(tree: Path, **more) -> subprocess.Popen:
    """A batch that takes its time, in a process of its own; the first series are done."""
    slow = (
        "import sys, time\nfrom LDCTDenoiseLib.methods import classical\n"
        "real = classical.Gaussian.filter_slice\n"
        "classical.Gaussian.filter_slice = lambda *a, **k: (time.sleep(0.2), real(*a, **k))[1]\n"
        "from LDCTDenoiseLib.cli import main\nsys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", slow, "batch", str(tree), str(tree.parent / "out"), *QUICK]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment, **more)
    deadline = time.monotonic() + 60
    while not list((tree.parent / "out").rglob("*.nrrd")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.skipif(os.name == "nt", reason="signals of a terminal")
@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_ctrl_c_and_a_closed_terminal_end_it_tidily(tmp_path: Path, name: str):
    tree = tree_of(tmp_path / "in", 12)
    process = started(tree, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    begun = time.monotonic()
    process.send_signal(getattr(signal, name))
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and time.monotonic() - begun < 30
    assert "Traceback" not in error
    assert ("Cancelled" in error and "of 12 outputs are complete" in error) or name == "SIGHUP"
    out = tmp_path / "out"
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]
    done = list(out.rglob("*.nrrd"))
    assert (
        all(file.with_suffix(".json").exists() for file in done) and len(read_log(out / "batch.csv")) <= len(done) < 12
    )
    assert batch(tree, *QUICK, "--resume") == 0
    assert len(read_log(out / "batch.csv")) == 12


@pytest.mark.skipif(os.name == "nt", reason="a terminal of this kind")
def test_a_terminal_that_is_gone_is_no_defect(tmp_path: Path):
    tree = tree_of(tmp_path / "in", 6)
    ours, theirs = os.openpty()
    heard = []

    def listen() -> None:
        with contextlib.suppress(OSError):
            while data := os.read(ours, 4096):
                heard.append(data)

    threading.Thread(target=listen, daemon=True).start()

    def own_terminal() -> None:
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = started(tree, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=own_terminal)
    os.close(theirs)
    os.kill(process.pid, signal.SIGHUP)  # what the system does when a terminal closes
    assert process.wait(timeout=60) == 130 and b"Traceback" not in b"".join(heard)
    os.close(ours)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.startswith(".")]


@pytest.mark.skipif(os.name == "nt", reason="nohup")
def test_under_nohup_it_goes_on_without_its_terminal(tmp_path: Path):
    tree = tree_of(tmp_path / "in", 3)
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    process = started(
        tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, preexec_fn=ignore
    )
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 0
    assert len(read_log(tmp_path / "out/batch.csv")) == 3
