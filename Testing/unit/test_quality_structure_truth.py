"""Score against known removal, figures against known pictures, and the command that prints both."""

import json
from pathlib import Path

import numpy as np
import pytest
from edge_factory import SPACING, a_round_body
from LDCTDenoiseLib import cli
from LDCTDenoiseLib.files import write_volume
from LDCTDenoiseLib.quality.edges.places import find_edges
from LDCTDenoiseLib.quality.edges.response import edge_response
from LDCTDenoiseLib.quality.edges.structure import structure_score
from LDCTDenoiseLib.quality.known import figures as known_figures_module
from LDCTDenoiseLib.quality.known.figures import known_figures, known_width
from LDCTDenoiseLib.quality.known.removal import Known, compare_known, ct_noise, fitted_line, noise_power
from LDCTDenoiseLib.quality.texture.nps import measure_nps
from LDCTDenoiseLib.quality.texture.rois import Rois
from LDCTDenoiseLib.volume import CTVolume
from scipy.ndimage import gaussian_filter

PAIRS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "pairs"


def row(truth, score, error=0.1, group="faint"):
    return Known("case", "taken", 20.0, group, 100, truth, score, error, 0.0, 0.0)


def test_noise_has_the_spectrum_it_claims():
    noise = ct_noise((4, 128, 128), SPACING, 17.0, np.random.default_rng(0))
    assert noise.std() == pytest.approx(17, rel=1e-3)
    power = np.mean(np.abs(np.fft.fft2(noise)) ** 2, axis=0)[:, :64]
    frequency = np.hypot(np.fft.fftfreq(128, 0.75)[:, None], np.fft.fftfreq(128, 0.75)[:64])
    known = noise_power(frequency)
    for low, high in ((0.05, 0.15), (0.15, 0.3), (0.3, 0.5)):
        ring = (frequency > low) & (frequency < high)
        assert power[ring].sum() / power.sum() == pytest.approx(known[ring].sum() / known.sum(), rel=0.05)


def test_score_follows_truth_when_structure_is_taken_on_purpose():
    clean = np.repeat(a_round_body()[None], 3, axis=0).astype(np.float32)
    blur = {"gaussian": lambda stack: gaussian_filter(stack, (0, 0.8, 0.8))}
    rows = compare_known(clean, SPACING, [15.0], blur, draws=2)
    assert {r.group for r in rows} == {"strong", "faint"}
    for group in ("strong", "faint"):
        line = fitted_line([r for r in rows if r.group == group])
        assert line["slope"] == pytest.approx(1, abs=0.06 + 2 * line["slope_error"])
        assert abs(line["offset"]) < 0.1 + 2 * line["offset_error"]
    nulls = [r for r in rows if r.removal.startswith("noise")]
    assert all(r.truth == 0 and abs(r.score) < 4 * r.error + 0.1 for r in nulls)
    some, most = (
        next(r.error for r in nulls if r.group == "faint" and part in r.removal) for part in ("half", "all of")
    )
    assert 0.3 < some / most < 0.75, "half of the noise is left"
    whole = next(r for r in rows if r.removal == "gaussian" and r.group == "strong")
    half = next(r for r in rows if r.removal == "gaussian, half" and r.group == "strong")
    assert whole.truth == pytest.approx(2 * half.truth, rel=1e-3)
    assert whole.wider_true == pytest.approx(whole.wider, rel=0.15)


def test_the_line_through_scores_is_the_weighted_one():
    truth = np.linspace(0, 5, 8)
    line = fitted_line([row(t, 0.3 + 0.9 * t) for t in truth] + [row(2.0, 50.0, error=1e4)])
    assert line["slope"] == pytest.approx(0.9, abs=1e-3)
    assert line["offset"] == pytest.approx(0.3, abs=1e-3)
    few = fitted_line([row(0, 0)] * 3)
    assert all(np.isnan(value) for value in few.values())


def test_figures_come_out_as_known():
    figures = list(known_figures())
    assert len(figures) == 12
    for figure in figures:
        if figure.title.startswith("noise level"):
            assert figure.measured == pytest.approx(figure.known, rel=0.05)
        if "mean frequency" in figure.title:
            assert figure.measured == pytest.approx(figure.known, abs=2 * figure.error + 0.02 * figure.known)
        if "width" in figure.title:
            error = 3 * figure.error + 0.02 * figure.known
            assert figure.measured == pytest.approx(figure.known, abs=error), figure.title
    assert known_width(0.6) == pytest.approx(2.563 * 0.6415, rel=2e-3)


def test_the_known_mean_frequency_is_that_of_the_spectrum_itself():
    hu = ct_noise((4, 264, 264), SPACING, 20.0, np.random.default_rng(1))
    places = [(s, r, c) for s in range(4) for r in range(0, 264, 22) for c in range(0, 264, 22)]
    measured = measure_nps(hu, Rois(22, np.array(places)), SPACING).mean
    assert known_figures_module._known_mean() == pytest.approx(measured, rel=0.03)
    fine = np.fft.rfftfreq(3840, SPACING[0])
    expected = np.average(fine, weights=noise_power(fine))
    assert known_figures_module._known_mean() == pytest.approx(expected, rel=1e-3)


def test_the_command_prints_truth_beside_score(tmp_path, capsys, monkeypatch):
    from LDCTDenoiseLib.commands import validate_measures

    monkeypatch.setattr(validate_measures, "FILTERS", ("gaussian",))
    path, csv = tmp_path / "body.nrrd", tmp_path / "all.csv"
    write_volume(CTVolume(np.repeat(a_round_body()[None], 2, axis=0), (*SPACING, 5.0)), path)
    assert cli.main(["validate-measures", str(path), "--noise", "15", "--slices", "2", "--csv", str(csv)]) == 0
    said = capsys.readouterr().out
    assert "10–90 % width" in said and "50 % of a blur of 0.6 mm" in said and "slope" in said
    assert len(csv.read_text(encoding="utf-8").splitlines()) == 1 + 2 * 12
    assert cli.main(["validate-measures", "--progress", "json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "known" in json.dumps(last)
    assert cli.main(["validate-measures", "--noise", "0"]) == 2


def test_thin_slices_are_averaged_and_thick_ones_are_not():
    from LDCTDenoiseLib.commands.validate_measures import clean_slices

    hu = np.arange(6, dtype=np.float32)[:, None, None] ** 2 * np.ones((6, 2, 2), np.float32)
    np.testing.assert_allclose(clean_slices(hu, 5.0, 2)[:, 0, 0], [0, 25])
    np.testing.assert_allclose(clean_slices(hu, 1.0, 2)[:, 0, 0], [5 / 3, 50 / 3])
    assert clean_slices(hu[:1], 1.0, 4).shape == (1, 2, 2)


@pytest.mark.skipif(not PAIRS.is_dir(), reason="the shared pairs are not on this machine")
def test_on_true_pairs_a_blur_is_told_from_the_removal_of_noise():
    found = [np.load(path) for path in sorted(PAIRS.glob("L143_3mm_*.npz"))[:2]]
    spacing = tuple(float(v) for v in found[0]["spacing"])
    low, normal = (np.array([pair[key] for pair in found], np.float32) for key in ("ld", "nd"))
    edges = find_edges(low, spacing)
    blur = structure_score(low, gaussian_filter(low, (0, 0.8, 0.8)), edges, spacing)
    assert blur.light == "red" and blur.strong > 3 and blur.faint > 2
    normal_dose = structure_score(low, normal, edges, spacing)  # noise alone was removed
    assert normal_dose.light == "green"
    assert abs(normal_dose.strong) < 0.2 and abs(normal_dose.faint) < 3 * normal_dose.faint_error
    widths = [edge_response(hu, edges, "strong", spacing).width for hu in (low, normal)]
    assert widths[1] == pytest.approx(widths[0], rel=0.02)
