"""Phantoms and what is measured on them: known answers for methods whose answer is known."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from LDCTDenoiseLib.cli import main
from LDCTDenoiseLib.quality.phantom.figures import Kept, Plain, edge_width, measure_objects, measure_plain, mtf50
from LDCTDenoiseLib.quality.phantom.phantoms import (
    CONTRASTS,
    FREQUENCIES,
    PSF_MM,
    RODS,
    SPACING,
    Disc,
    chest,
    edges_and_bars,
    high_contrast,
    low_contrast,
    phantoms,
)  # fmt: skip
from LDCTDenoiseLib.quality.phantom.verdict import summary_row, verdict
from scipy.ndimage import fourier_gaussian, gaussian_filter


@pytest.fixture(scope="module")
def faint():
    return low_contrast()


@pytest.fixture(scope="module")
def edges():
    return edges_and_bars()


def blurred(hu, sigma_mm):
    """By the true Gaussian, which a filter of a few pixels is not."""
    return np.fft.ifft2(fourier_gaussian(np.fft.fft2(hu.astype(np.float64)), sigma_mm / SPACING)).real


def of_kind(found, kind):
    return [k for k in found if k.kind == kind]


def test_a_phantom_has_the_contrasts_that_it_says(faint):
    x, y = faint.axes
    for disc in faint.objects:
        centre = faint.hu[np.hypot(x - disc.x, y - disc.y) <= SPACING].mean()
        if disc.diameter >= 8:
            assert centre == pytest.approx(40 + disc.contrast, abs=0.1)
    assert {d.contrast for d in faint.objects if d.kind == "disc"} == set(CONTRASTS)


def test_plain_places_hold_soft_tissue_alone_and_stay_clear_of_discs(faint):
    x, y = faint.axes
    assert set(np.round(faint.hu[faint.plain]).astype(int)) <= {40, 220, *(40 + c for c in CONTRASTS)}
    for disc in faint.objects:
        rim = np.abs(np.hypot(x - disc.x, y - disc.y) - disc.diameter / 2) < 2
        assert not faint.plain[rim].any()
    assert np.allclose(faint.hu[faint.air], -1000, atol=0.1)


def test_the_chest_has_nodules_and_vessels_in_lung():
    phantom = chest()
    x, y = phantom.axes
    for nodule in (thing for thing in phantom.objects if thing.kind == "nodule"):
        ring = np.abs(np.hypot(x - nodule.x, y - nodule.y) - nodule.diameter / 2 - 3.5) < 1
        assert phantom.hu[ring].mean() == pytest.approx(-850, abs=1)


@pytest.mark.parametrize("make", [low_contrast, high_contrast, edges_and_bars, chest])
def test_the_identity_keeps_everything_and_invents_nothing(make):
    phantom = make()
    found, plain = measure_objects(phantom.hu[None], phantom), measure_plain(phantom.hu[None], phantom)
    assert all(k.kept == pytest.approx(100, abs=1e-3) and k.error == 0 for k in found)
    assert (plain.shift, plain.false_sd, plain.false_max, plain.air_max) == (0, 0, 0, 0)
    assert verdict(found, [plain]) == "kept"


def test_blur_adds_to_the_edge_width_in_quadrature(edges):
    own = np.hypot(PSF_MM, SPACING / np.sqrt(12))  # the pixel is part of the point spread function
    for added in (0.3, 0.8):
        for width in of_kind(measure_objects(blurred(edges.hu, added)[None], edges), "width"):
            assert width.kept == pytest.approx(100 * np.hypot(own, added) / own, rel=0.02)


def test_blur_fails_the_verdict_on_edge_and_bars_but_not_on_contrast_of_rods(edges):
    output = blurred(edges.hu, 0.4)[None]
    said = verdict(measure_objects(output, edges), [measure_plain(output, edges)])
    assert "edge 12" in said and "bars" in said and "contrast" not in said and "invents" not in said


def test_bars_keep_what_the_transfer_function_of_a_blur_lets_through(edges):
    found = of_kind(measure_objects(blurred(edges.hu, 0.5)[None], edges), "bars")
    first = [k for k in found if k.contrast == 100]
    assert [k.size for k in first] == list(FREQUENCIES)
    for bars in first[1:3]:  # one harmonic alone is left of these
        assert bars.kept == pytest.approx(100 * np.exp(-2 * (np.pi * 0.5 * bars.size) ** 2), abs=6)


def test_a_sharpened_edge_is_narrower(edges):
    sharp = edges.hu + 0.5 * (edges.hu - gaussian_filter(edges.hu, 1))
    assert all(k.kept < 95 for k in of_kind(measure_objects(sharp[None], edges), "width"))
    assert len(of_kind(measure_objects(sharp[None], edges), "width")) == len(RODS)


def test_half_the_contrast_is_fifty_percent(faint):
    half = 40 + (faint.hu - 40) / 2
    assert all(k.kept == pytest.approx(50, abs=0.01) for k in measure_objects(half[None], faint))


def test_an_invented_disc_is_caught(faint):
    x, y = faint.axes
    invented = faint.hu + 12.0 * (np.hypot(x - 60, y + 85) < 3)
    plain = measure_plain(invented[None], faint)
    assert plain.false_max == pytest.approx(12, abs=0.2)
    found = measure_objects(invented[None], faint)
    assert verdict(found, [plain]) == "invents 12 HU"


def test_a_lesion_that_vanished_is_named(faint):
    x, y = faint.axes
    lost = next(thing for thing in faint.objects if thing.kind == "lesion" and thing.diameter == 5)
    near = np.hypot(x - lost.x, y - lost.y) < lost.diameter / 2 + 2
    erased = np.where(near, np.float32(40), faint.hu)[None]
    said = verdict(measure_objects(erased, faint), [measure_plain(erased, faint)])
    assert said.startswith("contrast") and lost.name in said and "1 fail" in said


def test_a_shift_of_the_whole_image_is_no_loss_of_contrast(faint):
    shifted = (faint.hu + 3)[None]
    plain = measure_plain(shifted, faint)
    assert (plain.shift, plain.false_max) == (pytest.approx(3, abs=1e-4), pytest.approx(0, abs=1e-4))
    assert verdict(measure_objects(shifted, faint), [plain]) == "shift +3.0 HU"


def test_noise_alone_is_neither_loss_nor_structure(faint):
    draws = faint.hu + 10 * np.random.default_rng(1).standard_normal((8, *faint.hu.shape)).astype(np.float32)
    found, plain = measure_objects(draws, faint), measure_plain(draws, faint)
    assert np.mean([abs(k.kept - 100) < 3 * k.error for k in found]) > 0.9
    assert plain.false_sd < 0.3  # one draw alone shows 10 HU
    row = summary_row("none", 10.0, found, [plain], 8)
    assert np.isnan(row["false max"]) and row["≤20 HU %_sd"] > 0


def test_a_structure_that_every_draw_shows_is_found_beneath_the_noise(faint):
    wave = 3 * np.sin(faint.axes[0] / 4) + np.zeros_like(faint.hu)
    draws = faint.hu + wave + 10 * np.random.default_rng(2).standard_normal((8, *faint.hu.shape))
    assert measure_plain(draws, faint).false_sd == pytest.approx(3 / np.sqrt(2), rel=0.05)


def test_an_edge_that_is_not_there_has_no_width():
    distance = np.linspace(-4, 4, 200)
    width = edge_width(distance, np.random.default_rng(0).standard_normal(200) * 1e-9)
    assert np.isnan(width) or width > 0  # never an exception
    assert mtf50(0.55) == pytest.approx(0.341, abs=0.001)


def test_names_tell_size_and_contrast():
    assert Disc("lesion", 0, 0, 5, -15).name == "lesion 5 mm −15 HU"


def test_the_command_prints_verdicts_and_writes_table_and_pictures(tmp_path, capsys, monkeypatch):
    import LDCTDenoiseLib.quality.phantom.phantoms as module

    monkeypatch.setattr(module, "phantoms", lambda psf: [low_contrast(psf), edges_and_bars(psf)])
    run = ["phantom", str(tmp_path / "out"), "--models", "gaussian,median", "--noise", "0", "--pictures"]
    assert main(run) == 0
    said = capsys.readouterr().out
    assert "edge 14" in said and "gaussian" in said and "For" not in said.split("\n")[0]
    with (tmp_path / "out" / "phantom.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["method"] for row in rows} == {"gaussian", "median"}
    assert {row["kind"] for row in rows} >= {"disc", "lesion", "bars", "edge", "width"}
    assert (tmp_path / "out" / "gaussian_noise0.png").stat().st_size > 10000
    assert main(run) == 2  # what exists is not replaced unasked


@pytest.mark.parametrize(
    "wrong", [["--noise", "a"], ["--noise", "-5"], ["--draws", "2"], ["--draws", "5"], ["--blur", "9"], ["--pictures"]]
)
def test_wrong_arguments_are_one_sentence(wrong, capsys):
    assert main(["phantom", "--models", "gaussian", *wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_there_are_four_slices_and_sharper_scanners_make_sharper_ones():
    sharp, soft = (edges_and_bars(psf) for psf in (0.3, 0.9))
    steepest = [np.abs(np.diff(p.hu, axis=1)).max() for p in (sharp, soft)]
    assert steepest[0] > steepest[1]
    assert [p.name for p in phantoms()] == ["low contrast", "high contrast", "edges and bars", "chest"]


def test_noise_and_its_negative_leave_a_linear_method_its_true_contrast(tmp_path, capsys, monkeypatch):
    import LDCTDenoiseLib.quality.phantom.phantoms as module

    monkeypatch.setattr(module, "phantoms", lambda psf: [low_contrast(psf)])
    run = ["phantom", "--models", "gaussian", "--noise", "0,40", "--draws", "4", "--csv", str(tmp_path / "a.csv")]
    assert main(run) == 0
    with (tmp_path / "a.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    clean, noisy = ({r["object"]: float(r["kept"]) for r in rows if r["noise"] == noise} for noise in ("0", "40"))
    assert all(noisy[name] == pytest.approx(kept, abs=0.5) for name, kept in clean.items() if "lesion" in name)
    assert all(float(row["error"]) < 0.5 for row in rows if row["kind"] == "disc")


def test_what_may_be_luck_is_not_held_against_a_method():
    lucky, lost = (Kept("disc", "disc", 3, 10, 80, error) for error in (9, 1))
    plain = Plain(0, 0, 0, 0, 0)
    assert verdict([lucky], [plain], noise=20) == "kept"
    assert "contrast 80 %" in verdict([lost], [plain], noise=20)
