"""The pairs that a network learns from: noise of the right strength, fair series, moved and turned patches."""

import numpy as np
import pytest
from LDCTDenoiseLib.training.data import DoseSpread, PatchSampler, _start
from training_factory import a_series


def test_inserted_noise_has_the_variance_that_the_dose_asks_for():
    sampler = PatchSampler([a_series()], 64, 64, DoseSpread((0.25, 0.25), extra=0.0))
    low, normal = sampler.draw(np.random.default_rng(0))
    assert (low - normal).std() == pytest.approx(10 * np.sqrt(3), rel=0.05)


def test_the_expected_target_is_the_mean_of_the_sampled_ones():
    """Given the low dose, the noise of a sampled target scatters around the share of it that the target keeps."""
    spread = DoseSpread((0.25, 0.25), extra=2.0)

    def regression(expected: bool) -> float:
        """Slope of the target on the low dose: how much of what the low dose shows the target keeps."""
        sampler = PatchSampler([a_series(level=20)], 64, 200, spread, expected_target=expected)
        low, normal = (half - half.mean() for half in sampler.draw(np.random.default_rng(1)))
        return float(np.sum(low * normal) / np.sum(low**2))

    assert regression(True) == pytest.approx(regression(False), abs=0.03)


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
    sampler = PatchSampler([long, short], 8, 400, DoseSpread((0.9, 0.9), extra=0.0), sampling=sampling)
    assert sampler.chances[0] == pytest.approx(share, abs=0.001)
    assert (drawn(sampler)[1].mean(axis=(1, 2, 3)) > 50).mean() == pytest.approx(share, abs=0.07)


def test_a_whole_slice_is_shifted_by_whole_pixels_into_air():
    series = a_series(slices=1)
    series.normal_dose[:] = 40
    _, normal = drawn(PatchSampler([series], 64, 60, DoseSpread((0.5, 0.5), extra=0.0), shift=8))
    rows = (normal > 0).any(axis=3).sum(axis=(1, 2))
    assert set(np.unique(normal)) == {-1024, 40} and rows.min() == 56 and rows.max() == 64
    rng = np.random.default_rng(0)
    assert {_start(64, 64, 2, rng) for _ in range(200)} == {-2, -1, 0, 1, 2}, "to both sides"
    assert {_start(64, 62, 1, rng) for _ in range(200)} == {-1, 0, 1, 2, 3}
    assert {_start(64, 66, 0, rng) for _ in range(200)} == {-2, -1, 0}, "a patch larger than the slice holds all of it"


def test_without_shift_and_scale_patches_are_cut_from_the_slice_as_it_is():
    series = a_series(slices=1)
    series.normal_dose[0] = np.arange(64 * 64).reshape(64, 64) - 1000
    _, normal = drawn(PatchSampler([series], 16, 20, DoseSpread((0.5, 0.5), extra=0.0)))
    steps = np.abs(np.diff(normal, axis=-1))
    assert {float(v) for v in np.unique(steps)} == {1.0, 64.0}, "whole pixels, also turned and flipped"
    corners = np.sort(normal[:, 0][:, [0, 0, -1, -1], [0, -1, 0, -1]], axis=1)
    assert len(np.unique(corners[:, 0])) > 10, "not always at the same place"


def test_scaling_keeps_low_and_normal_dose_together():
    series = a_series(slices=1)
    x = np.arange(64) - 32
    series.normal_dose[0] = np.where(np.hypot(x, x[:, None]) < 12, 500, 0)
    series.noise[:] = 0
    low, normal = drawn(PatchSampler([series], 64, 60, DoseSpread((0.5, 0.5), extra=0.0), scale=(0.7, 1.4)))
    radius = np.sqrt((normal > 250).sum(axis=(1, 2, 3)) / np.pi)
    assert 8 < radius.min() < 9.5 and 15 < radius.max() < 17.5
    np.testing.assert_array_equal(low, normal)
