"""Mean, peak and ratios of noise power spectra over automatic ROIs, against spectra that are known."""

import numpy as np
import pytest
from LDCTDenoiseLib.quality.texture.nps import find_rois, mean_ratio, measure_nps, peak_ratio
from LDCTDenoiseLib.quality.texture.rings import apodised_ramp, mean_frequency, peak_frequency, rings_of, slow_part
from LDCTDenoiseLib.quality.texture.rois import rois_in_mask
from LDCTDenoiseLib.quality.texture.square_response import square_response, unsmeared

PIXEL = 0.75
SHAPE = (8, 400, 400)


def ramp(width):
    """f·exp(−(f/width)²): noise of a kernel that apodises with a Gaussian; None is white."""
    return np.ones_like if width is None else lambda f: f * np.exp(-((f / width) ** 2))


def noise(spectrum, seed, blur=0.0):
    """Periodic noise of 15 HU and the same with a Gaussian blur of σ pixels."""
    f = np.hypot(np.fft.fftfreq(SHAPE[1], PIXEL)[:, None], np.fft.fftfreq(SHAPE[2], PIXEL)[None])
    wave = np.fft.fft2(np.random.default_rng(seed).normal(size=SHAPE)) * np.sqrt(spectrum(f))
    made, blurred = (np.fft.ifft2(wave * gain).real for gain in (1, np.exp(-2 * (np.pi * f * blur * PIXEL) ** 2)))
    return made * 15 / made.std(), blurred * 15 / made.std()


def truth(spectrum, blur=0.0):
    """(mean, peak) frequency, 1/mm."""
    f = np.linspace(1e-4, 0.5 / PIXEL, 8000)
    power = spectrum(f) * np.exp(-((2 * np.pi * f * blur * PIXEL) ** 2))
    return (f * power).sum() / power.sum(), f[np.argmax(power)]


@pytest.mark.parametrize("width", [0.2, 0.3, 0.45, None])
def test_mean_and_peak_of_known_noise_are_told_without_bias(width):
    measured = []
    for seed in range(2):
        hu = noise(ramp(width), seed)[0]
        measured.append(measure_nps(hu, find_rois(60 + hu, PIXEL), PIXEL))
    mean, peak = truth(ramp(width))
    told = np.mean([m.mean for m in measured])
    assert told == pytest.approx(mean, rel=0.03 if width else 0.05)  # 7 to 19 % once
    if width:
        assert np.mean([m.peak for m in measured]) == pytest.approx(peak, rel=0.07)
        assert all(abs(m.peak - peak) < m.peak_error for m in measured)


@pytest.mark.parametrize("width", [0.2, 0.3, 0.45])
@pytest.mark.parametrize("blur, most", [(0.8, 0.03), (1.2, 0.05), (2.0, 0.08)])
def test_the_ratio_of_a_blurred_image_is_told(width, blur, most):
    before, after = noise(ramp(width), 1, blur)
    rois = find_rois(60 + before, PIXEL)
    own, base = measure_nps(after, rois, PIXEL), measure_nps(before, rois, PIXEL)
    true_mean, true_peak = (a / b for a, b in zip(truth(ramp(width), blur), truth(ramp(width)), strict=True))
    ratio, error = mean_ratio(own, base)
    assert ratio == pytest.approx(true_mean, rel=most + error)  # 8, 16 and 36 % once
    ratio, error = peak_ratio(own, base)
    assert abs(ratio - true_peak) < 1.5 * error


@pytest.mark.parametrize("width", [0.2, 0.45, None])
def test_places_chosen_in_noise_alone_hold_the_slow_noise_that_all_hold(width):
    chosen, everywhere = [], []
    for seed in range(2):
        hu = noise(ramp(width), seed)[0]
        chosen.append(measure_nps(hu, find_rois(60 + hu, PIXEL), PIXEL).nps[:2])
        everywhere.append(measure_nps(hu, rois_in_mask(np.ones(SHAPE, bool), PIXEL), PIXEL).nps[:2])
    np.testing.assert_allclose(np.mean(chosen, axis=0), np.mean(everywhere, axis=0), rtol=0.2)  # 0.6 of it once


def test_a_square_takes_from_white_noise_what_its_trend_takes():
    """Against the projection itself, as a matrix."""
    side = 8
    axis = np.linspace(-1, 1, side)
    row, column = (v.ravel() for v in np.meshgrid(axis, axis, indexing="ij"))
    terms = np.stack([row**0, row, column, row**2, row * column, column**2], axis=1)
    kept = np.eye(side**2) - terms @ np.linalg.pinv(terms)
    dft = np.kron(np.fft.fft(np.eye(side)), np.fft.fft(np.eye(side)))
    plane = np.abs(np.einsum("ij,jk,ki->i", dft, kept, dft.conj().T)).reshape(side, side) / side**2
    np.testing.assert_allclose(
        square_response(side, (0.7, 0.7)).sum(axis=1), rings_of(side, (0.7, 0.7)).of(plane), rtol=1e-9
    )


@pytest.mark.parametrize("spacing", [(0.7, 0.7), (0.5, 0.9)])
def test_what_a_square_shows_of_white_noise_is_freed_to_white_noise(spacing):
    shown = 3.0 * square_response(16, spacing).sum(axis=1)
    np.testing.assert_allclose(unsmeared(shown, 16, spacing), 3.0, rtol=1e-6)
    assert np.all(unsmeared(np.zeros((2, 8)), 16, spacing) == 0)


def test_an_apodised_ramp_is_read_exactly_and_its_mean_and_peak_too():
    rings = rings_of(32, (0.7, 0.7))
    f = rings.frequency
    for exponent in (0.4, 1.0):
        curve = 5 * f**exponent * np.exp(-12 * f**2)
        assert apodised_ramp(f[:5], curve[:5]) == pytest.approx((exponent, 12))
        assert slow_part(f, curve)[0] == pytest.approx(exponent, abs=1e-6)
        assert peak_frequency(rings, curve) == pytest.approx(np.sqrt(exponent / 24), rel=1e-6)
        fine = np.linspace(1e-6, rings.nyquist, 100001)
        power = fine**exponent * np.exp(-12 * fine**2)
        assert mean_frequency(rings, curve) == pytest.approx((fine * power).sum() / power.sum(), rel=0.01)


def test_a_first_ring_that_no_noise_can_have_hardly_moves_mean_and_peak():
    """As anatomy leaves it in squares of a full-dose body."""
    rings = rings_of(22, (0.75, 0.75))
    curve = ramp(0.45)(rings.frequency)
    leaning = curve.copy()
    leaning[0] = 3 * curve.max()
    plain = [figure(rings, curve) for figure in (mean_frequency, peak_frequency)]
    leant = [figure(rings, leaning) for figure in (mean_frequency, peak_frequency)]
    assert leant[0] == pytest.approx(plain[0], rel=0.05) and leant[1] == pytest.approx(plain[1])
    f = np.append(rings.frequency[0] / 2, rings.frequency)
    assert leant[0] > 1.2 * np.average(f, weights=np.append(leaning[0], leaning))  # taken as it is
