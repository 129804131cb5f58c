"""The spread of the draws is judged by the real error: known errors are found, and the rule decides."""

from dataclasses import replace

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.spread.calibration import ReferenceNoise, spread_case, spread_factor, spread_figures
from LDCTDenoiseLib.quality.spread.verdict import failures, verdict
from scipy.ndimage import gaussian_filter

SPACING = (0.8, 0.8)
SHAPE = (4, 160, 160)
SMOOTHING = 0.9  # of the images' noise and of the filter, pixels


def white(rng) -> np.ndarray:
    """Noise of about the texture of CT, SD 1."""
    return gaussian_filter(rng.standard_normal(SHAPE), (0, SMOOTHING, SMOOTHING)) * 2 * np.sqrt(np.pi) * SMOOTHING


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """A round body of soft tissue with fat and bone in air."""
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]] - 80.0
    body = np.where(np.hypot(y, x) < 76, 50.0, -1000.0)
    body[np.hypot(y - 30, x) < 15] = -100
    body[np.hypot(y + 40, x) < 10] = 600
    return np.broadcast_to(body, SHAPE)


@pytest.fixture(scope="module")
def noise_sd() -> np.ndarray:
    """More noise towards the right, as behind a hip: HU."""
    return np.broadcast_to(np.linspace(10, 30, SHAPE[2]), SHAPE)


def calibrated(truth, noise_sd, *, factor=4.0, seed=0, noisy=0.0, draws=None):
    """A result whose error has the SD of the noise map, and a spread that is `factor` times too small; the
    reference with `noisy` times that noise, all of its own."""
    rng = np.random.default_rng(seed)
    mean = truth + noise_sd * white(rng)
    spread = noise_sd / factor
    if draws:
        spread = spread * np.std([white(rng) for _ in range(draws)], axis=0, ddof=1)
    reference = truth + noisy * noise_sd * white(rng)
    low = truth + 2 * noise_sd * white(rng)
    noise = ReferenceNoise(noisy**2 / (4 + noisy**2), 4 / (4 + noisy**2), 0.0)
    return spread_case(mean, spread, reference, low, SPACING, noise=noise, name=f"case {seed}")


def test_the_factor_found_on_one_case_makes_an_uncertainty_of_the_spread_of_another(truth, noise_sd):
    factor = spread_factor([calibrated(truth, noise_sd)])
    assert factor == pytest.approx(4, rel=0.02)
    figures = spread_figures([calibrated(truth, noise_sd, seed=1), calibrated(truth, noise_sd, seed=2)], factor)
    assert figures.coverage == pytest.approx(68.3, abs=1.5)
    assert figures.slope == pytest.approx(1, abs=0.07)
    assert figures.rank > 0.8
    assert figures.error == pytest.approx(4 * figures.spread, rel=0.03)
    assert np.allclose(figures.curve_error, figures.curve_spread, rtol=0.1)
    assert list(figures.coverages) == ["case 1", "case 2"]
    assert not failures(figures) and verdict(figures).startswith("4 × spread may be called an uncertainty")


def test_the_noise_of_a_reference_of_its_own_is_no_error_of_the_result(truth, noise_sd):
    cases = [calibrated(truth, noise_sd, noisy=1.0)]
    naive = np.sqrt(np.mean(cases[0].difference.astype(float) ** 2))
    figures = spread_figures(cases, 4.0)
    assert naive == pytest.approx(np.sqrt(2) * 4 * figures.spread, rel=0.03)
    assert figures.error == pytest.approx(4 * figures.spread, rel=0.03)
    assert figures.coverage == pytest.approx(68.3, abs=2)


@pytest.mark.parametrize("fraction", [0.25, 0.5])
@pytest.mark.parametrize("is_known", [True, False])
def test_noise_that_input_and_reference_share_is_part_of_the_error(truth, noise_sd, fraction, is_known):
    rng = np.random.default_rng(3)
    reference = truth + noise_sd * white(rng)
    low = reference + np.sqrt((1 - fraction) / fraction) * noise_sd * white(rng)
    mean = truth + 0.4 * (low - truth) + 3  # keeps 40 % of all noise, and a shift
    noise = ReferenceNoise.of_dose(fraction) if is_known else None
    case = spread_case(mean, noise_sd, reference, low, SPACING, noise=noise)
    real = (mean - truth)[reference > -500]
    assert spread_figures([case], 1.0).error == pytest.approx(np.sqrt(np.mean(real**2)), rel=0.05)
    assert np.sqrt(np.mean(case.difference**2)) != pytest.approx(np.sqrt(np.mean(real**2)), rel=0.15)


def test_shared_and_separate_noise_are_told_apart(truth, noise_sd):
    rng = np.random.default_rng(4)
    level = np.full(SHAPE, 15.0)
    reference = truth + level * white(rng)
    added = ReferenceNoise.measured(reference + np.sqrt(3) * level * white(rng), reference, SPACING)
    scans = ReferenceNoise.measured(truth + 2 * level * white(rng), reference, SPACING)
    assert (added.low, scans.low) == pytest.approx((4 / 3, 4 / 5), rel=0.1)
    assert added.shared > 0.8 and added.reference == pytest.approx(1 / 3, rel=0.1)
    assert scans.shared < 0.2 and scans.reference == pytest.approx(1 / 5, rel=0.1)
    known = ReferenceNoise.of_dose(0.25)
    assert (known.reference, known.low, known.shared) == pytest.approx((1 / 3, 4 / 3, 1))


def test_a_reference_without_soft_tissue_is_refused_in_a_sentence():
    air = np.full((1, 40, 40), -1000.0)
    with pytest.raises(InputError, match="soft tissue"):
        ReferenceNoise.measured(air, air, SPACING)
    with pytest.raises(InputError, match="shape"):
        spread_case(air, air[:, :-1], air, air, SPACING)


def test_a_spread_that_has_nothing_to_do_with_the_error_stays_a_spread(truth, noise_sd):
    rng = np.random.default_rng(5)
    case = calibrated(truth, noise_sd)
    shuffled = replace(case, spread=rng.permutation(case.spread))
    figures = spread_figures([shuffled], spread_factor([shuffled]))
    assert abs(figures.rank) < 0.3 and abs(figures.slope) < 0.3
    assert len(failures(figures)) >= 2
    assert verdict(figures).startswith("It stays the spread of the draws: ")


def test_knowing_the_noisier_scan_is_not_knowing_where_it_is_wrong(truth, noise_sd):
    cases = []
    for number, level in enumerate((1.0, 3.0)):
        case = calibrated(truth, level * noise_sd, seed=number)
        cases.append(replace(case, spread=np.full_like(case.spread, level)))
    cases = [
        replace(case, spread=case.spread * (1 + 1e-3 * np.random.default_rng(0).random(len(case.spread))))
        for case in cases
    ]
    figures = spread_figures(cases, spread_factor(cases))
    assert figures.rank_pooled > 0.6 and abs(figures.rank) < 0.3
    assert any("rank" in text for text in failures(figures))
    assert "would pass if the regions of all cases were pooled" in verdict(figures)
    assert "would pass" not in verdict(replace(figures, slope=0.1))


def test_a_factor_of_other_images_that_does_not_fit_is_seen_in_the_coverage(truth, noise_sd):
    case = calibrated(truth, noise_sd)
    for factor, coverage in ((2.0, 38.3), (8.0, 95.4)):
        figures = spread_figures([case], factor)
        assert figures.coverage == pytest.approx(coverage, abs=1.5)
        assert any("covers" in text for text in failures(figures))


def test_few_draws_scatter_but_their_neighbourhood_tells(truth, noise_sd):
    case = calibrated(truth, noise_sd, draws=6)
    figures = spread_figures([case], spread_factor([case]))
    assert figures.slope > 0.8 and figures.rank > 0.8 and not failures(figures)


def test_the_spread_is_averaged_over_its_neighbourhood_and_not_over_the_air(truth):
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]] - 80.0
    spread = (
        np.where(np.hypot(y, x) < 79, 2.0, 500.0) * np.ones(SHAPE) * np.where(np.arange(SHAPE[2]) % 2, 1.0, np.sqrt(7))
    )
    noise = ReferenceNoise.none()
    case = spread_case(truth, spread, truth, truth, SPACING, noise=noise)
    assert np.median(case.spread) == pytest.approx(4, rel=0.1)
    assert case.spread.min() > 3 and case.spread.max() < 5  # also at the skin, beyond which the draws differ by 500


def test_air_around_the_body_does_not_count(truth, noise_sd):
    case = calibrated(truth, noise_sd)
    assert len(case.spread) < 0.75 * truth.size
    assert case.region.max() + 1 == len(np.unique(case.region))


def test_draws_that_do_not_differ_have_nothing_to_judge(truth, noise_sd):
    case = calibrated(truth, noise_sd)
    still = replace(case, spread=np.zeros_like(case.spread))
    factor = spread_factor([still])
    assert np.isnan(factor)
    assert "no spread" in verdict(spread_figures([still], factor))


def test_a_handful_of_regions_is_too_few_to_judge(truth, noise_sd):
    case = calibrated(truth, noise_sd)
    few = case.region < 20
    part = replace(case, **{k: getattr(case, k)[few] for k in ("spread", "difference", "squared", "region")})
    assert any("too few" in text for text in failures(spread_figures([part], 4.0)))
