"""The global noise level is the standard deviation of the noise, whatever anatomy surrounds it."""

import time

import numpy as np
import pytest
from LDCTDenoiseLib.quality.texture.noise import global_noise_level, local_sd, noise_level_anywhere, slice_noise_levels
from scipy.ndimage import gaussian_filter

RNG_SEED = 3


def white(sd: float, shape=(256, 256)) -> np.ndarray:
    return np.random.default_rng(RNG_SEED).normal(0, sd, shape)


def ct_like(sd: float, shape=(256, 256)) -> np.ndarray:
    """Coloured noise without slow waves, as filtered back-projection leaves it."""
    noise = gaussian_filter(white(1, shape), 0.8, mode="wrap") - gaussian_filter(white(1, shape), 2.5, mode="wrap")
    return noise / noise.std() * sd


def anatomy() -> np.ndarray:
    """A body of soft tissue in air, with lungs, fat, ribs and metal."""
    rows, columns = np.mgrid[:256, :256] - 128.0
    hu = np.full((256, 256), -1000.0)
    hu[(rows / 90) ** 2 + (columns / 115) ** 2 < 1] = -100
    hu[(rows / 80) ** 2 + (columns / 105) ** 2 < 1] = 50
    hu[(rows / 40) ** 2 + ((columns - 50) / 30) ** 2 < 1] = -850
    for place in range(-90, 90, 12):
        hu[128 + place // 2 - 2 : 128 + place // 2 + 2, 128 + place : 128 + place + 4] = 700
    hu[120:126, 60:66] = 3071
    return hu


@pytest.mark.parametrize("sd", [2, 10, 60, 200])
@pytest.mark.parametrize("spacing", [0.5, 0.75, 0.98])
def test_white_noise_of_known_deviation_is_measured_within_three_percent(sd, spacing):
    assert global_noise_level(50 + white(sd), spacing) == pytest.approx(sd, rel=0.03)


@pytest.mark.parametrize("sd", [10, 40])
def test_ct_like_noise_is_measured_within_six_percent(sd):
    # A window of 6 mm misses the slowest waves: a little less is right, more is not.
    level = global_noise_level(50 + ct_like(sd), 0.75)
    assert 0.94 * sd < level < 1.01 * sd


@pytest.mark.parametrize("noise", [white, ct_like])
def test_edges_bone_lung_and_metal_do_not_raise_it(noise):
    plain = global_noise_level(50 + noise(20), 0.75)
    assert global_noise_level(anatomy() + noise(20), 0.75) == pytest.approx(plain, rel=0.05)


def test_it_does_not_depend_on_which_soft_tissue():
    levels = [global_noise_level(hu + white(15), 0.75) for hu in (20, 85, 150)]
    assert np.ptp(levels) < 0.02 * 15


def test_doubling_the_noise_doubles_the_level():
    one, two = global_noise_level(anatomy() + white(15), 0.75), global_noise_level(anatomy() + white(30), 0.75)
    assert two / one == pytest.approx(2, rel=0.05)


def test_local_deviation_is_that_of_the_window_with_one_degree_of_freedom_less():
    image = white(10, (40, 40))
    measured = local_sd(image, 1.0)  # 6 × 6 pixels
    assert measured.shape == image.shape and measured.dtype == np.float32
    assert measured[20, 20] == pytest.approx(image[17:23, 17:23].std(ddof=1), rel=1e-5)


def test_pixels_that_are_not_square_get_a_window_of_six_millimetres_all_the_same():
    image = white(10, (40, 40))
    measured = local_sd(image, (0.75, 1.5))  # between columns, between rows: 4 rows of 8 columns
    assert measured[20, 20] == pytest.approx(image[18:22, 16:24].std(ddof=1), rel=1e-5)


def test_a_stack_gives_the_level_of_its_pooled_slices():
    stack = np.stack([anatomy() + white(20)] * 3)
    assert global_noise_level(stack, 0.75) == pytest.approx(global_noise_level(stack[0], 0.75), rel=0.01)


def test_without_soft_tissue_it_is_not_a_number():
    assert np.isnan(global_noise_level(np.full((64, 64), -1000.0), 0.75))
    assert np.isnan(global_noise_level(-800 + white(20), 0.75))
    assert np.isnan(global_noise_level(np.zeros((0, 8, 8)), 0.75))


def test_walls_between_air_and_bone_are_not_taken_for_soft_tissue():
    hu = np.full((256, 256), -1000.0)
    hu[:, ::24] = hu[:, 1::24] = hu[:, 2::24] = hu[:, 3::24] = 1200  # windows over a wall have the mean of tissue
    assert np.isnan(global_noise_level(hu + white(5), 0.75))


def test_a_noise_free_image_has_none_and_a_painted_background_hides_nothing():
    assert global_noise_level(np.full((64, 64), 40.0), 0.75) == 0
    image = 50 + white(12)
    image[:, :200] = 0  # cut-out anatomy on a background of 0 HU
    assert global_noise_level(image, 0.75) == pytest.approx(12, rel=0.05)


def test_a_filter_gets_a_level_for_any_slice():
    assert noise_level_anywhere(50 + white(20)) == pytest.approx(20, rel=0.03)
    assert noise_level_anywhere(-800 + white(20), (0.75, 0.75)) == pytest.approx(20, rel=0.03)
    for empty in (np.full((64, 64), -1024.0), np.zeros((1, 1)), np.full((3, 2), 40.0), np.full((1, 9), 3071.0)):
        assert noise_level_anywhere(empty) == 0


def test_a_slice_of_512_takes_less_than_thirty_milliseconds():
    image = np.kron(anatomy(), np.ones((2, 2))) + ct_like(20, (512, 512))
    global_noise_level(image, 0.75)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        global_noise_level(image, 0.75)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.09  # a third of that on an idle machine; test machines are busy


def test_a_spacing_of_zero_is_refused():
    with pytest.raises(ValueError, match="spacing"):
        local_sd(np.zeros((8, 8)), 0.0)


def test_the_levels_of_single_slices_come_with_that_of_all():
    rng = np.random.default_rng(3)
    stack = np.stack([50 + rng.normal(0, sd, (160, 160)) for sd in (10, 20, 40)]).astype(np.float32)
    stack[2] -= 1000  # no soft tissue
    pooled, each = slice_noise_levels(stack, 0.8)
    assert pooled == global_noise_level(stack, 0.8)
    assert each[:2] == [global_noise_level(image, 0.8) for image in stack[:2]] and np.isnan(each[2])
