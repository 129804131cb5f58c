"""`ldct-denoise perceive` and `generalise` as a user meets them, and the worker's answer to the panel."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from LDCTDenoiseLib import CTVolume, write_volume
from LDCTDenoiseLib.cli import main

pytest.importorskip("torch")

from perception_factory import a_perceiving_model, slices_of
from worker_factory import GEOMETRY


@pytest.fixture
def model(monkeypatch):
    return a_perceiving_model(monkeypatch)


@pytest.fixture
def a_file(tmp_path):
    """Six slices of an abdomen at a quarter of the dose, then six of a chest at a sixteenth."""
    return write_volume(CTVolume(slices_of((6, 40, 20), (6, -500, 40)), (0.8, 0.8, 5.0)), tmp_path / "scan.nrrd")


def refused(capsys, *argv) -> str:
    assert main([str(a) for a in argv]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("ldct-denoise: ") and "\n" not in error
    return error


# perceive


def test_perceive_prints_ranges_the_whole_and_a_suggestion(a_file, model, capsys):
    assert main(["perceive", str(a_file), "--model", model, "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[2].split()[:2] == ["0:6", "abdomen"] and lines[2].endswith("1/4")
    assert lines[3].split()[:2] == ["6:12", "chest"] and lines[3].endswith("1/15")
    assert "Whole: 1/8 (1/15–1/4) of the usual dose" in out and "tells only chest, abdomen, head apart" in out
    assert "This suggests" in out and "For research use." in out and "not a measurement" in out


def test_perceive_writes_every_slice_whole_or_not_at_all(a_file, model, tmp_path, capsys):
    file = tmp_path / "seen.json"
    argv = ["perceive", str(a_file), "--model", model, "--json", str(file), "--slices", "2:11", "--progress", "none"]
    assert main(argv) == 0
    found = json.loads(file.read_text(encoding="utf-8"))
    assert [one["slice"] for one in found["per_slice"]] == list(range(2, 11))
    assert found["per_slice"][0]["dose"] == pytest.approx(0.25, rel=0.02)
    assert found["slices"] == [2, 11] and [one["slices"] for one in found["ranges"]] == [[2, 6], [6, 11]]
    assert found["suggestion"]["model"] and "research" in found["use"] and found["input"] == "scan.nrrd"
    assert "--overwrite" in refused(capsys, *argv)


def test_perceive_speaks_json_to_other_programs(a_file, model, capsys):
    assert main(["perceive", str(a_file), "--model", model, "--progress", "json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["done"] for e in events if e.get("stage") == "perceive"] == list(range(1, 13))
    assert events[-1]["event"] == "result" and len(events[-1]["ranges"]) == 2


def test_a_model_that_cannot_tell_says_so_in_one_sentence(a_file, monkeypatch, capsys):
    bare = a_perceiving_model(monkeypatch, "anatomies")
    assert "neither the dose nor the anatomy" in refused(capsys, "perceive", a_file, "--model", bare)
    assert "perceives neither" in refused(capsys, "perceive", a_file, "--model", "nlm")
    assert "founddiff" in refused(capsys, "perceive", a_file, "--model", "fuonddiff")


def test_slices_that_are_not_there_are_refused(a_file, model, capsys):
    assert "12 slices" in refused(capsys, "perceive", a_file, "--model", model, "--slices", "5:40")
    assert "no device" in refused(capsys, "perceive", a_file, "--model", model, "--device", "cuda:9")


# the worker


def asked(tmp_path, model, hu, numbers, **more):
    import io

    from LDCTDenoiseLib.worker.kept import Kept
    from LDCTDenoiseLib.worker.serve import answer

    np.save(tmp_path / "few.npy", hu)
    request = {"id": 7, "do": "perceive", "model": model, "input": str(tmp_path / "few.npy"), **GEOMETRY}
    events = io.StringIO()
    answer(json.dumps({**request, "numbers": numbers, "total_slices": 80, **more}), events, Kept())
    return [json.loads(line) for line in events.getvalue().splitlines()][-1]


def test_the_worker_tells_ranges_of_the_whole_from_a_few_slices(tmp_path, model):
    numbers = [5, 15, 25, 35, 45, 55, 65, 75]
    found = asked(tmp_path, model, slices_of((3, 40, 20), (5, -500, 20)).astype(np.int16), numbers)
    assert found["event"] == "result" and found["id"] == 7 and found["looked_at"] == 8
    assert [(r["slices"], r["anatomy"]) for r in found["ranges"]] == [([0, 30], "abdomen"), ([30, 80], "chest")]
    assert found["dose"]["median"] == pytest.approx(0.25, rel=0.05) and found["slices"] == [0, 80]
    assert set(found["suggestion"]) == {"model", "strength", "reason"}


def test_the_worker_counts_slices_as_the_panel_stores_them(tmp_path, model):
    turned = {"direction": [1, 0, 0, 0, 1, 0, 0, 0, -1]}
    found = asked(tmp_path, model, slices_of((3, 40, 20), (5, -500, 20)), list(range(5, 80, 10)), **turned)
    assert [(r["slices"], r["anatomy"]) for r in found["ranges"]] == [([0, 30], "abdomen"), ([30, 80], "chest")]


@pytest.mark.parametrize("numbers", [[1, 2], [3, 2, 1], [1, 2, 80], [-1, 2, 3], [1, 1, 2]])
def test_a_request_that_names_other_slices_than_it_holds_is_refused(tmp_path, model, numbers):
    found = asked(tmp_path, model, slices_of((3, 40, 20)), numbers)
    assert found["event"] == "error" and "defect of the panel" in found["text"]


def test_a_look_keeps_the_warm_model_and_its_own_perception():
    from LDCTDenoiseLib.worker.kept import Kept

    kept, made = Kept(), []
    kept._warm = warm = SimpleNamespace(rest=lambda: None)
    for which in ("a", "a", "b"):
        kept.perception(which, lambda: made.append(1) or object())
    assert len(made) == 2 and kept._warm is warm
    kept.forget()
    kept.perception("b", lambda: made.append(1))
    assert len(made) == 3


# generalise


@pytest.fixture
def volumes(tmp_path, monkeypatch):
    """A small body as head and as chest, with little noise of its own; the scanner has few views, to be quick."""
    from LDCTDenoiseLib.simulation import fan_scanner
    from LDCTDenoiseLib.simulation.fan_beam import FanGeometry

    few = replace(fan_scanner.TYPICAL, geometry=FanGeometry(views=64))
    monkeypatch.setattr(fan_scanner, "TYPICAL", few)
    y, x = np.mgrid[:64, :64] - 31.5
    files = []
    for name, inside in (("one", 300.0), ("two", 40.0)):
        body = np.where(x**2 + y**2 < 26**2, inside, -1000.0)
        hu = body + 3 * np.random.default_rng(0).standard_normal((5, 64, 64))
        files.append(write_volume(CTVolume(hu, (6.0, 6.0, 5.0)), tmp_path / f"{name}.nrrd"))
    return files


QUICK = ("--device", "cpu", "--precision", "float32")


def generalise(volumes, *more):
    named = [f"chest={volumes[0]}", f"abdomen={volumes[1]}"]
    return main(["generalise", *named, "--doses", "1/2,1/3,1/10", "--most", "2", *QUICK, *map(str, more)])


def test_generalise_shows_every_dose_and_anatomy_and_how_perception_agrees(volumes, model, tmp_path, capsys):
    table, picture = tmp_path / "g.csv", tmp_path / "g.png"
    assert generalise(volumes, "--models", f"{model},gaussian", "--csv", table, "--picture", picture) == 0
    out = capsys.readouterr().out
    assert "2 volumes, 4 slices: one (chest), two (abdomen); seed 0" in out
    assert "1/2  1/3*" in " ".join(out.split()).replace("1/2 1/3*", "1/2  1/3*") and "1/10*" not in out
    assert "dose rank" in out and "anatomy right" in out and "Simulated doses" in out
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert len(rows) == 2 * 2 * 3 * 2 and {row["training"] for row in rows} == {"seen", "unseen"}
    assert all(row["estimated_dose"] for row in rows if row["method"] == model)
    assert not any(row["estimated_dose"] for row in rows if row["method"] == "gaussian")
    assert picture.stat().st_size > 10_000
    for row in rows:
        assert float(row["gain"]) == pytest.approx(float(row["psnr"]) - float(row["psnr_low"]), abs=1e-3)


def test_the_same_seed_gives_the_same_figures_and_less_dose_is_worse(volumes, tmp_path):
    found = []
    for name in ("a", "b"):
        assert generalise(volumes, "--models", "gaussian", "--csv", tmp_path / name, "--progress", "none") == 0
        found.append((tmp_path / name).read_text(encoding="utf-8"))
    assert found[0] == found[1]
    rows = list(csv.DictReader(found[0].splitlines()))
    for case in ("one", "two"):
        low = {row["dose"]: float(row["psnr_low"]) for row in rows if row["case"] == case}
        assert low["0.5"] > low["0.333333"] > low["0.1"]


def test_an_anatomy_that_nobody_named_is_perceived_or_left_unnamed_and_never_judged(volumes, model, capsys):
    argv = ["generalise", str(volumes[1]), "--doses", "1/4", "--most", "1", *QUICK]
    assert main([*argv, "--models", model]) == 0
    out = capsys.readouterr().out
    assert "not said by you" in out and "%" not in out.split("Perception")[1].split("dose rank:")[0]
    assert main([*argv, "--models", "median"]) == 0
    assert "two (not named, not said by you)" in capsys.readouterr().out


def test_a_model_may_be_a_folder_with_its_card(volumes, a_small_network, tmp_path, capsys):
    import shutil

    from LDCTDenoiseLib.weights.store import imported_folder

    shutil.copytree(imported_folder(), tmp_path / "run")
    assert generalise(volumes, "--models", f"{a_small_network},{tmp_path / 'run'}") == 0
    assert f"{a_small_network} in {tmp_path / 'run'}" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert "0 cards" in refused(capsys, "generalise", volumes[0], "--models", tmp_path / "empty")


def test_a_model_that_only_perceives_is_judged_by_that_alone(volumes, monkeypatch, tmp_path, capsys):
    first_stage = a_perceiving_model(monkeypatch, "unet")
    picture = tmp_path / "seen.png"
    assert generalise(volumes, "--models", first_stage, "--picture", picture) == 0
    out = capsys.readouterr().out
    assert "PSNR" not in out and "dose rank" in out and picture.is_file()


def test_only_some_slices_of_a_volume_may_show_its_anatomy(volumes, tmp_path, capsys):
    table = tmp_path / "g.csv"
    argv = ["generalise", f"chest={volumes[0]}[0:2]", f"head={volumes[0]}[3:5]", "--doses", "1/2", "--models", "median"]
    assert main([*argv, "--csv", str(table)]) == 0
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert [(row["anatomy"], row["slice"]) for row in rows] == [
        ("chest", "0"),
        ("chest", "1"),
        ("head", "3"),
        ("head", "4"),
    ]
    assert "one[3:5] (head)" in capsys.readouterr().out
    assert "5 slices" in refused(capsys, "generalise", f"{volumes[0]}[4:9]", "--models", "median")


def test_bad_arguments_are_one_sentence(volumes, tmp_path, capsys):
    for doses in ("2", "0", "1/0", "a"):
        assert "fractions" in refused(capsys, "generalise", volumes[0], "--models", "nlm", "--doses", doses)
    assert "slice" in refused(capsys, "generalise", volumes[0], "--models", "nlm", "--most", "0")
    assert "named one" in refused(capsys, "generalise", *[volumes[0]] * 2, "--models", "median", "--doses", "1/2")
    (tmp_path / "there.csv").write_text("precious")
    assert "--overwrite" in refused(
        capsys, "generalise", volumes[0], "--models", "nlm", "--csv", tmp_path / "there.csv"
    )
