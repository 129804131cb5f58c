"""ldct-denoise calibrate-spread: the factor is found on some cases and judged on others."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from LDCTDenoiseLib import CTVolume, cli
from LDCTDenoiseLib.files import write_volume
from LDCTDenoiseLib.quality.spread.verdict import RULE
from LDCTDenoiseLib.simulation import fan_scanner
from LDCTDenoiseLib.simulation.fan_beam import FanGeometry


@pytest.fixture
def pairs(tmp_path):
    """Three pairs of one slice: a body of soft tissue, noise added."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    y, x = np.mgrid[:96, :96] - 48.0
    for number, name in enumerate(("a1", "a2", "b1")):
        rng = np.random.default_rng(number)
        normal = np.where(np.hypot(y, x) < 44, 50.0, -1000.0) + rng.normal(0, 10, y.shape)
        low = normal + rng.normal(0, 17, y.shape)
        np.savez(folder / f"{name}.npz", ld=low.astype(np.int16), nd=normal.astype(np.int16), spacing=[1.0, 1.0])
    return folder


def call(capsys, *args) -> tuple[int, str]:
    status = cli.main(["calibrate-spread", *map(str, args), "--device", "cpu"])
    said = capsys.readouterr()
    return status, said.out + said.err


def test_pairs_that_match_give_the_factor_and_the_others_the_judgement(pairs, a_small_network, capsys, tmp_path):
    curve = tmp_path / "curve.csv"
    fit = ("--models", a_small_network, "--draws", 3, "--fit", "a*", "--csv", curve)
    status, said = call(capsys, pairs, *fit)
    assert status == 0, said
    assert "factor found on 2 cases, a1 to a2; judged on b1" in said
    assert RULE in said and "For research use only" in said
    assert f"{a_small_network}: " in said
    with curve.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 10 and {row["method"] for row in rows} == {a_small_network}
    spread = [float(row["scaled_spread_hu"]) for row in rows]
    assert spread == sorted(spread) and spread[-1] > 0


def test_json_says_the_same_for_a_program(pairs, a_small_network, capsys):
    fit = ("--models", a_small_network, "--draws", 2, "--fit", "b*", "--progress", "json")
    status, said = call(capsys, pairs, *fit)
    assert status == 0
    result = json.loads(said.splitlines()[-1])
    text = json.dumps(result)
    for key in ("factor", "slope", "rank", "coverage", "is_uncertainty", "verdict", "scaled_spread_hu"):
        assert f'"{key}"' in text


def test_simulated_pairs_give_the_factor_where_nothing_else_is_said(
    pairs, a_small_network, capsys, tmp_path, monkeypatch
):
    few = replace(fan_scanner.TYPICAL, geometry=FanGeometry(views=64))
    monkeypatch.setattr(fan_scanner, "TYPICAL", few)
    y, x = np.mgrid[:64, :64] - 32.0
    body = np.where(np.hypot(y, x) < 28, 50.0, -1000.0)
    hu = body + np.random.default_rng(9).normal(0, 8, (2, 64, 64))
    write_volume(CTVolume(hu.astype(np.float32), (4.0, 4.0, 5.0)), tmp_path / "normal.nrrd")
    status, said = call(
        capsys, pairs, "--models", a_small_network, "--draws", 2, "--simulate", tmp_path / "normal.nrrd", "--most", 1
    )
    assert status == 0, said
    assert "factor found on simulated:normal; judged on 3 cases, a1 to b1" in said


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("--draws", 1, "--fit", "a*"), "at least two draws"),
        (("--fit", "*"), "3 of the 3 cases match"),
        ((), "0 of the 3 cases match"),
        (("--fit", "a*", "--dose", "1/4,1/2"), "Name one dose"),
        (("--fit", "a*", "--most", 0), "At least one slice"),
    ],
)
def test_what_cannot_be_judged_is_said_before_any_work(pairs, a_small_network, capsys, args, sentence):
    status, said = call(capsys, pairs, "--models", a_small_network, *args)
    assert status == 2 and sentence in said


def test_methods_without_chance_have_no_spread(pairs, capsys):
    status, said = call(capsys, pairs, "--models", "median", "--fit", "a*")
    assert status == 2 and "it has no spread" in said
    status, said = call(capsys, "--models", "median")
    assert status == 2 and "Name a folder of pairs" in said


def test_cases_whose_noise_cannot_be_measured_are_left_out_and_named(pairs, a_small_network, capsys):
    np.savez(pairs / "a0.npz", ld=np.full((32, 32), -1000), nd=np.full((32, 32), -1000), spacing=[1.0, 1.0])
    fit = ("--models", a_small_network, "--draws", 2, "--fit")
    status, said = call(capsys, pairs, *fit, "a*")
    assert status == 0 and "a0 was left out" in said and "found on 2 cases" in said
    status, said = call(capsys, pairs, *fit, "a0")
    assert status == 2 and "Too few cases were left" in said
