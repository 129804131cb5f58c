"""ldct-denoise benchmark: which rows it has, and what it prints and writes; classical methods, which need no torch."""

import csv
import importlib.util
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from LDCTDenoiseLib import CTVolume, InputError, write_volume
from LDCTDenoiseLib.cli import main
from LDCTDenoiseLib.commands.benchmark import machine, processes, random_models, rows, through, where
from LDCTDenoiseLib.commands.benchmark.report import seconds
from LDCTDenoiseLib.commands.benchmark.rows import PLAIN, QUICK, Row, unheeded, wanted_rows
from LDCTDenoiseLib.commands.benchmark.slices import made_slices, slices_of
from LDCTDenoiseLib.inference.progress import Notices

AUTHORS = random_models.AUTHORS


def models(found):
    return list(dict.fromkeys(row.model for row in found))


@pytest.fixture
def everything_installed(monkeypatch):
    monkeypatch.setattr(rows, "missing_packages", lambda card: ())
    monkeypatch.setattr(rows, "find_spec", lambda name: object())


def test_the_references_stand_in_every_run(everything_installed):
    found, notices = wanted_rows(["gaussian"], None, False, True, False)
    assert found == [Row(AUTHORS, PLAIN, "float32"), Row("gaussian"), Row("nlm"), Row("bilateral"), Row("bm3d")]
    assert found[0].is_reference and not any(row.is_reference for row in found[1:]) and not notices


def test_a_network_has_a_row_each_for_plain_float32_quick_float32_and_its_own_choice(everything_installed):
    found, _ = wanted_rows(["rddm-balanced"], None, False, True, True)
    assert [row[1:] for row in found] == [(PLAIN, "float32"), (QUICK, "float32"), (QUICK, "auto")]
    found, _ = wanted_rows(["rddm-balanced"], "bfloat16", False, True, True)
    assert [row[1:] for row in found] == [(PLAIN, "float32"), (QUICK, "bfloat16")]


def test_the_reference_is_first_wherever_it_was_named(everything_installed):
    found, _ = wanted_rows(["gaussian", AUTHORS], None, False, True, True)
    assert found[0].is_reference and models(found) == [AUTHORS, "gaussian"]


def test_the_usual_run_has_the_networks_that_fit_the_device(everything_installed):
    on_processor, on_gpu = (models(wanted_rows(None, None, gpu, True, False)[0]) for gpu in (False, True))
    assert on_processor[0] == AUTHORS and {"rddm-balanced", "founddiff", "nlm"} <= set(on_processor)
    assert set(on_gpu) - set(on_processor) == {random_models.PUBLISHED_FOUNDDIFF}


def test_what_is_not_installed_is_left_out_with_a_sentence_or_refused_where_it_was_asked_for(monkeypatch):
    monkeypatch.setattr(rows, "find_spec", lambda name: None)
    monkeypatch.setattr(rows, "missing_packages", lambda card: ("skimage",) if card.id == "nlm" else ())
    found, notices = wanted_rows(["median"], None, False, False, False)
    assert models(found) == ["median", "bilateral"]
    assert len(notices) == 2 and "PyTorch" in notices[0] and "skimage" in notices[1]  # and none about BM3D
    for asked, reason in ((["bm3d"], "pip install bm3d"), ([AUTHORS], "PyTorch"), (["nlm"], "skimage")):
        with pytest.raises(InputError, match=reason):
            wanted_rows(asked, None, False, False, False)
    with pytest.raises(InputError, match="did you mean gaussian"):
        wanted_rows(["gausian"], None, False, False, False)


def test_a_run_prints_a_row_a_method_and_writes_them(tmp_path, capsys):
    table = tmp_path / "t.csv"
    words = ["--models", "gaussian,median", "--alone", "--slices", "2", "--rounds", "2", "--csv", str(table)]
    assert main(["benchmark", *words]) == 0
    said = capsys.readouterr().out.splitlines()
    assert "processor core" in said[0] and "numpy" in said[0] and "512×512×2, made" in said[1]
    printed = {line.split()[0]: line.split() for line in said if line.startswith(("gaussian", "median"))}
    with table.open(encoding="utf-8") as file:
        written = {line["model"]: line for line in csv.DictReader(file)}
    assert set(printed) == set(written) == {"gaussian", "median"}
    for model, line in written.items():
        assert 0 < float(line["s_per_slice"]) < 5 and float(line["start_s"]) > 0 and line["rounds"] == "2"
        assert float(line["s_per_slice_q1"]) <= float(line["s_per_slice"]) <= float(line["s_per_slice_q3"])
        assert printed[model][5] == seconds(float(line["s_per_slice"])) and "times_as_quick" not in line
        assert line["way"] == line["precision"] == "" and printed[model][1:3] == ["–", "–"]
        assert "load_before" in line and "load_after" in line and "numpy" in line["machine"]


def test_a_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "p.png"
    words = ["--models", "gaussian", "--alone", "--slices", "1", "--rounds", "1", "--picture", str(picture)]
    assert main(["benchmark", *words]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--slices", "0"], "at least one slice"),
        (["--rounds", "0"], "at least one round"),
        (["--files", "-1"], "cannot be negative"),
        (["--device", "abacus"], "no device abacus"),
        (["--precision", "float8"], "no precision float8"),
        (["--picture", "a.xyz"], "no name of a picture"),
        (["--record", "--rounds", "2"], "at least 5 rounds of 8 slices"),
        (["--record", "--slices", "7"], "at least 5 rounds of 8 slices"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(words, reason, capsys):
    assert main(["benchmark", "--models", "gaussian", "--alone", *words]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        (["--scan", "--files", "3", "--profile"], "--profile, --files"),
        (["--scan", "--founddiff"], "--founddiff"),
        (["--founddiff", "--rounds", "5", "--files", "0"], "--rounds, --files"),
        (["--founddiff", "--models", "nlm", "--csv", "t.csv"], "--models, --csv"),
    ],
)
def test_a_measurement_of_its_own_refuses_options_that_it_would_not_heed(words, left_out, capsys):
    assert main(["benchmark", *words, "--device", "cpu"]) == 2
    said = capsys.readouterr()
    assert said.err.endswith(f"with --device alone: leave out {left_out}.\n") and not said.out


def test_options_about_networks_are_noted_where_there_is_none(everything_installed):
    def notes(models, alone, *options):
        return unheeded(wanted_rows(models, options[0], False, True, alone)[0], *options)

    (note,) = notes(["nlm"], True, "bfloat16", 10, True)
    assert note.startswith("--precision, --files, --profile concern networks alone")
    (note,) = notes(["nlm"], False, "bfloat16", 0, True)  # the reference beside it is profiled, in plain float32
    assert note.startswith("--precision concerns networks")
    assert notes(["nlm"], True, None, None, False) == notes(["rddm-balanced"], True, "float32", 9, True) == []


def test_files_without_a_network_are_a_note_and_no_table(tmp_path, capsys):
    words = ["--models", "gaussian", "--alone", "--slices", "1", "--rounds", "1", "--files", "10"]
    assert main(["benchmark", *words]) == 0
    said = capsys.readouterr()
    assert said.err == "Note: --files concerns networks alone, and none is asked for here.\n"
    assert "to another" not in said.out


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_where_it_is_stands_in_one_line_of_a_terminal_that_is_wiped_at_the_end(monkeypatch):
    reporter = Notices()
    with pytest.raises(InputError), where.Line(reporter) as line:
        monkeypatch.setattr(sys, "stderr", Terminal())
        line.now("a long method")
        line.now("nlm")
        line.notice("Slow.")
        line.now("x" * 1000)
        raise InputError("The end.")
    shown = sys.stderr.getvalue()
    assert shown.startswith("\ra long method\rnlm          \r") and "\rNote: Slow.\n\rx" in shown
    last = shown.split("\r")[-3:]
    assert len(last[0]) < 1000 and last[1] == " " * len(last[0]) and last[2] == ""


def test_where_it_is_goes_nowhere_without_a_terminal(capsys):
    with where.Line(Notices()) as line:
        line.now("nlm")
        line.notice("Slow.")
    assert capsys.readouterr() == ("", "Note: Slow.\n")


def test_slices_of_a_volume_are_its_middle_ones_with_air_for_padding(tmp_path):
    hu = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((5, 8, 8), np.float32)
    write_volume(CTVolume(hu), tmp_path / "v.nrrd")
    few = slices_of(tmp_path / "v.nrrd", 3, None)
    assert few.hu[:, 0, 0].tolist() == [1, 2, 3] and few.size == "8×8×3" and "v.nrrd" not in few.told
    many = slices_of(tmp_path / "v.nrrd", 7, None)
    assert many.hu[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 0, 1] and "repeated from 5" in many.told


def test_made_slices_are_whole_hu_and_each_has_its_own_noise():
    hu = made_slices(2).hu
    assert hu.shape == (2, 512, 512) and hu.dtype == np.float32 and np.array_equal(hu, np.rint(hu))
    assert 50 < (hu[0] - hu[1])[240:260, 60:100].std() / np.sqrt(2) < 70


def test_a_process_that_dies_or_complains_is_one_sentence():
    broken = [sys.executable, "-c", "raise SystemExit('ldct-denoise: It is broken.')"]
    with pytest.raises(InputError, match=r"^It is broken\.$"):
        processes.in_own_process(broken, "otherwise")
    with processes.Asked(broken, "x") as process, pytest.raises(InputError, match=r"^It is broken\.$"):
        process.answer()
    silent = [sys.executable, "-c", "pass"]
    with processes.Asked(silent, "gaussian") as process, pytest.raises(InputError, match="gaussian could not be"):
        process.answer()
    said = [sys.executable, "-c", "import json; print(json.dumps({'error': 'A reason.'}))"]
    with processes.Asked(said, "x") as process, pytest.raises(InputError, match="A reason"):
        process.answer()


def test_what_packages_print_is_no_answer(tmp_path):
    np.save(tmp_path / "s.npy", np.zeros((1, 8, 8), np.float32))
    spec = {"kind": "row", "model": "median", "card": None, "way": "quick", "precision": "auto", "device": "cpu",
            "slices": str(tmp_path / "s.npy"), "spacing": [1, 1, 1]}  # fmt: skip
    code = (
        "import sys\nfrom LDCTDenoiseLib.commands.benchmark import child\nreal = child.Measured.round\n"
        "child.Measured.round = lambda self, slices: print('a package says hello') or real(self, slices)\n"
        f"child.main({json.dumps(spec)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input='{"do": "round", "slices": 1}\n{"do": "facts"}\n', capture_output=True,
        text=True, env=processes.environment(),
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 3 and answers[1]["seconds"] > 0 and answers[2]["device"] == "cpu"
    assert "a package says hello" in done.stderr


def test_the_machine_is_told_without_its_name():
    import platform

    text = machine.sentence({"threads": 3, "torch": "2.2", "numpy": "1", "name": "H100", "cuda": "12.8"})
    assert text.startswith("H100 (CUDA 12.8); ") and "3 threads" in text and "torch 2.2" in text
    node = platform.node()
    assert not node or node not in text.split()


def test_the_series_for_file_to_file_is_a_volume_that_the_reader_takes(tmp_path):
    from LDCTDenoiseLib import read_volume

    through.make_series(tmp_path / "s", 3)
    volume = read_volume(tmp_path / "s")
    assert volume.shape == (3, 512, 512) and volume.spacing == (0.75, 0.75, 3.0) and not volume.source.notices
    assert np.array_equal(np.sort(volume.hu[:, 256, 256]), np.sort(made_slices(3).hu[:, 256, 256]))


@pytest.mark.parametrize(("value", "text"), [(12.34, "12.3"), (0.1234, "0.123"), (0.001234, "0.00123"), (0, "0")])
def test_seconds_have_three_digits(value, text):
    assert seconds(value) == text


@pytest.mark.skipif(importlib.util.find_spec("bm3d") is None, reason="bm3d is not installed")
def test_bm3d_lowers_noise():
    from LDCTDenoiseLib.commands.benchmark.bm3d import BM3D

    noisy = made_slices(1).hu[:, 200:264, 60:124]
    assert BM3D().denoise(noisy, seeds=[0], spacing=(0.75, 0.75)).std() < noisy.std()
