"""The figures against a reference are those of the definitions, for the volume and for each slice."""

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.likeness import metrics
from LDCTDenoiseLib.quality.likeness.against_reference import reference_figures, slice_errors, slice_figures
from LDCTDenoiseLib.quality.likeness.metrics import WINDOWS
from LDCTDenoiseLib.quality.likeness.similarity import Similarity
from LDCTDenoiseLib.quality.tissue import TISSUES, classes


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(output, reference, input) of three slices with air, lung, fat, soft tissue, bone and metal."""
    rng = np.random.default_rng(0)
    reference = np.full((3, 60, 70), -1000.0)
    for column, value in zip(range(0, 60, 12), (-800, -100, 50, 700, 3000), strict=True):
        reference[:, 10:50, column : column + 12] = value
    reference[2] += 300  # slices that differ
    reference = (reference + rng.normal(0, 5, reference.shape)).astype(np.float32)
    low = (reference + rng.normal(0, 40, reference.shape)).astype(np.float32)
    return (reference + 0.5 * (low - reference) + 3).astype(np.float32), reference, low


@pytest.mark.parametrize("window", WINDOWS)
def test_figures_agree_with_scikit_image_slice_by_slice(case, window):
    from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

    image, reference, low = case
    low_hu, high_hu, span = WINDOWS[window].low, WINDOWS[window].high, WINDOWS[window].span
    kernel = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False} if window == "founddiff" else {}
    rows = slice_figures(image, reference, low, numbers=[7, 9, 11])
    assert [row["slice"] for row in rows] == [7, 9, 11]
    for index, row in enumerate(rows):
        a, b, c = (np.clip(v[index].astype(np.float64), low_hu, high_hu) for v in (image, reference, low))
        value = peak_signal_noise_ratio(b, a, data_range=span)
        assert row[f"psnr_{window}"] == pytest.approx(value, abs=1e-9)
        assert row[f"gain_{window}"] == pytest.approx(value - peak_signal_noise_ratio(b, c, data_range=span), abs=1e-9)
        assert row[f"ssim_{window}"] == pytest.approx(structural_similarity(b, a, data_range=span, **kernel), abs=1e-9)
        assert row[f"rmse_{window}"] == pytest.approx(np.sqrt(mean_squared_error(b, a)), rel=1e-9)
        assert row[f"mae_{window}"] == pytest.approx(np.abs(a - b).mean(), rel=1e-9)


def test_the_volume_has_the_figures_of_the_definitions(case):
    image, reference, low = case
    figures, rows = reference_figures(image, reference, low), slice_figures(image, reference)
    for window in WINDOWS:
        for measure in (metrics.psnr, metrics.rmse):
            expected = measure(image, reference, window)
            assert figures[f"{measure.__name__}_{window}"] == pytest.approx(expected, rel=1e-9)
        for key in (f"ssim_{window}", f"mae_{window}"):
            assert figures[key] == pytest.approx(np.mean([row[key] for row in rows]), rel=1e-9)
        gain = metrics.psnr(image, reference, window) - metrics.psnr(low, reference, window)
        assert figures[f"gain_{window}"] == pytest.approx(gain, abs=1e-9)


def test_half_the_error_is_a_gain_of_six_decibels(case):
    _, reference, low = (np.clip(v + 500, -800, 2800) for v in case)  # where the window clips nothing
    half = reference + 0.5 * (low - reference)
    assert reference_figures(half, reference, low)["gain_full"] == pytest.approx(20 * np.log10(2), abs=1e-3)
    itself = reference_figures(low, reference, low)
    assert all(itself[f"gain_{window}"] == 0 for window in WINDOWS)
    assert not any(key.startswith("gain") for key in reference_figures(low, reference))


def test_errors_of_a_tissue_are_those_of_its_voxels_and_not_of_the_window_of_its_name(case):
    _, reference, _ = case
    masks = classes(reference)
    image = reference.copy()
    image[masks["bone"]] += np.where(np.arange(np.count_nonzero(masks["bone"])) % 2, 30, -10)
    figures = reference_figures(image, reference, None, masks)
    assert figures["rmse_in_bone"] == pytest.approx(np.sqrt((900 + 100) / 2), rel=1e-3)
    assert figures["mae_in_bone"] == pytest.approx(20, rel=1e-3)
    assert figures["rmse_in_soft"] == 0 and figures["rmse_full"] > 0
    assert {key for key in figures if "_in_" in key} == {f"{f}_in_{t}" for f in ("rmse", "mae") for t in TISSUES}


def test_a_tissue_that_is_hardly_there_has_no_figure():
    reference = np.full((2, 20, 20), 40.0, np.float32)
    reference[0, 5:10, 5:10] = 900  # 25 voxels
    assert classes(reference)["bone"].any()
    figures = reference_figures(reference + 2, reference)
    assert figures["rmse_in_soft"] == pytest.approx(2) and np.isnan(figures["rmse_in_bone"])


def test_a_slice_equal_to_its_reference_does_not_make_the_volume_perfect(case):
    image, reference, low = (v.copy() for v in case)
    image[1], low[1] = reference[1], reference[1]
    figures = reference_figures(image, reference, low)
    others = [0, 2]
    assert figures["psnr_full"] == pytest.approx(metrics.psnr(image[others], reference[others]))
    assert figures["gain_full"] == pytest.approx(
        metrics.psnr(image[others], reference[others]) - metrics.psnr(low[others], reference[others])
    )
    assert reference_figures(reference, reference)["psnr_full"] == np.inf
    assert reference_figures(reference, reference, reference)["gain_full"] == 0


def test_the_standard_error_is_that_of_the_mean_over_slices(case):
    image, reference, _ = case
    rows = slice_figures(image, reference)
    values = [metrics.rmse(a, b) for a, b in zip(image, reference, strict=True)]
    assert slice_errors(rows)["rmse_full"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(3))
    assert np.isnan(slice_errors(rows[:1])["rmse_full"])
    assert "slice" not in slice_errors(rows)


def test_one_slice_is_a_stack_of_one(case):
    image, reference, low = case
    assert reference_figures(image[0], reference[0], low[0]) == reference_figures(image[:1], reference[:1], low[:1])


def test_slices_too_small_for_ssim_still_have_their_errors():
    figures = reference_figures(np.zeros((1, 5, 5)), np.ones((1, 5, 5)))
    assert np.isnan(figures["ssim_full"]) and figures["rmse_full"] == 1


def test_the_gaussian_kernel_of_founddiff_is_eleven_pixels_wide_and_the_others_seven():
    for side, told in ((6, (False, False)), (7, (True, False)), (10, (True, False)), (11, (True, True))):
        figures = reference_figures(np.zeros((side, 40)), np.ones((side, 40)))
        assert (np.isfinite(figures["ssim_full"]), np.isfinite(figures["ssim_founddiff"])) == told


def test_similarity_needs_no_package_and_is_one_for_equal_slices(case):
    _, reference, _ = case
    slice_hu = np.clip(reference[0].astype(np.float64), -160, 240)
    assert Similarity(slice_hu, WINDOWS["soft"]).to(slice_hu) == pytest.approx(1, abs=1e-12)
    assert Similarity(slice_hu, WINDOWS["soft"]).to(40 - slice_hu) < 0


def test_volumes_of_different_shape_are_refused_in_a_sentence(case):
    image, reference, low = case
    for wrong in ((image[:2], reference, low), (image, reference, low[:, :-1])):
        with pytest.raises(InputError, match="shape"):
            reference_figures(*wrong)
