"""The pairs that a network learns from: noise of the right strength, fair series, moved and turned patches."""

import numpy as np
import pytest
from LDCTDenoiseLib.training.data import DoseSpread, PatchSampler
from LDCTDenoiseLib.training.windows import place
from training_factory import a_series


def test_inserted_noise_has_the_variance_that_the_dose_asks_for():
    sampler = PatchSampler([a_series()], 64, 64, DoseSpread((0.25, 0.25), noise=0.0))
    low, normal = sampler.draw(np.random.default_rng(0))
    assert (low - normal).std() == pytest.approx(10 * np.sqrt(3), rel=0.05)


def test_the_expected_target_is_the_mean_of_the_sampled_ones():
    """Given the low dose, the noise of a sampled target scatters around the share of it that the target keeps."""
    spread = DoseSpread((0.25, 0.25), noise=60.0)

    def regression(expected: bool) -> float:
        """Slope of the target on the low dose: how much of what the low dose shows the target keeps."""
        sampler = PatchSampler([a_series(level=20)], 64, 200, spread, expected_target=expected)
        low, normal = (half - half.mean() for half in sampler.draw(np.random.default_rng(1)))
        return float(np.sum(low * normal) / np.sum(low**2))

    assert regression(True) == pytest.approx(regression(False), abs=0.03)


@pytest.mark.parametrize(("texture", "kept"), [(0.0, 0.25), (0.5, 0.375), (1.0, 0.5)])
def test_an_expected_target_keeps_as_much_noise_as_its_texture_asks_for(texture, kept):
    """At a quarter of the dose: a quarter of the noise is nearest, half of it is as noisy as the normal dose."""
    series = a_series(level=0.001)
    series.normal_dose[:] = 40
    spread = DoseSpread((0.25, 0.25), noise=30.0)
    low, target = (half - 40 for half in drawn(PatchSampler([series], 64, 100, spread, texture=texture)))
    noisy = low.std(axis=(1, 2, 3)) > 10  # where noise was added to the normal dose: all that it has
    slope = (low * target)[noisy].sum() / np.square(low[noisy]).sum()
    assert noisy.any() and slope == pytest.approx(kept, abs=0.01)


def test_usual_doses_are_drawn_more_often_than_others():
    rng = np.random.default_rng(0)
    even, usual = (np.array([DoseSpread((0.05, 0.95), at).draw_dose(rng) for _ in range(4000)]) for at in (None, 0.25))
    near = [((doses > 0.125) & (doses < 0.5)).mean() for doses in (even, usual)]
    assert near[0] == pytest.approx(np.log(4) / np.log(19), abs=0.03)
    low, top, high = np.log([0.05, 0.25, 0.95])
    outside = (np.log(0.125) - low) ** 2 / ((high - low) * (top - low)) + (high - np.log(0.5)) ** 2 / (
        (high - low) * (high - top)
    )
    assert near[1] == pytest.approx(1 - outside, abs=0.03), "a triangle over the logarithm"
    assert all(doses.min() >= 0.05 and doses.max() <= 0.95 for doses in (even, usual))


def test_a_third_of_the_normal_doses_keep_their_noise_and_the_others_get_more():
    spread, rng = DoseSpread(noise=40.0), np.random.default_rng(0)
    noise = np.array([np.hypot(10, spread.draw_extra(10, rng)) for _ in range(4000)])
    assert (noise == 10).mean() == pytest.approx(1 / 3, abs=0.03) and noise.max() < 40
    assert np.median(noise[noise > 10]) == pytest.approx(20, rel=0.05), "evenly over the logarithm"
    assert spread.draw_extra(50, rng) == 0, "noisier slices stay what they are"


def test_a_share_of_the_slices_is_shown_as_it_is():
    low, normal = drawn(PatchSampler([a_series()], 32, 300, DoseSpread((0.25, 0.25), whole=0.2)))
    assert (low == normal).all(axis=(1, 2, 3)).mean() == pytest.approx(0.2, abs=0.07)


def test_every_other_drawn_patch_has_no_noise_and_stays_what_it_is():
    low, normal = drawn(PatchSampler([a_series()], 64, 60, DoseSpread(noise=0.0), shapes=1.0))
    touched = (low != normal).any(axis=(1, 2, 3))
    assert 0.3 < touched.mean() < 0.7
    bends = np.abs(np.diff(normal[~touched], 2, axis=-1)).reshape((~touched).sum(), -1)
    assert np.median(np.quantile(bends, 0.25, axis=1)) < 0.3, "smooth but for the edges of the shapes"
    assert (np.ptp(normal.reshape(60, -1), axis=1) > 3).all(), "and something to be seen in all of them"


def test_patches_of_air_are_rare():
    series = a_series()
    series.normal_dose[:3] = -1000
    low, _ = PatchSampler([series], 32, 200).draw(np.random.default_rng(0))
    assert (low.mean(axis=(1, 2, 3)) < -800).mean() < 0.2


def drawn(sampler: PatchSampler, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return sampler.draw(np.random.default_rng(seed))


@pytest.mark.parametrize(("sampling", "share"), [("slices", 0.9), ("sqrt", 0.75), ("series", 0.5)])
def test_a_long_series_is_drawn_as_often_as_the_sampling_says(sampling, share):
    long, short = a_series("long", slices=18), a_series("short", slices=2)
    long.normal_dose[:], short.normal_dose[:] = 100, 0
    sampler = PatchSampler([long, short], 8, 400, DoseSpread((0.9, 0.9), noise=0.0), sampling=sampling)
    assert sampler.chances[0] == pytest.approx(share, abs=0.001)
    assert (drawn(sampler)[1].mean(axis=(1, 2, 3)) > 50).mean() == pytest.approx(share, abs=0.07)


def test_a_whole_slice_is_shifted_by_whole_pixels_into_air():
    series = a_series(slices=1)
    series.normal_dose[:] = 40
    _, normal = drawn(PatchSampler([series], 64, 60, DoseSpread((0.5, 0.5), noise=0.0), shift=8))
    rows = (normal > 0).any(axis=3).sum(axis=(1, 2))
    assert set(np.unique(normal)) == {-1024, 40} and rows.min() == 56 and rows.max() == 64
    rng = np.random.default_rng(0)
    assert {place(64, 64, 2, rng) for _ in range(200)} == {-2, -1, 0, 1, 2}, "to both sides"
    assert {place(64, 62, 1, rng) for _ in range(200)} == {-1, 0, 1, 2, 3}
    assert {place(64, 66, 0, rng) for _ in range(200)} == {-2, -1, 0}, "a patch larger than the slice holds all of it"


def test_without_shift_and_scale_patches_are_cut_from_the_slice_as_it_is():
    series = a_series(slices=1)
    series.normal_dose[0] = np.arange(64 * 64).reshape(64, 64) - 1000
    _, normal = drawn(PatchSampler([series], 16, 20, DoseSpread((0.5, 0.5), noise=0.0)))
    steps = np.abs(np.diff(normal, axis=-1))
    assert {float(v) for v in np.unique(steps)} == {1.0, 64.0}, "whole pixels, also turned and flipped"
    corners = np.sort(normal[:, 0][:, [0, 0, -1, -1], [0, -1, 0, -1]], axis=1)
    assert len(np.unique(corners[:, 0])) > 10, "not always at the same place"


def test_scaling_keeps_low_and_normal_dose_together():
    series = a_series(slices=1)
    x = np.arange(64) - 32
    series.normal_dose[0] = np.where(np.hypot(x, x[:, None]) < 12, 500, 0)
    series.noise[:] = 0
    low, normal = drawn(PatchSampler([series], 64, 60, DoseSpread((0.5, 0.5), noise=0.0), scale=(0.7, 1.4)))
    radius = np.sqrt((normal > 250).sum(axis=(1, 2, 3)) / np.pi)
    assert 8 < radius.min() < 9.5 and 15 < radius.max() < 17.5
    np.testing.assert_array_equal(low, normal)
