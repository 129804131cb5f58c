"""`ldct-denoise` as a user meets it: outputs, sentences, exit statuses."""

import csv
import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from LDCTDenoiseLib import read_volume, write_volume
from LDCTDenoiseLib.cli import main
from LDCTDenoiseLib.orientation import Orientation
from parity import SHARED

LIB_FOLDER = Path(__file__).resolve().parents[2] / "LDCTDenoise"


@pytest.fixture
def a_file(tmp_path, a_small_ct) -> Path:
    return write_volume(a_small_ct, tmp_path / "a scan of Jürgen" / "in.nrrd")


def refused(capsys, *argv) -> str:
    """The one sentence of a call that must be refused."""
    try:
        status = main([str(a) for a in argv])
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("ldct-denoise: ") and "\n" not in error and "Traceback" not in error
    return error


def started(argv: list[str]) -> subprocess.Popen:
    """The command in a process of its own, so that it can be interrupted."""
    command = [sys.executable, "-m", "LDCTDenoiseLib", *argv]
    return subprocess.Popen(command, cwd=LIB_FOLDER, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_denoise_writes_a_volume_of_the_same_geometry_with_less_noise(a_file, tmp_path, a_small_ct):
    out = tmp_path / "out.nii.gz"
    assert main(["denoise", str(a_file), str(out), "--model", "nlm"]) == 0
    result = read_volume(out)
    assert result.shape == a_small_ct.shape
    np.testing.assert_allclose(result.direction, a_small_ct.direction, atol=1e-6)
    np.testing.assert_allclose(result.origin, a_small_ct.origin, atol=1e-4)
    body = a_small_ct.hu > 0
    assert result.hu[body].std() < 0.8 * a_small_ct.hu[body].std()


def test_an_existing_output_is_replaced_only_when_asked(a_file, tmp_path, capsys):
    out = tmp_path / "out.nrrd"
    out.write_text("precious")
    assert "--overwrite" in refused(capsys, "denoise", a_file, out, "--model", "median")
    assert out.read_text() == "precious"
    assert main(["denoise", str(a_file), str(out), "--model", "median", "--overwrite"]) == 0
    assert read_volume(out).shape


def test_the_record_says_what_was_done(a_file, tmp_path, a_small_network):
    report = tmp_path / "how.json"
    argv = ["denoise", a_file, tmp_path / "o.mha", "--model", a_small_network, "--seed", 7, "--strength", 0.5]
    assert main([str(a) for a in [*argv, "--draws", 3, "--report", report, "--device", "cpu"]]) == 0
    record = json.loads(report.read_text(encoding="utf-8"))
    assert (record["model"], record["seed"], record["strength"], record["draws"]) == ("tiny", 7, 0.5, 3)
    assert len(record["checksum"]) == 64 and record["device"] == "cpu" and "research" in record["use"]
    assert {"python", "numpy", "torch"} <= set(record["versions"])


def test_the_spread_of_the_draws_is_a_volume(a_file, tmp_path, a_small_network, capsys):
    out, spread = tmp_path / "o.nrrd", tmp_path / "spread.nrrd"
    argv = ["denoise", str(a_file), str(out), "--model", a_small_network, "--spread", str(spread)]
    assert "two draws" in refused(capsys, *argv)
    assert main([*argv, "--draws", "3"]) == 0
    assert read_volume(spread).hu.max() > 0 and read_volume(spread).hu.min() >= 0


def test_the_same_seed_gives_the_same_file_and_another_seed_another(a_file, tmp_path, a_small_network):
    def run(name: str, *more: str) -> np.ndarray:
        out = tmp_path / f"{name}.nrrd"
        options = ["--model", a_small_network, "--precision", "float32", *more]
        assert main(["denoise", str(a_file), str(out), *options]) == 0
        return read_volume(out).hu

    first = run("a", "--seed", "1")
    np.testing.assert_array_equal(first, run("b", "--seed", "1"))
    np.testing.assert_array_equal(first[1:3], run("c", "--seed", "1", "--slices", "1:3"))
    assert not np.array_equal(first, run("d", "--seed", "2"))


def test_progress_as_json_counts_to_the_end_and_closes_with_the_result(a_file, tmp_path, capsys):
    argv = ["denoise", str(a_file), str(tmp_path / "o.nrrd"), "--model", "median", "--progress", "json"]
    assert main(argv) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    steps = [e for e in events if e["event"] == "progress" and e["stage"] == "denoise"]
    assert [(e["done"], e["total"]) for e in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert all("eta_s" in e for e in steps)
    assert events[-1]["event"] == "result" and events[-1]["record"]["model"] == "median"


def test_errors_are_json_too_where_progress_is(tmp_path, capsys):
    assert main(["denoise", str(tmp_path / "no.nrrd"), str(tmp_path / "o.nrrd"), "--progress", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["event"] == "error"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["denoise", "missing.nrrd", "o.nrrd", "--model", "nlm"], "does not exist"),
        (["denoise", "IN", "o.txt"], "must end in"),
        (["denoise", "IN", "folder"], "must end in"),
        (["denoise", "IN", "o.nrrd", "--model", "nml"], "did you mean nlm"),
        (["denoise", "IN", "o.nrrd", "--model", "nlm", "--strength", "2"], "between 0 and 1"),
        (["denoise", "IN", "o.nrrd", "--model", "nlm", "--draws", "0"], "at least 1"),
        (["denoise", "IN", "o.nrrd", "--model", "nlm", "--slices", "3:9"], "has 4 slices"),
        (["denoise", "IN", "o.nrrd", "--model", "nlm", "--slices", "x"], "not a range"),
        (["denoise", "IN", "o.nrrd", "--model", "nlm", "--steps", "2"], "leave out --steps"),
        (["denoise", "IN", "o.nrrd", "--model", "rddm-fine-official"], "import-weights"),
        (["denoise", "IN"], "required"),
        (["simulate", "IN", "o.nrrd", "--dose", "2"], "between 0 and 1"),
        (["compare", "IN", "out", "--models", ","], "at least one model"),
        (["compare", "IN", "out", "--models", "nlm", "--window", "5:1"], "empty"),
        (["evaluate", "nowhere", "--models", "nlm"], "no such pairs"),
        (["import-weights", "missing.pth"], "missing.pth" if find_spec("torch") else "PyTorch"),
        (["train", "nothing"], "no configuration"),
        (["fly"], "invalid choice"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_status_2(argv, words, a_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert words in refused(capsys, *[a_file if a == "IN" else a for a in argv])
    assert sorted(tmp_path.rglob("*")) == before, "a refused call leaves nothing behind"


def test_compare_writes_volumes_a_picture_and_figures(a_file, tmp_path):
    out = tmp_path / "compared"
    assert main(["compare", str(a_file), str(out), "--models", "gaussian,median", "--reference", str(a_file)]) == 0
    names = {"gaussian.nrrd", "median.nrrd", "comparison.png", "figures.csv", "records.json", "report.html"}
    assert {p.name for p in out.iterdir()} == names
    with (out / "figures.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert {"input", "gaussian", "median", "reference"} <= set(rows)
    assert float(rows["gaussian"]["noise"]) < float(rows["input"]["noise"])


def test_evaluate_prints_the_gain_over_the_input(tmp_path, a_small_ct, capsys):
    clean = np.where(a_small_ct.hu > -500, 50.0, -1000.0)
    np.savez(tmp_path / "p.npz", ld=a_small_ct.hu.astype(np.int16), nd=clean.astype(np.int16), spacing=[0.8, 0.8])
    table = tmp_path / "table.csv"
    assert main(["evaluate", str(tmp_path), "--models", "gaussian", "--csv", str(table)]) == 0
    with table.open(encoding="utf-8", newline="") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    mse = np.mean((a_small_ct.hu[0:4] - clean) ** 2)
    assert float(rows["input"]["psnr_full"]) == pytest.approx(20 * np.log10(4096) - 10 * np.log10(mse), abs=0.01)
    assert f"{float(rows['gaussian']['gain_full']):.2f}" in capsys.readouterr().out


def test_evaluate_draws_a_sheet_for_every_pair(tmp_path, a_small_ct):
    pytest.importorskip("matplotlib")
    pairs, sheets = tmp_path / "pairs", tmp_path / "sheets"
    pairs.mkdir()
    hu = a_small_ct.hu.astype(np.int16)
    np.savez(pairs / "a pair.npz", ld=hu, nd=np.where(hu > -500, 50, -1000), spacing=[0.8, 0.8])
    assert main(["evaluate", str(pairs), "--models", "gaussian", "--pictures", str(sheets)]) == 0
    assert (sheets / "a pair.png").read_bytes().startswith(b"\x89PNG")


def test_evaluate_judges_axial_slices_however_a_pair_is_stored(tmp_path, a_small_ct, capsys):
    clean = a_small_ct.with_hu(np.where(a_small_ct.hu > -500, 50.0, -1000.0).astype(np.float32))
    tables = []
    for order in ((0, 1, 2), (2, 0, 1)):
        folder = tmp_path / f"stored {order}"
        folder.mkdir()
        for name, volume in (("low", a_small_ct), ("normal", clean)):
            stored = volume.reoriented(Orientation(order, (True, False, True)))
            write_volume(stored, folder / f"p.{name}.nrrd")
        assert main(["evaluate", str(folder), "--models", "gaussian", "--csv", str(folder / "t.csv")]) == 0
        with (folder / "t.csv").open(encoding="utf-8", newline="") as file:
            tables.append([{k: v for k, v in row.items() if "seconds" not in k} for row in csv.DictReader(file)])
    assert tables[0] == tables[1]


def test_simulate_adds_the_noise_of_the_dose_that_is_missing(a_file, tmp_path, a_small_ct):
    out = tmp_path / "low.nrrd"
    assert main(["simulate", str(a_file), str(out), "--dose", "0.25"]) == 0
    body = a_small_ct.hu > -200
    added = (read_volume(out).hu - a_small_ct.hu)[body].std()
    assert added == pytest.approx(20 * np.sqrt(3), rel=0.35), "the volume's own noise is 20 HU"


def test_a_reader_that_goes_away_stops_the_work_and_leaves_nothing(tmp_path, a_small_ct):
    big = type(a_small_ct)(np.tile(a_small_ct.hu, (30, 2, 2)), a_small_ct.spacing)
    source, out = write_volume(big, tmp_path / "in.mha"), tmp_path / "out.nrrd"
    argv = ["denoise", str(source), str(out), "--model", "tv", "--progress", "json"]
    process = started(argv)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 130
    assert "Traceback" not in process.stderr.read()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mha"]


def test_the_figures_of_a_comparison_do_not_depend_on_the_storage(a_small_ct, tmp_path):
    from LDCTDenoiseLib.orientation import Orientation

    figures = {}
    for name, storage in {"axial": Orientation(), "coronal": Orientation((1, 0, 2), (True, False, True))}.items():
        write_volume(a_small_ct.reoriented(storage), tmp_path / "x.nrrd", overwrite=True)
        paths = [str(tmp_path / "x.nrrd"), str(tmp_path / name)]
        assert main(["compare", *paths, "--models", "gaussian", "--reference", paths[0], "--slices", "1:3"]) == 0
        with (tmp_path / name / "figures.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        figures[name] = [{key: row[key] for key in row if key != "seconds_per_slice"} for row in rows]
    assert figures["axial"] == figures["coronal"] and len(figures["axial"]) == 3


def test_compare_that_is_stopped_leaves_nothing(a_file, tmp_path, monkeypatch):
    from LDCTDenoiseLib.methods.classical import Median

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Median, "filter_slice", interrupted)
    assert main(["compare", str(a_file), str(tmp_path / "out"), "--models", "gaussian,median"]) == 130
    assert not (tmp_path / "out").exists()


def test_outputs_are_checked_before_the_work(a_file, tmp_path, capsys):
    argv = ["denoise", a_file, tmp_path / "o.nrrd", "--model", "median"]
    same = refused(capsys, *argv, "--report", tmp_path / "o.nrrd")
    assert "two different outputs" in same
    assert "is a folder" in refused(capsys, *argv, "--report", tmp_path, "--overwrite")
    assert "part of its path is a file" in refused(capsys, "denoise", a_file, a_file / "o.nrrd", "--model", "median")
    assert "could not be written" in refused(
        capsys, "denoise", a_file, tmp_path / f"{'x' * 300}.nrrd", "--model", "nlm"
    )


def test_a_companion_file_of_someone_else_is_not_overwritten(a_file, tmp_path, capsys):
    (tmp_path / "x.raw").write_text("precious")
    assert "exists already" in refused(capsys, "denoise", a_file, tmp_path / "x.mhd", "--model", "median")
    assert (tmp_path / "x.raw").read_text() == "precious" and not (tmp_path / "x.mhd").exists()


def test_values_that_are_not_numbers_are_said_to_be_in_the_input(a_small_ct):
    from LDCTDenoiseLib import InputError, denoise

    hu = a_small_ct.hu.copy()
    hu[1, 2, 3] = np.nan
    with pytest.raises(InputError, match="The volume holds values that are not numbers"):
        denoise(a_small_ct.with_hu(hu), "gaussian")
    flipped = a_small_ct.with_hu(a_small_ct.hu[::-1, ::-1])
    np.testing.assert_array_equal(
        denoise(flipped, "gaussian").volume.hu, denoise(a_small_ct, "gaussian").volume.hu[::-1, ::-1]
    )


def test_a_defect_of_the_program_is_a_sentence_too(a_file, tmp_path, monkeypatch, capsys):
    from LDCTDenoiseLib.methods.classical import Median

    def broken(*_args, **_kwargs):
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(Median, "filter_slice", broken)
    assert main(["denoise", str(a_file), str(tmp_path / "o.nrrd"), "--model", "median"]) == 1
    error = capsys.readouterr().err
    assert "please report it (ZeroDivisionError in test_cli.py, line " in error and "Traceback" not in error
    assert "of all things" not in error  # the text of an unexpected exception may quote a header


def test_the_demo_goes_from_file_to_picture(tmp_path, capsys):
    pytest.importorskip("data_store", reason="the demo's slice comes with pydicom-data")
    assert main(["demo", str(tmp_path / "d"), "--models", "gaussian"]) == 0
    names = {"normal-dose.nrrd", "low-dose.nrrd", "gaussian.nrrd", "comparison.png", "figures.csv"}
    names |= {"records.json", "report.html"}
    assert {p.name for p in (tmp_path / "d").iterdir()} == names
    low, normal = (read_volume(tmp_path / "d" / f"{name}-dose.nrrd") for name in ("low", "normal"))
    assert 2 < (low.hu - normal.hu)[(normal.hu > 0) & (normal.hu < 80)].std() < 20
    assert "research use" in capsys.readouterr().out


def test_measured_quality_is_written_into_the_card(tmp_path, a_small_ct, a_small_network):
    from LDCTDenoiseLib.weights.store import find_card

    clean = np.where(a_small_ct.hu > -500, 50.0, -1000.0).astype(np.int16)
    np.savez(tmp_path / "p.npz", ld=a_small_ct.hu.astype(np.int16), nd=clean, spacing=[0.8, 0.8])
    table = tmp_path / "t.csv"
    argv = ["evaluate", str(tmp_path), "--models", a_small_network, "--record", "one test pair", "--csv", str(table)]
    assert main(argv) == 0
    quality = find_card(a_small_network).quality
    with table.open(encoding="utf-8", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["method"] == a_small_network)
    assert quality["gain_db_full"] == pytest.approx(float(row["gain_full"]), abs=1e-3)
    assert (quality["data"], quality["cases"]) == ("one test pair", 1)


def test_models_lists_every_method_with_its_licence(capsys):
    assert main(["models", "--json"]) == 0
    cards = {card["id"]: card for card in json.loads(capsys.readouterr().out)}
    ids = {
        "rddm-balanced",
        "rddm-fine-official",
        "nlm",
        "bilateral",
        "tv",
        "gaussian",
        "median",
        "anisotropic-diffusion",
    }
    assert ids <= set(cards)
    assert cards["rddm-balanced"]["available"] == "present" and all(card["licence"] for card in cards.values())
    assert main(["models"]) == 0
    assert "nlm" in capsys.readouterr().out


def test_an_interrupt_ends_with_130_and_leaves_nothing(tmp_path, a_small_ct):
    if os.name == "nt":
        pytest.skip("Windows has no SIGINT for another process")
    big = a_small_ct.with_hu(a_small_ct.hu)
    big = type(big)(np.tile(big.hu, (100, 4, 4)), big.spacing)
    source, out = write_volume(big, tmp_path / "in.mha"), tmp_path / "out.nrrd"
    argv = ["denoise", str(source), str(out), "--model", "tv", "--progress", "json"]
    process = started(argv)
    for line in process.stdout:
        if '"denoise"' in line:
            process.send_signal(signal.SIGINT)
            break
    process.stdout.read()
    assert process.wait(60) == 130
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mha"]
    assert "Traceback" not in process.stderr.read()


def test_a_real_series_is_denoised(tmp_path):
    series = SHARED / "data" / "dicom" / "abdomen_CRLM-CT-1004"
    if not series.is_dir():
        pytest.skip("the research data are not on this machine")
    pytest.importorskip("torch")
    out = tmp_path / "out.nrrd"
    assert main(["denoise", str(series), str(out), "--slices", "20:22"]) == 0
    source, result = read_volume(series), read_volume(out)
    assert result.shape == (2, 512, 512)
    np.testing.assert_allclose(result.origin, source.slices(20, 22).origin, atol=1e-3)
    tissue = (source.hu[20:22] > 0) & (source.hu[20:22] < 170)
    change = (result.hu - source.hu[20:22])[tissue]
    assert 1 < change.std() < 20 and abs(change.mean()) < 3


def test_a_folder_of_pictures_is_no_volume(tmp_path, capsys):
    folder = SHARED / "data" / "dicom" / "not_a_volume"
    if not folder.is_dir():
        pytest.skip("the research data are not on this machine")
    for inside in sorted(p for p in folder.iterdir() if p.is_dir()):
        refused(capsys, "denoise", inside, tmp_path / "o.nrrd", "--model", "nlm")
