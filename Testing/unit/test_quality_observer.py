"""The observer against what mathematics says of it: ideal observers, known covariances, the Wishart distribution."""

import numpy as np
import pytest
from LDCTDenoiseLib.quality.task.lesions import lesion, room
from LDCTDenoiseLib.quality.task.observer import d_prime, least_places, resampled, see, templates
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

PIXEL, RESOLUTION, NOISE = 0.75, 1.2, 30.0
SIZES = (3.0, 5.0, 8.0, 12.0)


def distances(shape):
    """Squared distance from the middle, mm²."""
    row, column = (PIXEL * (np.arange(n) - n // 2) for n in shape)
    return row[:, None] ** 2 + column**2


def seen(channels, signal, count, seed=0, sigma=0.0):
    """What channels show of noise of 30 HU, white or smoothed by `sigma` pixels, without and with a signal."""
    noise = np.random.default_rng(seed).standard_normal((count, *(n + 16 for n in signal.shape)))
    noise = gaussian_filter(noise, (0, sigma, sigma))[:, 8:-8, 8:-8]
    noise *= NOISE / noise.std()
    return see(noise, channels), see(noise + signal, channels)


def test_in_white_noise_the_channels_find_a_gaussian_blob_as_well_as_the_ideal_observer():
    channels = templates(5.0, PIXEL, RESOLUTION, background=False)
    variance = 5.0**2 / 16 + (RESOLUTION / 2.3548) ** 2
    blob = 15 * np.exp(-distances(channels.shape[1:]) / (2 * variance))
    absent, present = seen(channels, blob, 4000)
    ideal = 15 * np.sqrt(np.pi * variance) / PIXEL / NOISE  # root of the blob's energy over the noise
    assert d_prime(absent, present, np.arange(4000)) == pytest.approx(ideal, rel=0.03)


@pytest.mark.parametrize("diameter", SIZES)
def test_five_channels_lose_less_than_a_percent_of_a_disc_whose_background_is_unknown(diameter):
    channels, disc = templates(diameter, PIXEL, RESOLUTION), lesion(diameter, PIXEL, RESOLUTION)
    flat = channels.reshape(len(channels), -1)
    delta = flat @ disc.ravel()
    observer = np.sqrt(delta @ np.linalg.solve(flat @ flat.T, delta))
    inside = distances(disc.shape) <= room(diameter) ** 2
    row, column = np.nonzero(inside)
    plane = np.stack([np.ones(len(row)), row, column], axis=1)
    rest = disc[inside] - plane @ np.linalg.lstsq(plane, disc[inside], rcond=None)[0]
    assert 0.99 < observer / np.sqrt((rest**2).sum()) <= 1


@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_in_noise_of_known_covariance_the_measured_d_prime_is_the_true_one(sigma):
    channels, disc = templates(8.0, PIXEL, RESOLUTION), 15 * lesion(8.0, PIXEL, RESOLUTION)
    absent, present = seen(channels, disc, 4000, sigma=sigma)
    wide = gaussian_filter(np.pad(channels, ((0, 0), (8, 8), (8, 8))), (0, sigma, sigma)).reshape(len(channels), -1)
    impulse = np.zeros((33, 33))
    impulse[16, 16] = 1
    covariance = wide @ wide.T * NOISE**2 / (gaussian_filter(impulse, sigma) ** 2).sum()
    delta = channels.reshape(len(channels), -1) @ disc.ravel()
    true = np.sqrt(delta @ np.linalg.solve(covariance, delta))
    assert d_prime(absent, present, np.arange(4000)) == pytest.approx(true, rel=0.03)


def test_d_prime_says_how_often_the_observer_picks_the_right_one_of_two_windows():
    channels, disc = templates(5.0, PIXEL, RESOLUTION), 10 * lesion(5.0, PIXEL, RESOLUTION)
    absent, present = seen(channels, disc, 3000)
    weights = np.linalg.solve(np.cov(absent.T), present.mean(0) - absent.mean(0))
    right = np.mean(present @ weights > np.roll(absent, 1, axis=0) @ weights)  # two windows of different noise
    index = d_prime(absent, present, np.arange(3000))[0]
    assert right == pytest.approx(norm.cdf(index / np.sqrt(2)), abs=0.02)


def test_d_prime_is_proportional_to_contrast_and_inverse_to_noise():
    channels, disc = templates(5.0, PIXEL, RESOLUTION), 15 * lesion(5.0, PIXEL, RESOLUTION)
    absent, present = seen(channels, disc, 200)
    own = np.arange(200)
    once = d_prime(absent, present, own)[0]
    assert d_prime(absent, absent + 2 * (present - absent), own)[0] == pytest.approx(2 * once)
    assert d_prime(2 * absent, absent + present, own)[0] == pytest.approx(once / 2)


def test_few_places_give_neither_too_high_nor_too_low_a_value():
    rng = np.random.default_rng(0)
    delta, squares, naive = np.array([2.0, 0, 0, 0, 0]), [], []
    for _ in range(500):
        absent = rng.standard_normal((40, 5))
        present = absent[:20] + delta
        squares.append(d_prime(absent, present, np.arange(20))[0] ** 2)
        naive.append(delta @ np.linalg.solve(np.cov(absent.T), delta))
    assert np.mean(squares) == pytest.approx(4, rel=0.04)
    assert np.mean(naive) > 4.5


def test_a_change_that_differs_from_place_to_place_does_not_look_like_a_lesion():
    rng = np.random.default_rng(0)
    squares = []
    for _ in range(300):
        absent = rng.standard_normal((200, 5))
        present = absent[:20] + 2 * rng.standard_normal((20, 5))  # without the correction d′² would be 0.5 on average
        squares.append(d_prime(absent, present, np.arange(20))[0] ** 2)
    assert np.mean(squares) < 0.2 and np.median(squares) < 0.05


def test_the_bootstrap_says_how_far_repetitions_scatter():
    channels, disc = templates(5.0, PIXEL, RESOLUTION), 15 * lesion(5.0, PIXEL, RESOLUTION)
    own, found, stated = np.arange(60), [], []
    for seed in range(40):
        absent, present = seen(channels, disc, 100, seed)
        index = d_prime(absent, present[:60], own, resampled(100, 60, np.random.default_rng(seed)))
        found.append(index[0])
        stated.append(index[1:].std())
    assert np.mean(stated) == pytest.approx(np.std(found), rel=0.35)


def test_another_organ_and_shading_change_nothing():
    channels, disc = templates(5.0, PIXEL, RESOLUTION), lesion(5.0, PIXEL, RESOLUTION)
    row, column = np.indices(disc.shape)
    assert see((disc + 40 + 0.7 * row - 2 * column)[None], channels) == pytest.approx(see(disc[None], channels))
    plain = templates(5.0, PIXEL, RESOLUTION, background=False)
    assert np.abs(see((disc + 40)[None], plain) - see(disc[None], plain)).max() > 10


def test_without_noise_a_lesion_is_always_found_and_nothing_never():
    nothing, own = np.zeros((30, 5)), np.arange(30)
    assert d_prime(nothing, nothing, own)[0] == 0
    assert d_prime(nothing, nothing + 1, own)[0] == np.inf
    assert np.isnan(d_prime(nothing, nothing + np.nan, own)[0])
    assert least_places() > 5 + 2
