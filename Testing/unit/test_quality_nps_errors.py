"""The stated errors of a noise power spectrum are the scatter that repeated scans would show; ratios are paired."""

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.texture.nps import Rois, log_ratio, mean_ratio, measure_nps, peak_ratio
from scipy.ndimage import gaussian_filter, gaussian_filter1d

SPACING = (0.7, 0.7)
SIDE = 16


def half_overlapping(shape, side=SIDE) -> Rois:
    rows, columns = (range(0, length - side + 1, side // 2) for length in shape[1:])
    return Rois(side, np.array([(s, r, c) for s in range(shape[0]) for r in rows for c in columns]))


def ct_like(rng, shape, sd=20.0, along_slices=0.0) -> np.ndarray:
    """Noise with its peak at middle frequencies, of known deviation."""
    noise = rng.normal(size=shape)
    noise = gaussian_filter(noise, (along_slices, 0.7, 0.7), mode="wrap")
    noise = noise - gaussian_filter(noise, (0, 2, 2), mode="wrap")
    return noise * sd / {0.0: 0.348, 1.0: 0.185}[along_slices]


def repeated(make, shape, scans=70):
    rng = np.random.default_rng(5)
    rois = half_overlapping(shape)
    return [measure_nps(make(rng, shape), rois, SPACING) for _ in range(scans)]


def stated_over_true(values, errors) -> np.ndarray:
    return np.sqrt(np.mean(np.square(errors), axis=0)) / np.std(values, axis=0, ddof=1)


@pytest.mark.parametrize(
    "make",
    [lambda rng, shape: rng.normal(0, 20, shape), ct_like, lambda rng, shape: ct_like(rng, shape, along_slices=1.0)],
    ids=["white", "coloured", "shared by neighbouring slices"],
)
def test_stated_errors_are_the_scatter_of_repeated_scans(make):
    spectra = repeated(make, (5, 64, 64))
    curve = stated_over_true([s.nps for s in spectra], [s.error for s in spectra])
    assert 0.85 < np.mean(curve[1:]) < 1.2  # of single rings it is known to 10 %
    mean = stated_over_true([s.mean for s in spectra], [s.mean_error for s in spectra])
    assert 0.75 < mean < 1.8  # of white noise too large by half: whether it falls to zero frequency is hard to tell
    assert 0.75 < stated_over_true([s.noise for s in spectra], [s.noise_error for s in spectra]) < 1.3


def test_the_errors_of_a_handful_of_rois_are_no_smaller_than_they_should_be():
    spectra = repeated(lambda rng, shape: rng.normal(0, 20, shape), (1, 24, 24), scans=500)  # four, half overlapping
    curve = stated_over_true([s.nps for s in spectra], [s.error for s in spectra])
    assert spectra[0].rois == 4
    assert 0.95 < np.mean(curve[1:]) < 1.15


def test_the_peak_is_no_better_known_than_the_rings_lie_apart():
    spectra = repeated(ct_like, (5, 64, 64), scans=20)
    ring = 1 / (SIDE * 0.7)
    assert min(s.peak_error for s in spectra) >= 0.9 * ring / np.sqrt(12)
    assert np.std([s.peak for s in spectra]) < 1.5 * np.mean([s.peak_error for s in spectra])


def test_the_error_of_a_log_ratio_is_that_of_pairs():
    rng = np.random.default_rng(2)
    shape, pairs = (4, 64, 64), []
    rois = half_overlapping(shape)
    for _ in range(50):
        noise = rng.normal(0, 20, shape)
        after, before = (measure_nps(v, rois, SPACING) for v in (gaussian_filter(noise, (0, 0.6, 0.6)), noise))
        pairs.append((*log_ratio(after, before)[1:], *mean_ratio(after, before)))
    ratio, error, mean, mean_error = (np.array(v) for v in zip(*pairs, strict=True))
    stated = np.sqrt(np.mean(error**2, axis=0))
    assert 0.85 < np.mean(stated[1:] / np.std(ratio, axis=0, ddof=1)[1:]) < 1.4
    assert 0.75 < stated_over_true(mean, mean_error) < 1.8
    # Two independent spectra would have √2 of the relative error of one, in dB.
    alone = 10 / np.log(10) * np.sqrt(2) * before.error / before.nps
    assert stated[2] < 0.5 * alone[2]


def test_a_filter_shows_its_transfer_function_in_decibels():
    noise = np.random.default_rng(3).normal(0, 20, (4, 160, 160))
    rois = half_overlapping(noise.shape, side=40)
    blurred = gaussian_filter(noise, (0, 0.7, 0.7), mode="wrap")
    frequency, ratio, error = log_ratio(measure_nps(blurred, rois, SPACING), measure_nps(noise, rois, SPACING))
    expected = -20 / np.log(10) * (2 * np.pi * frequency * 0.7 * 0.7) ** 2 / 2
    middle = (frequency > 0.1) & (frequency < 0.5)
    np.testing.assert_allclose(ratio[middle], expected[middle], atol=0.13, rtol=0.04)
    assert error[middle].max() < 0.1


def test_half_the_noise_is_six_decibels_less_at_every_frequency_and_keeps_the_texture():
    noise = np.random.default_rng(4).normal(0, 20, (2, 64, 64))
    rois = half_overlapping(noise.shape)
    before, after = measure_nps(noise, rois, SPACING), measure_nps(noise / 2, rois, SPACING)
    _, ratio, error = log_ratio(after, before)
    np.testing.assert_allclose(ratio, 20 * np.log10(0.5), atol=1e-9)
    np.testing.assert_allclose(error, 0, atol=1e-9)
    assert mean_ratio(after, before) == pytest.approx((1, 0), abs=1e-9)
    assert peak_ratio(after, before) == pytest.approx((1, 0), abs=1e-9)


def test_a_blur_lowers_mean_and_peak_by_more_than_their_errors():
    noise = ct_like(np.random.default_rng(6), (4, 128, 128))
    rois = half_overlapping(noise.shape)
    before, after = (measure_nps(v, rois, SPACING) for v in (noise, gaussian_filter(noise, (0, 2.5, 2.5))))
    for ratio, error in (mean_ratio(after, before), peak_ratio(after, before)):
        assert error > 0 and ratio + 2 * error < 1
    assert mean_ratio(after, before)[0] == pytest.approx(after.mean / before.mean)


def test_the_plane_tells_the_direction_of_the_noise_and_holds_its_variance():
    noise = gaussian_filter1d(np.random.default_rng(7).normal(0, 20, (3, 96, 96)), 1.5, axis=2)  # streaks along rows
    spectrum = measure_nps(noise, half_overlapping(noise.shape), (0.5, 0.8))
    middle = SIDE // 2
    assert spectrum.plane.shape == (SIDE, SIDE)
    assert spectrum.plane[middle, middle] == pytest.approx(0, abs=1e-9)  # zero frequency, which the trend takes
    assert spectrum.plane[middle - 6, middle] > 20 * spectrum.plane[middle, middle - 6]
    assert spectrum.plane.sum() / (SIDE * 0.5 * SIDE * 0.8) == pytest.approx(spectrum.noise**2)


def test_spectra_of_different_places_are_not_compared():
    noise = np.random.default_rng(8).normal(0, 20, (2, 64, 64))
    rois = half_overlapping(noise.shape)
    moved = Rois(SIDE, rois.corners[::-1])
    fewer = Rois(SIDE, rois.corners[1:])
    whole = measure_nps(noise, rois, SPACING)
    for other in (moved, fewer):
        for compare in (log_ratio, mean_ratio, peak_ratio):
            with pytest.raises(InputError, match="same ROIs"):
                compare(measure_nps(noise, other, SPACING), whole)


def test_one_roi_has_no_error_and_none_has_nothing():
    noise = np.random.default_rng(9).normal(0, 20, (1, 64, 64))
    one = measure_nps(noise, Rois(SIDE, np.array([[0, 4, 4]])), SPACING)
    assert np.isnan([one.mean_error, one.peak_error, one.noise_error, *one.error]).all()
    assert np.isfinite([one.mean, one.peak, one.noise]).all()
    _, ratio, error = log_ratio(one, one)
    assert (ratio == 0).all() and np.isnan(error).all()
    nothing = measure_nps(noise, Rois(SIDE, np.empty((0, 3), int)), SPACING)
    assert all(len(v) == 0 for v in log_ratio(nothing, nothing))
    assert np.isnan([*mean_ratio(nothing, nothing), *peak_ratio(nothing, nothing)]).all()


def test_a_flat_image_has_no_spectrum_to_compare():
    noise = np.random.default_rng(10).normal(0, 20, (1, 64, 64))
    rois = half_overlapping(noise.shape)
    flat = measure_nps(np.full_like(noise, 3071.0), rois, SPACING)
    assert flat.noise == 0 and np.isnan([flat.mean, flat.peak, flat.mean_error, flat.peak_error]).all()
    for pair in ((flat, measure_nps(noise, rois, SPACING)), (measure_nps(noise, rois, SPACING), flat)):
        _, ratio, error = log_ratio(*pair)
        assert np.isnan(ratio).all() and np.isnan(error).all()
        assert np.isnan([*mean_ratio(*pair), *peak_ratio(*pair)]).all()
