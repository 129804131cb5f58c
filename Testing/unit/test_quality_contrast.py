"""The contrast-to-noise ratio is that of its formula, and its error the scatter of repeated scans."""

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.texture.contrast import contrast_to_noise
from scipy.ndimage import gaussian_filter


def two_regions(shape=(4, 40, 80), width=28):
    first, second = np.zeros(shape, bool), np.zeros(shape, bool)
    first[:, 6 : 6 + width, 6 : 6 + width] = second[:, 6 : 6 + width, 46 : 46 + width] = True
    return first, second


def scan(rng, first, sd_first=20.0, sd_second=10.0, contrast=30.0, blur=0.0):
    noise = rng.normal(size=first.shape)
    noise = gaussian_filter(noise, (0, blur, blur), mode="wrap") * (2 * blur * np.sqrt(np.pi) if blur else 1)
    return 50 + np.where(first, contrast + sd_first * noise, sd_second * noise)


def test_it_is_the_difference_over_the_root_of_the_mean_variance():
    first, second = two_regions()
    rng = np.random.default_rng(0)
    values = [contrast_to_noise(scan(rng, first), first, second, 0.7) for _ in range(30)]
    expected = 30 / np.sqrt((20**2 + 10**2) / 2)
    mean = np.mean([v.value for v in values])
    assert mean == pytest.approx(expected, rel=0.01)
    one = values[0]
    assert one.value == pytest.approx(one.contrast / one.noise)
    assert one.contrast == pytest.approx(abs(one.mean_a - one.mean_b))
    assert (one.mean_a, one.mean_b) == pytest.approx((80, 50), abs=2)
    assert (one.sd_a, one.sd_b) == pytest.approx((20, 10), rel=0.1)
    assert one.noise == pytest.approx(np.sqrt((one.sd_a**2 + one.sd_b**2) / 2))


def test_a_hand_made_example_to_the_last_digit():
    image = np.arange(100.0).reshape(10, 10)
    first, second = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    first[:2], second[6:9] = True, True
    a, b = image[first], image[second]
    found = contrast_to_noise(image, first, second)
    assert found.value == pytest.approx(abs(a.mean() - b.mean()) / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2))


@pytest.mark.parametrize("blur", [0.0, 1.0], ids=["white", "blurred"])
@pytest.mark.parametrize(("width", "noisier"), [(14, 0), (28, 0), (14, 1)])
def test_its_error_is_the_scatter_of_repeated_scans(blur, width, noisier):
    first, second = two_regions(width=width)
    rng = np.random.default_rng(1)
    sd = {"sd_first": (20.0, 5.0)[noisier], "sd_second": (5.0, 20.0)[noisier]}
    found = [contrast_to_noise(scan(rng, first, blur=blur, **sd), first, second, 0.7) for _ in range(120)]
    stated = np.sqrt(np.mean([v.error**2 for v in found]))
    assert 0.7 < stated / np.std([v.value for v in found], ddof=1) < 1.35


def test_the_order_of_the_regions_and_a_shift_of_all_hu_do_not_matter():
    first, second = two_regions()
    image = scan(np.random.default_rng(2), first)
    value = contrast_to_noise(image, first, second).value
    assert contrast_to_noise(image, second, first).value == pytest.approx(value)
    assert contrast_to_noise(image + 3000, first, second).value == pytest.approx(value, rel=1e-9)


def test_half_the_noise_doubles_it():
    first, second = two_regions()
    rng = np.random.default_rng(3)
    values = [contrast_to_noise(scan(rng, first, sd, sd), first, second).value for sd in (20.0, 10.0)]
    assert values[1] / values[0] == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("value", [80.1, 1234.567, -999.9, 3071.3])
def test_without_noise_there_is_no_ratio(value):
    first, second = two_regions(width=27)
    found = contrast_to_noise(np.where(first, value, 50.3).astype(np.float32), first, second)
    assert np.isnan([found.value, found.error]).all()
    assert found.noise == 0 and found.contrast == pytest.approx(abs(value - 50.3), abs=1e-3)


def test_a_region_of_one_column_of_blocks_has_a_value_but_no_error():
    image = np.random.default_rng(4).normal(0, 10, (8, 20, 20))
    first, second = np.zeros((2, 8, 20, 20), bool)
    first[:, :5, :5], second[:, 10:, 10:] = True, True
    found = contrast_to_noise(image, first, second, 0.9)
    assert np.isfinite(found.value) and np.isnan(found.error)


@pytest.mark.parametrize(("which", "name"), [(0, "first"), (1, "second")])
def test_a_tiny_region_is_refused_by_its_name(which, name):
    regions = list(two_regions())
    regions[which] = np.zeros_like(regions[which])
    regions[which][0, 0, :19] = True
    image = np.zeros(regions[0].shape)
    with pytest.raises(InputError, match=f"{name} region holds 19 voxels; at least 20"):
        contrast_to_noise(image, *regions)


def test_a_region_of_another_image_is_refused():
    first, second = two_regions()
    with pytest.raises(InputError, match="second region has shape"):
        contrast_to_noise(np.zeros(first.shape), first, second[:2])
