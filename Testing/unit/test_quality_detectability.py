"""Whole runs on phantoms whose d′ is known, with methods whose effect is known."""

import numpy as np
import pytest
from LDCTDenoiseLib import InputError
from LDCTDenoiseLib.quality.task.detectability import detectability, verdict
from LDCTDenoiseLib.quality.task.lesions import lesion
from LDCTDenoiseLib.quality.task.observer import templates
from scipy.ndimage import gaussian_filter

PIXEL, RESOLUTION, NOISE = 0.75, 1.2, 30.0
SIZES, CONTRASTS = (3.0, 5.0, 8.0, 12.0), (10.0, 15.0, 30.0)


def phantom(slices=7, side=256, radius=115, noise=NOISE, seed=0):
    row, column = np.indices((side, side)) - side // 2
    body = np.where(np.hypot(row, column) < radius, 50.0, -1000.0)
    return (body + noise * np.random.default_rng(seed).standard_normal((slices, side, side))).astype(np.float32)


def smooth(stack):
    return gaussian_filter(stack, (0, 0.8, 0.8))


def noisier(stack):
    return stack + NOISE * np.random.default_rng(5).standard_normal(stack.shape)


def paler(stack):
    return 50 + 0.6 * (stack - 50)


def flatter(stack):
    """Not linear: what is near the organ's HU becomes it."""
    return np.where(np.abs(stack - 50) < 30, 50, stack)


class Remover:
    """Gives back the image that it saw first: whatever is put in later is gone."""

    def __call__(self, stack):
        self.first = getattr(self, "first", stack.copy())
        return self.first


def true_d_prime(diameter, contrast, sigma=0.0):
    """Of the channels in white noise of 30 HU, both smoothed by a Gaussian of `sigma` pixels."""
    flat = lambda images: images.reshape(len(images), -1)  # noqa: E731
    seen = np.pad(templates(diameter, PIXEL, RESOLUTION), ((0, 0), (6, 6), (6, 6)))
    if sigma:
        seen = gaussian_filter(seen, (0, sigma, sigma))
    delta = flat(seen) @ np.pad(contrast * lesion(diameter, PIXEL, RESOLUTION), 6).ravel()
    return np.sqrt(delta @ np.linalg.solve(flat(seen) @ flat(seen).T, delta)) / NOISE


@pytest.fixture(scope="module")
def rows():
    methods = {"smooth": smooth, "noisier": noisier, "paler": paler, "remover": Remover()}
    return detectability(phantom(), PIXEL, methods)


def of(rows, image):
    return {(r["diameter_mm"], r["contrast_hu"]): r for r in rows if r["image"] == image}


def test_there_is_a_row_for_each_method_size_and_contrast_the_input_first(rows):
    images = list(dict.fromkeys(row["image"] for row in rows))
    assert images == ["input", "smooth", "noisier", "paler", "remover"]
    assert all(set(of(rows, image)) == {(d, c) for d in SIZES for c in CONTRASTS} for image in images)
    assert all(row["places"] >= 48 and type(row["dprime"]) is float for row in rows)


@pytest.mark.parametrize("image, sigma", [("input", 0.0), ("smooth", 0.8)])
def test_the_d_prime_of_a_phantom_is_the_analytic_one(rows, image, sigma):
    for (diameter, contrast), row in of(rows, image).items():
        true = true_d_prime(diameter, contrast, sigma)
        assert row["dprime"] == pytest.approx(true, abs=3 * row["dprime_error"])
        assert row["dprime_error"] < 0.1 * true
    ratio = [row["dprime"] / true_d_prime(*kind, sigma) for kind, row in of(rows, image).items()]
    assert np.mean(ratio) == pytest.approx(1, abs=0.06)


def test_the_untouched_image_keeps_everything(rows):
    for row in of(rows, "input").values():
        assert row["kept"] == pytest.approx(100, abs=0.01) and row["kept_error"] < 0.01
        assert row["dprime_change"] == row["dprime_change_error"] == 0


def test_d_prime_follows_the_contrast(rows):
    found = of(rows, "input")
    for diameter in SIZES:
        assert found[diameter, 30.0]["dprime"] == pytest.approx(3 * found[diameter, 10.0]["dprime"], rel=0.02)


def test_a_linear_filter_leaves_the_contrast_that_convolution_leaves(rows):
    for (diameter, _), row in of(rows, "smooth").items():
        shape = np.pad(lesion(diameter, PIXEL, RESOLUTION), 6)
        left = (gaussian_filter(shape, 0.8) * shape).sum() / (shape**2).sum()
        assert row["kept"] == pytest.approx(100 * left, abs=0.1)


def test_as_much_noise_again_costs_d_prime_a_factor_of_root_two_and_no_contrast(rows):
    for kind, row in of(rows, "noisier").items():
        before = of(rows, "input")[kind]
        lost = row["dprime_change"] / before["dprime"]
        assert lost == pytest.approx(1 / np.sqrt(2) - 1, abs=3 * row["dprime_change_error"] / before["dprime"])
        assert row["kept"] == pytest.approx(100, abs=0.01)
        assert verdict(rows, "noisier", *kind)[0] in ("amber", "red")


def test_a_method_that_pales_the_lesion_and_its_noise_alike_is_amber_but_loses_nothing(rows):
    row = of(rows, "paler")[5.0, 15.0]
    assert row["dprime_change"] == pytest.approx(0, abs=1e-3) and row["kept"] == pytest.approx(60, abs=0.01)
    light, text = verdict(rows, "paler", 5, 15)
    assert light == "amber" and text.startswith("paler pales a lesion of 5 mm and 15 HU, without making it harder")


def test_a_method_that_removes_lesions_keeps_nothing_and_is_red(rows):
    for kind, row in of(rows, "remover").items():
        assert row["kept"] == 0 and row["dprime"] < 1e-6
        assert verdict(rows, "remover", *kind)[0] == "red"
    _, text = verdict(rows, "remover", 5, 15, "The remover")
    assert text.startswith("The remover loses a lesion of 5 mm and 15 HU: 0 %")


def test_the_sentence_says_what_is_left_and_how_well_it_is_found(rows):
    light, text = verdict(rows, "smooth", 5, 15)
    assert light == "green"
    assert text.startswith("smooth keeps a lesion of 5 mm and 15 HU: 92 % of its contrast is left, and the d′ of a ")
    assert verdict(rows, "smooth", 3, 10)[1].endswith("in the original, too, it is hardly to be seen.")
    with pytest.raises(InputError, match="4 mm and 15 HU was not measured"):
        verdict(rows, "smooth", 4, 15)


def test_twice_the_noise_halves_d_prime():
    quiet, loud = (
        {r["contrast_hu"]: r["dprime"] for r in detectability(phantom(4, noise=n), PIXEL, {}, diameters=(5.0,))}
        for n in (10, 20)
    )
    assert all(quiet[c] == pytest.approx(2 * loud[c], rel=0.2) for c in CONTRASTS)


def test_methods_always_get_the_same_few_slices_and_progress_comes_to_its_end():
    shapes, heard = [], []

    def method(stack):
        assert stack.dtype == np.float32
        shapes.append(stack.shape)
        stack += 1  # it may write on what it is given
        return stack

    stack = phantom(10)
    before = stack.copy()
    rows = detectability(stack, PIXEL, {"m": method}, progress=lambda *news: heard.append(news))
    assert len(set(shapes)) == 1 and shapes[0][0] < 10 and len(shapes) <= 6
    assert [h[0] for h in heard] == sorted(h[0] for h in heard)
    assert heard[-1][0] == heard[-1][1] == 2 * len(shapes) and {h[2] for h in heard} == {"detect"}
    assert (stack == before).all() and of(rows, "m")[5.0, 15.0]["kept"] == pytest.approx(100, abs=0.01)


def test_the_same_seed_gives_the_same_rows_and_another_deals_the_lesions_otherwise():
    stack = phantom(2)
    one, same, other = (detectability(stack, PIXEL, {"flatter": flatter}, seed=seed) for seed in (3, 3, 4))
    kept = [[row["kept"] for row in rows if row["image"] == "flatter"] for rows in (one, other)]
    assert one == same and kept[0] != kept[1]


def test_the_error_of_what_is_kept_is_how_far_repetitions_scatter():
    small = {"diameters": (5.0,), "contrasts": (15.0,)}
    rows = [detectability(phantom(2, seed=n), PIXEL, {"flatter": flatter}, **small)[1] for n in range(8)]
    scatter = np.std([row["kept"] for row in rows], ddof=1)
    assert 0.5 < np.mean([row["kept_error"] for row in rows]) / scatter < 2


def test_dark_lesions_count_as_bright_ones():
    stack = phantom(3)
    bright, dark = (detectability(stack, PIXEL, {}, diameters=(5.0,), contrasts=(c,))[0] for c in (15.0, -15.0))
    assert dark["dprime"] == pytest.approx(bright["dprime"], rel=1e-3) and dark["kept"] == pytest.approx(100)


def test_where_only_small_lesions_fit_large_ones_are_not_judged():
    stack = np.full((12, 130, 96), -100, np.float32)
    for row in (4, 50):
        stack[:, row : row + 27, 4:92] = 50  # strips of 20 mm
    stack[0, 90:128, 4:92] = 50  # one of 28 mm
    stack += 10 * np.random.default_rng(0).standard_normal(stack.shape).astype(np.float32)
    rows = of(detectability(stack, PIXEL, {}), "input")
    assert rows[3.0, 15.0]["dprime"] > 1 and 0 < rows[12.0, 15.0]["places"] < 10
    assert np.isnan([rows[12.0, 15.0][key] for key in ("dprime", "dprime_error", "dprime_change", "kept")]).all()
    assert verdict(list(rows.values()), "input", 12, 15)[0] == "none"


@pytest.mark.parametrize("stack", [np.full((3, 128, 128), -1000.0), np.zeros((2, 5, 5)), np.zeros((1, 30, 30))])
def test_an_image_without_places_is_one_sentence(stack):
    with pytest.raises(InputError, match="too few homogeneous places of soft tissue"):
        detectability(stack, PIXEL, {})


def test_an_image_without_noise_is_not_judged():
    stack = phantom(2, noise=0)
    rows = detectability(stack, PIXEL, {"smooth": smooth})
    assert {row["dprime"] for row in rows} == {np.inf}
    assert verdict(rows, "smooth", 5, 15)[0] == "none" and of(rows, "smooth")[5.0, 15.0]["kept"] < 95


@pytest.mark.parametrize("wrong", [{"diameters": ()}, {"diameters": (0.0,)}, {"contrasts": (0.0, 10.0)}])
def test_lesions_that_are_none_are_refused(wrong):
    with pytest.raises(InputError, match="diameters above 0"):
        detectability(phantom(1), PIXEL, {}, **wrong)


def test_a_method_that_gives_another_shape_is_a_defect():
    with pytest.raises(ValueError, match="a method gave"):
        detectability(phantom(2), PIXEL, {"half": lambda stack: stack[:, ::2]})
