"""The noise power spectrum agrees with what is known of white and of filtered noise."""

import numpy as np
import pytest
from LDCTDenoiseLib.quality.texture.nps import Rois, find_rois, measure_nps
from scipy.ndimage import gaussian_filter

SPACING = (0.7, 0.7)


def white(sd=20.0, shape=(6, 256, 256), seed=1):
    return np.random.default_rng(seed).normal(0, sd, shape)


def raster(shape, side=32) -> Rois:
    """Every square of a stack, without choosing."""
    n, rows, columns = shape
    places = [(s, r, c) for s in range(n) for r in range(0, rows, side) for c in range(0, columns, side)]
    return Rois(side, np.array(places))


def test_white_noise_is_flat_at_its_analytic_level():
    noise = white()
    spectrum = measure_nps(noise, raster(noise.shape), SPACING)
    level = 20**2 * 0.7 * 0.7
    np.testing.assert_allclose(spectrum.nps, level, rtol=0.08)  # the first ring too, of which the trend takes 43 %
    assert spectrum.frequency[-1] == pytest.approx(0.5 / 0.7, rel=0.02)
    assert spectrum.mean == pytest.approx(0.25 / 0.7, rel=0.03)


def test_its_integral_is_the_variance_less_the_six_coefficients_of_the_trend():
    noise = white()
    spectrum = measure_nps(noise, raster(noise.shape), SPACING)
    assert spectrum.noise**2 == pytest.approx(noise.var() * (1 - 6 / 32**2), rel=1e-3)


def test_parseval_holds_to_rounding_for_one_square():
    rng = np.random.default_rng(0)
    square = rng.normal(0, 15, (32, 32))
    row, column = np.mgrid[:32, :32] / 31.0
    basis = np.stack([b.ravel() for b in (row**0, row, column, row**2, row * column, column**2)], axis=1)
    flat = square.ravel()
    residual = flat - basis @ np.linalg.lstsq(basis, flat, rcond=None)[0]
    spectrum = measure_nps(square, Rois(32, np.array([[0, 0, 0]])), SPACING)
    assert spectrum.noise == pytest.approx(np.sqrt(np.mean(residual**2)), rel=1e-9)


def test_a_known_filter_shows_its_transfer_function_squared():
    noise = gaussian_filter(white(40, (12, 256, 256)), (0, 1.0, 1.0), mode="wrap")
    spectrum = measure_nps(noise, raster(noise.shape), SPACING)
    expected = 40**2 * 0.49 * np.exp(-((2 * np.pi * spectrum.frequency * 0.7) ** 2))
    middle = (spectrum.frequency > 0.12) & (spectrum.frequency < 0.35)
    np.testing.assert_allclose(spectrum.nps[middle], expected[middle], rtol=0.08)


def test_a_ring_of_frequencies_is_found_as_mean_and_peak():
    frequency = np.hypot(np.fft.fftfreq(256, 0.7)[:, None], np.fft.fftfreq(256, 0.7)[None])
    band = np.exp(-(((frequency - 0.3) / 0.03) ** 2))
    noise = np.fft.ifft2(np.fft.fft2(white()) * band).real
    spectrum = measure_nps(noise, raster(noise.shape), SPACING)
    assert spectrum.peak == pytest.approx(0.3, abs=0.025)
    assert spectrum.mean == pytest.approx(0.3, abs=0.02)


def test_pixels_that_are_not_square_keep_the_level_and_stop_at_the_lower_nyquist():
    noise = white()
    spectrum = measure_nps(noise, raster(noise.shape), (0.5, 1.0))
    assert np.median(spectrum.nps) == pytest.approx(400 * 0.5, rel=0.05)
    assert spectrum.frequency[-1] < 0.5 * 1.04


def test_shading_of_second_order_leaves_no_trace():
    noise = white()
    row, column = np.mgrid[:256, :256] / 256
    rois = raster(noise.shape)
    plain = measure_nps(noise, rois, SPACING)
    shaded = measure_nps(noise + 60 * row - 90 * column**2 + 40 * row * column, rois, SPACING)
    np.testing.assert_allclose(shaded.nps, plain.nps, rtol=1e-6)


@pytest.fixture
def organ() -> np.ndarray:
    """A liver of 60 HU with vessels, in fat and air, on three slices without noise."""
    rows, columns = np.mgrid[:256, :256] - 128.0
    hu = np.full((256, 256), -1000.0)
    hu[np.hypot(rows, columns) < 115] = -100
    hu[np.hypot(rows, columns) < 100] = 60
    hu[np.hypot(rows + 40, columns - 20) < 8] = 160
    return np.stack([hu, hu, np.full_like(hu, -1000.0)])


def test_squares_lie_in_homogeneous_tissue_only(organ):
    rois = find_rois(organ + white(15, organ.shape), SPACING)
    assert rois.side == 22 and len(rois) >= 20
    assert set(rois.corners[:, 0]) == {0, 1}
    assert (rois.cut(organ) != 60).mean(axis=(1, 2)).max() < 0.02  # at most a corner of something else


def test_restless_tissue_is_passed_over(organ):
    noisy = organ + white(15, organ.shape)
    noisy[:, :, 140:] += white(15, organ.shape, seed=2)[:, :, 140:]  # a bowel wall, marrow: fine structure
    rois = find_rois(noisy, SPACING)
    assert len(rois) >= 10 and (rois.corners[:, 2] + rois.side).max() < 150


def test_squares_overlap_by_half_at_most():
    rois = find_rois(60 + white(15, (1, 256, 256)), SPACING)
    places = rois.corners[:, 1:]
    distance = np.abs(places[:, None] - places[None]).max(-1) + 1000 * np.eye(len(places))
    assert len(rois) > 40 and distance.min() >= rois.side // 2


def test_a_volume_gives_two_hundred_squares_at_most_from_all_its_slices():
    rois = find_rois(60 + white(15, (20, 256, 256)), SPACING)
    assert len(rois) == 200
    assert len(np.unique(rois.corners[:, 0])) == 20


def test_choosing_squares_does_not_make_the_noise_seem_lower():
    noise = 60 + white(20, (2, 512, 512))
    assert measure_nps(noise, find_rois(noise, SPACING), SPACING).noise == pytest.approx(20, rel=0.02)


def test_anatomy_that_is_left_in_some_squares_does_not_pass_for_slow_noise(organ):
    """Reference and low-dose image have noise of one colour, so the same texture, veins or not."""
    rng = np.random.default_rng(4)

    def ct_noise(sd):
        noise = rng.normal(size=organ.shape)
        noise = gaussian_filter(noise, (0, 0.7, 0.7)) - gaussian_filter(noise, (0, 2, 2))
        return noise / noise.std() * sd

    veins = gaussian_filter(rng.normal(size=organ.shape), (0, 4, 4))
    veins *= 10 / veins.std() * (np.arange(256) > 110)  # in the larger part of the organ
    truth = ct_noise(15)
    reference = organ + veins + truth
    low_dose = reference + ct_noise(26)
    rois = find_rois(reference, SPACING)
    measured, expected = (measure_nps(v, rois, SPACING).mean for v in (reference, truth))
    assert measured == pytest.approx(expected, rel=0.05)
    assert measure_nps(low_dose, rois, SPACING).mean / measured == pytest.approx(1, abs=0.05)


def test_a_smoother_image_measured_at_the_same_places_has_a_lower_mean_frequency(organ):
    noisy = organ + white(15, organ.shape)
    rois = find_rois(noisy, SPACING)
    smooth = gaussian_filter(noisy, (0, 0.8, 0.8))
    before, after = measure_nps(noisy, rois, SPACING), measure_nps(smooth, rois, SPACING)
    assert before.rois == after.rois == len(rois)
    assert after.mean < 0.8 * before.mean and after.noise < 0.6 * before.noise


@pytest.mark.parametrize("image", [np.full((64, 64), -1000.0), np.zeros((5, 5)), np.zeros((1, 1))])
def test_where_there_is_no_place_the_spectrum_is_empty_and_not_an_error(image):
    rois = find_rois(image if image.shape == (64, 64) else image - 1000, SPACING)
    spectrum = measure_nps(image, rois, SPACING)
    assert spectrum.rois == 0 and spectrum.nps.size == 0
    assert np.isnan([spectrum.mean, spectrum.peak, spectrum.noise]).all()


def test_the_curve_as_seen_is_that_of_the_plane():
    noise = np.random.default_rng(5).normal(0, 20, (2, 128, 128))
    spectrum = measure_nps(noise, raster(noise.shape), SPACING)
    side = len(spectrum.plane)
    assert len(spectrum.as_seen) == len(spectrum.nps) == side // 2
    steps = np.arange(side) - side // 2
    ring = np.rint(np.hypot(steps[:, None], steps)) == 5
    assert spectrum.as_seen[4] == pytest.approx(spectrum.plane[ring].mean())
