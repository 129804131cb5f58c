"""Hard cases and their verdicts."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from LDCTDenoiseLib import CTVolume
from LDCTDenoiseLib.cli import main
from LDCTDenoiseLib.commands.stress import _middle
from LDCTDenoiseLib.files import write_volume
from LDCTDenoiseLib.quality.stress import stress_row, worst_first
from LDCTDenoiseLib.simulation.fan_beam import FanGeometry
from LDCTDenoiseLib.simulation.fan_scanner import FanScanner
from LDCTDenoiseLib.simulation.hard_cases import FULL, case_count, hard_cases, with_kernel

SIDE, SPACING = 128, 3.0
SCANNER = FanScanner(readings=10.0, kernel=0.15, geometry=FanGeometry(views=180, channels=184, channel_width=5.143))


@pytest.fixture(scope="module")
def volume() -> CTVolume:
    """Six slices of a round body with lung, fat and bone, 2 mm thick, in air at −1000."""
    y, x = (np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) * SPACING
    hu = np.full((SIDE, SIDE), -1000.0, np.float32)
    for cx, cy, radius, value in ((0, 0, 150, -100), (0, 0, 138, 50), (-60, 0, 45, -850), (70, 20, 15, 600)):
        hu[np.hypot(x - cx, y - cy) < radius] = value
    noise = np.random.default_rng(0).standard_normal((6, SIDE, SIDE)).astype(np.float32)
    return CTVolume(np.maximum(hu + 5 * noise, -1024), (SPACING, SPACING, 2.0))


@pytest.fixture(scope="module")
def cases(volume) -> dict:
    return {case.name: case for case in hard_cases(volume, [2, 3], SCANNER)}


def body_noise(case) -> float:
    centre = np.s_[:, 50:80, 65:80]
    return float((case.low - case.reference)[centre].std())


def test_every_announced_case_is_made_and_full_dose_is_the_input_itself(volume, cases):
    assert len(cases) == case_count(volume)
    assert np.array_equal(cases[FULL].low, volume.hu[[2, 3]])
    assert all(np.isfinite(case.low).all() and case.low.min() >= -1024 for case in list(cases.values())[1:])


def test_less_dose_is_noisier_by_the_root(cases):
    quarter, tenth, full = (body_noise(cases[f"dose {d} %"]) for d in (25, 5, 75))
    assert tenth / quarter == pytest.approx(np.sqrt(19 / 3), rel=0.1)
    assert full < quarter < tenth


def test_a_sharper_kernel_is_noisier(cases):
    soft, sharp = (body_noise(cases[f"{name} kernel, dose 25 %"]) for name in ("soft", "sharp"))
    assert sharp > 1.08 * soft > 1.08 * body_noise(cases["dose 25 %"])  # whose kernel is softer still


def test_the_same_kernel_leaves_a_slice_as_it_is_and_a_softer_one_smooths_it(volume):
    same = with_kernel(volume.hu[0], (SPACING, SPACING), SCANNER, SCANNER)
    assert np.allclose(same, volume.hu[0], atol=0.01)
    soft = with_kernel(volume.hu[0], (SPACING, SPACING), SCANNER, FanScanner(kernel=0.05))
    assert soft[60:70, 65:75].std() < 0.7 * volume.hu[0, 60:70, 65:75].std()


def test_thick_slices_average_their_neighbours_and_thin_ones_are_noisier(volume, cases):
    thick, thin = cases["5 mm, dose 25 %"], cases["0.5 mm, dose 25 %"]
    assert np.allclose(thick.reference[0], volume.hu[1:3].mean(axis=0), atol=1e-3)
    assert body_noise(thick) == pytest.approx(body_noise(cases["dose 25 %"]) / np.sqrt(2), rel=0.1)
    assert body_noise(thin) > 2 * body_noise(cases["dose 25 %"])
    assert np.array_equal(thin.reference, volume.hu[[2, 3]])


def test_metal_is_dense_and_throws_streaks_on_both_images(volume, cases):
    metal = cases["metal, dose 25 %"]
    assert metal.reference.max() == 3071 and metal.low.max() == 3071
    row = SIDE // 2  # between the two heads the beam is starved and hardened
    between = (metal.reference - volume.hu[[2, 3]])[:, row - 2 : row + 3, 60:68]
    assert between.mean() < -20
    assert (metal.low - metal.reference)[:, row - 2 : row + 3, 60:68].std() > 2 * body_noise(cases["dose 25 %"])


def test_shoulders_make_the_noisiest_image(cases):
    shoulders = body_noise(cases["shoulders, dose 5 %"])
    assert shoulders > 1.2 * body_noise(cases["dose 5 %"])


def test_what_was_not_reconstructed_gets_no_noise(volume):
    painted = volume.hu.copy()
    painted[:, :30, :30] = -3024
    for case in hard_cases(CTVolume(painted, volume.spacing), [3], SCANNER):
        corner = np.s_[:, :26, :26]
        assert (case.low[corner] == -1024).all() and (case.reference[corner] == -1024).all(), case.name


def row_of(output, case, condition="dose 25 %"):
    return stress_row(condition, "m", case.reference, case.low, output, (SPACING, SPACING))


def test_the_identity_is_no_worse_and_leaves_full_dose_alone(cases):
    quarter, full = cases["dose 25 %"], cases[FULL]
    row = row_of(quarter.low, quarter)
    assert row["gain dB"] == 0 and row["verdict"] == "ok"
    row = row_of(full.low, full, FULL)
    assert row["change ×"] == 0 and row["shift HU"] == 0 and row["verdict"] == "ok"


def test_the_reference_itself_has_a_gain_and_no_bias(cases):
    case = cases["dose 25 %"]
    row = row_of(case.reference, case)
    assert row["gain dB"] == np.inf and row["bias HU"] == 0 and row["noise ×"] == 1


def test_harm_is_named(cases):
    case, full = cases["dose 25 %"], cases[FULL]
    rng = np.random.default_rng(3)
    noisier = case.low + (case.low - case.reference) * 0.2
    assert "worse than the input" in row_of(noisier, case)["verdict"]
    assert "collapse" in row_of(np.zeros_like(case.low), case)["verdict"]
    assert "soft +5.0 HU" in row_of(case.reference + 5, case)["verdict"]
    assert row_of(np.full_like(case.low, np.nan), case)["verdict"] == "not finite"
    smooth = full.low + 6 * rng.standard_normal(full.low.shape)
    assert row_of(smooth, full, FULL)["verdict"] == "not left alone"
    assert row_of(full.low + 1.9, full, FULL)["verdict"] == "ok"
    assert row_of(full.low + 2.5, full, FULL)["verdict"].endswith("shifted")


def test_a_bias_that_the_input_has_already_is_not_the_methods(cases):
    case = cases["dose 25 %"]
    low = case.low + 4
    row = stress_row("x", "m", case.reference, low, low - 1, (SPACING, SPACING))
    assert row["bias_soft"] > 2 and row["verdict"] == "ok"


def test_the_worst_come_first():
    rows = [
        {"verdict": "ok", "gain dB": 1.0}, {"verdict": "fat +3.0 HU", "gain dB": 5.0},
        {"verdict": "worse than the input", "gain dB": -1.0}, {"verdict": "not finite"},
        {"verdict": "ok", "gain dB": 4.0}, {"verdict": "collapse", "gain dB": -9.0},
    ]  # fmt: skip
    said = [row["verdict"] for row in worst_first(rows)]
    assert said == ["not finite", "collapse", "worse than the input", "fat +3.0 HU", "ok", "ok"]
    assert worst_first(rows)[-1]["gain dB"] == 4


def test_slices_come_from_the_middle():
    assert _middle(40, 3) == [13, 20, 26] and _middle(2, 3) == [0, 1] and _middle(9, 1) == [4]


def test_the_command_prints_the_worst_and_writes_table_and_picture(volume, tmp_path, capsys, monkeypatch):
    import LDCTDenoiseLib.simulation.hard_cases as module

    monkeypatch.setattr(module, "fitted_scanner", lambda volume: (SCANNER, False))
    source = write_volume(volume, tmp_path / "body.nrrd")
    table, sheet = tmp_path / "stress.csv", tmp_path / "worst.png"
    run = ["stress", str(source), "--models", "gaussian", "--slices", "1", "--csv", str(table), "--pictures"]
    assert main([*run, str(sheet)]) == 0
    said = capsys.readouterr()
    assert "gaussian: " in said.out and "conditions ok" in said.out and "typical scanner" in said.err
    with table.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == case_count(volume) and {row["case"] for row in rows} == {"body"}
    assert "metal, dose 25 %" in {row["condition"] for row in rows}
    assert sheet.stat().st_size > 10000
    assert main([*run, str(sheet)]) == 2


def test_too_few_slices_are_refused(tmp_path):
    assert main(["stress", str(tmp_path), "--models", "gaussian", "--slices", "0"]) == 2
    assert main(["stress", str(tmp_path / "none"), "--models", "gaussian"]) == 2
