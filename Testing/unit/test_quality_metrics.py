"""PSNR and RMSE say which definition they follow, and follow it."""

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.likeness.metrics import WINDOWS, psnr, rmse


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    """Two slices of 40 × 48 that differ by noise of 30 HU, with air, soft tissue and metal."""
    rng = np.random.default_rng(0)
    reference = np.full((40, 48), -1000.0)
    reference[5:35, 5:40] = 50
    reference[10:14, 10:14] = 3071
    reference += rng.normal(0, 10, reference.shape)
    return (reference + rng.normal(0, 30, reference.shape)).astype(np.float32), reference.astype(np.float32)


def test_windows_are_those_of_the_definitions():
    assert {name: (w.low, w.high, w.span) for name, w in WINDOWS.items()} == {
        "full": (-1024, 3072, 4096),
        "soft": (-160, 240, 400),
        "lung": (-1350, 150, 1500),
        "founddiff": (-1000, 2000, 3000),
    }


def test_a_constant_offset_has_the_psnr_and_errors_of_the_formulas():
    reference = np.zeros((16, 16), np.float32)
    assert psnr(reference + 10, reference) == pytest.approx(20 * np.log10(4096 / 10))
    assert psnr(reference + 10, reference, "soft") == pytest.approx(20 * np.log10(400 / 10))
    assert rmse(reference - 10, reference) == pytest.approx(10)


@pytest.mark.parametrize("window", WINDOWS)
def test_psnr_agrees_with_scikit_image_on_clipped_images(pair, window):
    from skimage.metrics import peak_signal_noise_ratio

    low, high = WINDOWS[window].low, WINDOWS[window].high
    image, reference = (np.clip(v.astype(np.float64), low, high) for v in pair)
    assert psnr(*pair, window) == pytest.approx(
        peak_signal_noise_ratio(reference, image, data_range=high - low), abs=1e-6
    )


def test_values_outside_the_window_do_not_count():
    reference = np.full((10, 10), 1000.0)
    assert psnr(reference + 500, reference, "soft") == np.inf
    assert rmse(reference + 500, reference, "soft") == 0
    assert rmse(reference + 500, reference) == pytest.approx(500)


def test_a_stack_gives_the_mean_over_its_slices(pair):
    image, reference = pair
    images, references = np.stack([image, reference + 5]), np.stack([reference, reference])
    for measure in (psnr, rmse):
        each = [measure(a, b) for a, b in zip(images, references, strict=True)]
        assert measure(images, references) == pytest.approx(np.mean(each))


def test_integer_volumes_do_not_overflow():
    reference = np.full((9, 9), 3071, np.int16)
    image = np.full((9, 9), -1024, np.int16)
    assert rmse(image, reference) == 4095


def test_volumes_of_different_shape_and_unknown_windows_are_refused_in_a_sentence(pair):
    image, reference = pair
    for measure in (psnr, rmse):
        with pytest.raises(InputError, match="shape"):
            measure(image, reference[:-1])
        with pytest.raises(InputError, match="choose one of full, soft"):
            measure(image, reference, "liver")
