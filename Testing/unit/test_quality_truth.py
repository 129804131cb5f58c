"""Noise figures against what is known without this code: theory, and the implementations of others.

pylinac pins an old pydicom and is no part of the test extra: its comparison runs where it happens to be installed, and
for everywhere else figures that it gave are kept here.
"""

import numpy as np
import pytest
from LDCTDenoiseLib.quality.texture.noise import global_noise_level, noise_map
from LDCTDenoiseLib.quality.texture.nps import Rois, measure_nps
from LDCTDenoiseLib.quality.texture.rois import without_trend

PIXEL = 0.7
SIDE = 32


def tiles(shape) -> Rois:
    n, rows, columns = shape
    return Rois(
        SIDE, np.array([(s, r, c) for s in range(n) for r in range(0, rows, SIDE) for c in range(0, columns, SIDE)])
    )


def known_noise(shape, spectrum, seed):
    """Periodic Gaussian noise [slices, n, n] whose noise power spectrum is exactly `spectrum(f)`, HU² mm²."""
    n = shape[-1]
    frequency = np.hypot(np.fft.fftfreq(n, PIXEL)[:, None], np.fft.fftfreq(n, PIXEL)[None, :])
    white = np.random.default_rng(seed).normal(size=shape)  # its own spectrum: PIXEL²
    return np.fft.ifft2(np.fft.fft2(white) * np.sqrt(spectrum(frequency)) / PIXEL).real


def soft_kernel(f):
    """A ramp with a Gaussian roll-off, peak at 0.22/mm: what a soft reconstruction kernel leaves."""
    return 4000 * f * np.exp(-((f / 0.31) ** 2))


def flat(f):
    return np.full_like(f, 15.0**2 * PIXEL**2)


SHAPE = (6, 256, 256)
KNOWN = {"white": flat, "soft kernel": soft_kernel}


@pytest.mark.parametrize("spectrum", KNOWN.values(), ids=KNOWN)
def test_a_known_spectrum_is_measured_within_its_stated_error_from_the_first_ring_on(spectrum):
    measured = [measure_nps(known_noise(SHAPE, spectrum, seed), tiles(SHAPE), PIXEL) for seed in range(4)]
    true = spectrum(measured[0].frequency)
    strong = true > 0.25 * true.max()
    off = np.array([(m.nps - true)[strong] / m.error[strong] for m in measured])
    assert strong[0] and strong.sum() >= 10
    assert 0.7 < np.sqrt(np.mean(off**2)) < 1.35
    assert max((m.error / m.nps)[strong][2:].max() for m in measured) < 0.05  # and that is not much
    mean = np.mean([m.nps for m in measured], axis=0)
    np.testing.assert_allclose(mean[strong], true[strong], rtol=0.1)
    feet = (true > 0.02 * true.max()) & ~strong
    np.testing.assert_allclose(mean[feet], true[feet], rtol=0.15)


def test_mean_and_peak_of_a_known_spectrum():
    fine = np.linspace(0, 0.5 / PIXEL, 4000)[1:]
    mean, peak = (fine * soft_kernel(fine)).sum() / soft_kernel(fine).sum(), fine[np.argmax(soft_kernel(fine))]
    measured = [measure_nps(known_noise(SHAPE, soft_kernel, seed), tiles(SHAPE), PIXEL) for seed in range(6)]
    assert np.mean([m.mean for m in measured]) == pytest.approx(mean, rel=0.01)
    assert all(abs(m.mean - mean) < 3 * m.mean_error < 0.02 * mean for m in measured)
    assert np.mean([m.peak for m in measured]) == pytest.approx(peak, rel=0.03)
    assert all(abs(m.peak - peak) < m.peak_error for m in measured)


@pytest.mark.parametrize("spectrum", KNOWN.values(), ids=KNOWN)
def test_the_standard_deviation_is_the_root_of_the_integral_of_the_known_spectrum(spectrum):
    f = np.hypot(*np.meshgrid(*[np.fft.fftfreq(256, PIXEL)] * 2))
    deviation = np.sqrt(spectrum(f).sum() / (256 * PIXEL) ** 2)
    noise = known_noise(SHAPE, spectrum, 7)
    measured = measure_nps(noise, tiles(SHAPE), PIXEL)
    assert measured.noise == pytest.approx(deviation, rel=0.01)
    assert abs(measured.noise - deviation) < 3 * measured.noise_error + 0.006 * deviation  # six of 1024 to the trend
    # Windows of 6 mm see less of slow waves.
    level = global_noise_level(60 + noise, PIXEL)
    assert 0.93 * deviation < level < 1.02 * deviation
    assert np.median(noise_map(60 + noise[0], PIXEL)) == pytest.approx(level, rel=0.04)


def test_white_noise_has_the_level_that_scikit_image_estimates_from_wavelets():
    restoration = pytest.importorskip("skimage.restoration")
    pytest.importorskip("pywt")
    for sd in (8.0, 35.0):
        image = 60 + np.random.default_rng(3).normal(0, sd, (256, 256))
        theirs = restoration.estimate_sigma(image)
        assert global_noise_level(image, PIXEL) == pytest.approx(theirs, rel=0.03)
        assert np.median(noise_map(image, PIXEL)) == pytest.approx(theirs, rel=0.05)


def pattern() -> np.ndarray:
    """Three squares of 16 × 16 by formula, the same on every machine."""
    i = np.arange(3 * 256, dtype=np.float64)
    return (40 * (np.sin(12.9898 * (i + 1)) * 43758.5453 % 1) + 9 * np.sin(i / 5)).reshape(3, 16, 16)


def plane_of(squares: np.ndarray) -> np.ndarray:
    side = squares.shape[-1]
    return measure_nps(squares, Rois(side, np.array([(s, 0, 0) for s in range(len(squares))])), 0.8).plane


# pylinac 3.49, core.nps.noise_power_spectrum_2d(0.8, the squares without their trend): three places and the sum.
PYLINAC_3_49 = {
    (8, 11): 35.74336595345101,
    (3, 8): 75.41173901533047,
    (12, 5): 48.74495795418521,
    "sum": 26500.52467350757,
}


def test_the_plane_is_the_one_that_pylinac_gave():
    plane = plane_of(pattern())
    for place, value in PYLINAC_3_49.items():
        own = plane.sum() if place == "sum" else plane[place]
        assert own == pytest.approx(value, rel=1e-6)


def test_the_plane_is_the_one_that_pylinac_gives():
    theirs = pytest.importorskip("pylinac.core.nps")
    noise = known_noise(SHAPE, soft_kernel, 1)
    squares = tiles(SHAPE).cut(noise)
    plane = theirs.noise_power_spectrum_2d(PIXEL, list(without_trend(squares)))
    ours = measure_nps(noise, tiles(SHAPE), PIXEL)
    np.testing.assert_allclose(ours.plane, plane, rtol=1e-9, atol=1e-9)
    # Its ring k reaches from k to k + 1 where ours reaches from k − ½ to k + ½: its values lie between ours, which are
    # freed of the square's smear.
    curve, between = theirs.noise_power_spectrum_1d(plane)[2:14], (ours.nps[1:13] + ours.nps[2:14]) / 2
    np.testing.assert_allclose(curve, between, rtol=0.1)
