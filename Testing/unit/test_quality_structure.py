"""The structure score sees what a blur takes from edges, and not the noise that goes with it."""

import numpy as np
import pytest
from edge_factory import SIDE, SPACING, a_round_body, blurred, smooth_noise
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.edges import places as edges_module
from LDCTDenoiseLib.quality.edges.places import find_edges
from LDCTDenoiseLib.quality.edges.profiles import POSITIONS
from LDCTDenoiseLib.quality.edges.response import edge_response
from LDCTDenoiseLib.quality.edges.structure import edge_sigma, fit_score, structure_score, verdict, wider
from scipy.special import ndtr

NAN = float("nan")


def a_stack(slices=3, sigma=0.7):
    return np.repeat(a_round_body(sigma)[None], slices, axis=0)


def test_a_known_blur_scores_the_height_of_what_it_takes():
    clean = a_stack(1)
    edges = find_edges(clean, SPACING)
    for blur in (0.3, 0.5, 0.7):
        after = np.hypot(0.7, blur)
        found = structure_score(clean, a_stack(1, after), edges, SPACING)
        x = np.linspace(0, 5, 2001)
        height = 100 * np.max(ndtr(x / 0.7) - ndtr(x / after))
        assert found.strong == pytest.approx(height, rel=0.07)
        assert found.faint == pytest.approx(height, rel=0.1)  # its curvature is seen as 0.15 mm of shift
        assert wider(found.strong) == pytest.approx(100 * (after / 0.7 - 1), rel=0.08)
        assert found.score == pytest.approx((found.strong + found.faint) / 2)


def test_it_is_linear_in_what_was_taken():
    before = a_stack() + smooth_noise((3, SIDE, SIDE), 30)
    edges = find_edges(before, SPACING)
    after = blurred(before, 0.6)
    whole = structure_score(before, after, edges, SPACING)
    half = structure_score(before, (before + after) / 2, edges, SPACING)
    assert (half.strong, half.faint) == pytest.approx((whole.strong / 2, whole.faint / 2))
    assert half.faint_error == pytest.approx(whole.faint_error / 2)
    none = structure_score(before, before, edges, SPACING)
    assert (none.score, none.error, none.light) == (0, 0, "green")


def test_noise_alone_is_no_structure_however_much_is_removed():
    clean = a_stack()
    faint, strong, errors = [], [], []
    for seed in range(12):
        before = clean + smooth_noise(clean.shape, 35, seed)
        found = structure_score(before, clean, find_edges(before, SPACING), SPACING)
        faint.append(found.faint)
        strong.append(found.strong)
        errors.append(found.faint_error)
    assert abs(np.mean(faint)) < 2.5 * np.std(faint, ddof=1) / np.sqrt(12) + 0.1
    assert abs(np.mean(strong)) < 0.1
    assert 0.5 < np.mean(errors) / np.std(faint, ddof=1) < 2, "the error is what it scatters"


def test_places_chosen_on_the_fine_scale_would_make_structure_of_noise(monkeypatch):
    monkeypatch.setattr(edges_module, "COARSE_MM", 1.0)
    monkeypatch.setattr(edges_module, "_STEP_MM", 1.2)
    monkeypatch.setattr(edges_module, "_LEAST_OF_NOISE", 2.0)
    for limit in ("_MISFIT", "_SAGITTA_MM", "_TILT", "_CHANGE", "_DROP"):  # what noise alone would exceed at 1 mm
        monkeypatch.setattr(edges_module, limit, 2.0)
    clean, scores = a_stack(), []
    for seed in range(4):
        before = clean + smooth_noise(clean.shape, 35, seed)
        scores.append(structure_score(before, clean, find_edges(before, SPACING), SPACING).faint)
    assert np.mean(scores) > 3


def test_structure_is_seen_through_the_noise():
    clean = a_stack()
    truths, scores = [], []
    for seed in range(6):
        before = clean + smooth_noise(clean.shape, 30, seed)
        edges = find_edges(before, SPACING)
        truths.append(structure_score(clean, blurred(clean, 0.6), edges, SPACING).faint)
        scores.append(structure_score(before, blurred(before, 0.6), edges, SPACING).faint)
    assert np.mean(scores) == pytest.approx(np.mean(truths), abs=0.3)
    assert min(truths) > 4, "the noise has not thrown the places off the edge"


def test_lost_contrast_and_shifted_hu_are_told_by_other_figures():
    clean = a_stack(1)
    edges = find_edges(clean, SPACING)
    for after in (clean + 12, 0.9 * clean):
        assert abs(structure_score(clean, after, edges, SPACING).faint) < 0.15


def test_a_sharpened_image_scores_below_zero():
    clean = a_stack(1)
    sharper = clean + 0.5 * (clean - blurred(clean, 0.7))
    found = structure_score(clean, sharper, find_edges(clean, SPACING), SPACING)
    assert found.strong < -1 and found.faint < -1
    assert "steeper" in found.sentence and found.light != "green"


def test_the_widening_it_tells_is_the_widening_that_is_measured():
    clean = a_stack(1)
    edges = find_edges(clean, SPACING)
    for blur in (0.3, 0.6, 1.0):
        after = blurred(clean, blur)
        widths = [edge_response(hu, edges, "faint", SPACING).width for hu in (clean, after)]
        told = wider(structure_score(clean, after, edges, SPACING).faint)
        assert told == pytest.approx(100 * (widths[1] / widths[0] - 1), rel=0.12)


def test_too_few_edges_say_so():
    flat = np.full((2, 64, 64), 40.0)
    found = structure_score(flat, flat - 1, find_edges(flat, SPACING), SPACING)
    assert found.light == "none" and np.isnan(found.score) and found.strong_edges == 0
    assert found.sentence == "Too few edges to tell whether the removed part holds structure."


def test_a_body_without_faint_edges_gets_no_green_light():
    skin = np.repeat(a_round_body(contrast=0)[None], 3, axis=0)
    edges = find_edges(skin, SPACING)
    found = structure_score(skin, skin - 1, edges, SPACING)
    assert found.light == "none" and found.strong_edges > 100 and found.faint_edges == 0
    assert found.sentence.startswith("Strong edges were kept; whether faint edges were cannot be judged")
    assert structure_score(skin, blurred(skin, 0.8), edges, SPACING).light == "red"


def test_only_images_of_one_shape_can_be_compared():
    hu = a_stack(1)
    with pytest.raises(InputError):
        structure_score(hu, hu[:, :-1], find_edges(hu, SPACING), SPACING)


def one_group(score, error):
    """Light and sentence of two groups of the same score."""
    return verdict({"strong": (score, error), "faint": (score, error)})


@pytest.mark.parametrize(
    ("strong", "faint", "light", "words"),
    [
        ((0.1, 0.05), (0.3, 0.2), "green", "Edges were kept"),
        ((0.1, 0.05), (2.5, 0.3), "amber", "Faint edges were slightly blurred"),
        ((4.7, 0.1), (0.2, 0.3), "red", "Strong edges were clearly blurred"),
        ((-2.0, 0.1), (0.2, 0.3), "amber", "Strong edges were made slightly steeper"),
        ((2.0, 0.1), (2.5, 0.3), "amber", "Edges were slightly blurred"),
        ((-2.0, 0.1), (2.5, 0.3), "amber", "Faint edges were slightly blurred"),
        ((4.7, 0.1), (2.5, 1.3), "red", "Strong edges were clearly blurred"),
        ((4.7, 0.1), (NAN, NAN), "red", "Strong edges were clearly blurred"),
        ((NAN, NAN), (2.5, 0.3), "amber", "Faint edges were slightly blurred"),
        ((1.5, 0.5), (1.5, 0.5), "none", "Whether edges were kept cannot be judged"),
        ((NAN, NAN), (NAN, NAN), "none", "Too few edges"),
    ],
)
def test_the_light_is_that_of_the_worst_group_that_can_be_told(strong, faint, light, words):
    found, sentence = verdict({"strong": strong, "faint": faint})
    assert found == light
    assert sentence.startswith(words) and sentence.endswith(".")


@pytest.mark.parametrize(
    ("faint", "words"),
    [
        ((NAN, NAN), "faint edges are too few to tell"),
        ((8.0, 3.5), "faint edges are too noisy to tell (8.0 ± 3.5 %, 4 to 86 % wider)"),
        ((0.2, 1.9), "faint edges are too noisy to tell (0.2 ± 1.9 %, from 14 % steeper to 18 % wider)"),
        ((-3.1, 1.4), "faint edges are too noisy to tell (−3.1 ± 1.4 %, 1 to 22 % steeper)"),
        ((1.3, 0.1), "faint edges are on the verge of what counts as kept (1.3 ± 0.1 %, 5 to 6 % wider)"),
    ],
)
def test_green_needs_both_groups(faint, words):
    for noisy, kept in (("faint", "strong"), ("strong", "faint")):
        light, sentence = verdict({kept: (0.1, 0.1), noisy: faint})
        assert light == "none"
        assert sentence.startswith(f"{kept.capitalize()} edges were kept; whether {noisy} edges were cannot be judged")
        assert words.replace("faint", noisy) in sentence and "of the contrast of " + kept in sentence


def test_the_normal_dose_is_never_accused_for_its_noise():
    for score, error in ((1.2, 0.6), (1.5, 0.7)):  # two normal-dose slices against their low dose
        assert verdict({"strong": (0.1, 0.05), "faint": (score, error)})[0] == "none"
    random = np.random.default_rng(0)
    lights = [one_group(random.normal(0, error), error)[0] for error in (0.2, 0.6, 1.0, 2.0) for _ in range(500)]
    assert lights.count("red") + lights.count("amber") <= 0.01 * len(lights)
    assert lights[:500].count("green") == 500 and lights[-500:].count("green") == 0


def test_what_green_does_not_exclude_is_said():
    assert "excluded" not in one_group(0.6, 0.2)[1]
    light, sentence = one_group(0.9, 0.4)
    assert light == "green" and "4 % wider, but a change of up to 7 % cannot be excluded" in sentence
    assert one_group(0.9, 0.75)[0] == "none", "10 % is possible"
    assert one_group(-0.9, 0.4)[0] == "green" and "steeper, but a change of up to 7 %" in one_group(-0.9, 0.4)[1]


def test_lights_change_at_five_and_fifteen_per_cent_of_the_width():
    for width, light in ((4.8, "green"), (5.2, "amber"), (14.8, "amber"), (15.2, "red")):
        assert one_group(24.2 * np.log(1 + width / 100), 0.001)[0] == light
    x = np.linspace(0, 4, 4001)
    height = 100 * np.max(ndtr(x) - ndtr(x / 1.05))
    assert wider(height) == pytest.approx(5, rel=0.03), "the height that 5 % of widening leaves, exactly"


@pytest.mark.parametrize(
    ("score", "error", "words"),
    [
        (0.0, 0.0, "less than 0.1 %"),
        (-0.02, 0.03, "less than 0.1 %"),
        (-0.02, 0.06, "0.0 ± 0.1 %"),
        (-0.004, 0.0481, "0.00 ± 0.05 %"),
        (-0.18, 0.02, "−0.18 ± 0.02 %"),
        (0.44, 0.21, "0.4 ± 0.2 %"),
        (0.4, 0.001, "0.40 %"),
    ],
)
def test_a_score_is_told_as_well_as_it_is_known(score, error, words):
    assert f"holds {words} of" in one_group(score, error)[1]


def test_absurd_images_have_a_sentence_too():
    assert verdict({"strong": (1e6, 1e3), "faint": (-1e6, 1e300)})[0] == "red"


def test_the_fit_sees_neither_offset_nor_step():
    edge = ndtr(POSITIONS / 0.8)
    taken = edge - ndtr(POSITIONS / (1.3 * 0.8))
    score = fit_score(np.array([taken, taken + 0.2, taken + 0.3 * edge]), 0.8)
    np.testing.assert_allclose(score, 100 * taken.max(), rtol=1e-6)
    assert edge_sigma(0.1 + 0.9 * edge) == pytest.approx(0.8, abs=0.02)
