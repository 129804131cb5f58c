"""The objectives of perception are the published ones, by formulas written out element by element."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.training.anatomy import AnatomyLabels  # noqa: E402
from LDCTDenoiseLib.training.contrastive import prompt_loss, rank_contrast, supervised_contrast  # noqa: E402
from LDCTDenoiseLib.training.first_filters import without_trend  # noqa: E402
from LDCTDenoiseLib.training.noise_bank import NoisySeries  # noqa: E402
from LDCTDenoiseLib.training.perception_batches import UsualNoise, ViewSampler, slice_at_dose  # noqa: E402
from LDCTDenoiseLib.training.perception_fit import spearman  # noqa: E402

from training_factory import a_series  # noqa: E402  # isort: skip


def embeddings(n: int = 8) -> np.ndarray:
    values = np.random.default_rng(0).standard_normal((n, 5))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_rank_contrast_is_its_formula():
    e, y, tau = embeddings(), [1, 2, 2, 3, 5, 8, 20, 1], 0.7
    terms = []
    for i in range(8):
        for j in set(range(8)) - {i}:
            negatives = [k for k in range(8) if k != i and abs(y[i] - y[k]) >= abs(y[i] - y[j])]
            shares = [math.exp(-np.linalg.norm(e[i] - e[k]) / tau) for k in negatives]
            terms.append(-math.log(math.exp(-np.linalg.norm(e[i] - e[j]) / tau) / sum(shares)))
    found = rank_contrast(torch.from_numpy(e), torch.tensor(y, dtype=torch.float64), tau)
    assert float(found) == pytest.approx(np.mean(terms), rel=1e-9)


def test_supervised_contrast_is_its_formula():
    e, y, tau = embeddings(), [0, 1, 1, 0, 2, 0, 1, 3], 0.3
    terms = []
    for i in range(8):
        positives = [p for p in range(8) if p != i and y[p] == y[i]]
        total = sum(math.exp(e[i] @ e[k] / tau) for k in range(8) if k != i)
        if positives:  # two of these slices are alone in their class
            terms.append(-np.mean([math.log(math.exp(e[i] @ e[p] / tau) / total) for p in positives]))
    assert len(terms) == 6
    found = supervised_contrast(torch.from_numpy(e), torch.tensor(y), tau)
    assert float(found) == pytest.approx(np.mean(terms), rel=1e-9)


def test_prompts_call_the_full_dose_clean_and_the_least_noisy():
    logits, divisors = torch.tensor([[2.0, -1.0], [0.5, 0.0], [-1.0, 3.0]]), torch.tensor([1.0, 4.0, 20.0])
    clean = [1.0, 1 - math.log(4) / math.log(20), 0.0]
    terms = []
    for (a, b), share in zip(logits.tolist(), clean, strict=True):
        p = math.exp(a) / (math.exp(a) + math.exp(b))
        terms.append(-share * math.log(p) - (1 - share) * math.log(1 - p))
    assert float(prompt_loss(logits, divisors, 20)) == pytest.approx(np.mean(terms), rel=1e-5)


def test_embeddings_in_the_order_of_dose_have_the_smaller_loss():
    y = torch.tensor([1.0, 2, 3, 5, 8, 20])
    angle = torch.linspace(0, 2, 6)
    ordered = torch.stack([angle.cos(), angle.sin()], dim=1)
    mixed = ordered[[3, 0, 5, 1, 4, 2]]
    assert rank_contrast(ordered, y, 0.2) < rank_contrast(mixed, y, 0.2) - 0.5


def test_equal_embeddings_have_finite_slopes():
    e = torch.ones(4, 3, requires_grad=True)
    loss = rank_contrast(e, torch.tensor([1.0, 2, 3, 4]), 1.0) + supervised_contrast(e, torch.arange(4), 0.1)
    (slope,) = torch.autograd.grad(loss, e)
    assert torch.isfinite(slope).all()


def test_spearman_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal(40), rng.integers(0, 5, 40)
    assert spearman(torch.from_numpy(a + b), torch.from_numpy(b)) == pytest.approx(stats.spearmanr(a + b, b)[0])
    assert spearman(torch.ones(3), torch.arange(3)) == 0


def test_a_dose_is_counted_from_the_usual_noise_of_the_anatomy():
    labels = AnatomyLabels({"a*": "chest", "b": [[0, 2, "chest"], [3, 6, "head"]]})
    series = [a_series("a1", 8.0), a_series("a2", 32.0), a_series("b", 16.0)]
    usual = UsualNoise(series, labels)
    assert usual.divisor(16.0, 0, 4.0) == pytest.approx(4.0), "8, 32 and 16 HU: usually 16"
    assert usual.divisor(32.0, 0, 1.0) == pytest.approx(4.0) == 4 * usual.divisor(16.0, 1, 1.0)
    assert labels.of("b", 6).tolist() == [0, 0, -1, 1, 1, 1] and labels.of("c", 2).tolist() == [-1, -1]


def test_a_slice_at_a_dose_has_its_noise():
    series = a_series("a", 10.0, slices=2)
    for divisor, angle in ((1.0, 0.3), (5.0, 0.0), (5.0, 1.0)):
        added = slice_at_dose(series, 1, divisor, angle) - series.normal_dose[1]
        assert added.std() == pytest.approx(10 * np.sqrt(divisor - 1), rel=0.05)
    two = [slice_at_dose(series, 1, 5.0, angle) - series.normal_dose[1] for angle in (0.4, 0.4 + np.pi / 2)]
    assert abs(np.corrcoef(two[0].ravel(), two[1].ravel())[0, 1]) < 0.05, "two views have noise of their own"


def test_the_views_of_a_batch_show_every_anatomy_and_dose_and_are_squares_of_their_slices():
    labels = AnatomyLabels({"a": "chest", "b": "head"})
    sampler = ViewSampler([a_series("a", 10.0), a_series("b", 10.0)], labels, [1, 4])
    views, divisors, classes, scaled = sampler.draw(40, 32, np.random.default_rng(0))
    divisors = divisors.round(3)
    assert views.shape == (80, 1, 32, 32) and set(divisors.tolist()) == {1.0, 4.0} and set(classes.tolist()) == {0, 1}
    assert scaled == 0
    whole, at, *_ = sampler.draw(10, 64, np.random.default_rng(0))
    for one, two in zip(whole[:10][at > 2], whole[10:][at > 2], strict=True):
        assert not np.array_equal(np.sort(one, axis=None), np.sort(two, axis=None)), "each view has its own noise"
    again = sampler.draw(40, 32, np.random.default_rng(0))
    assert np.array_equal(views, again[0])
    own = [np.ptp(view) for view in views[:40][divisors == 1]]
    assert np.mean([np.ptp(view) for view in views[:40][divisors == 4]]) > np.mean(own)


def test_half_of_the_slices_of_a_batch_are_scaled_and_the_others_are_pieces_of_their_slices():
    series, values = a_series("a", 10.0), np.random.default_rng(0).permutation(64 * 64)
    series.normal_dose[:] = values.reshape(64, 64).astype(np.int16) % 3000 - 500
    series = NoisySeries("a", series.normal_dose, np.zeros_like(series.noise), series.level)
    labels = AnatomyLabels({"a": [[0, 3, "chest"], [3, 6, "head"]]})
    sampler = ViewSampler([series], labels, [1, 4], scale=(0.5, 0.6))
    views, _, _, scaled = sampler.draw(6, 48, np.random.default_rng(1))
    assert scaled == 3
    for number, view in enumerate(views[:, 0]):
        ends = [view[:2], view[-2:], view[:, :2], view[:, -2:]]
        if number % 6 < scaled:
            assert any((end < -900).mean() > 0.9 for end in ends), "48 pixels show 80 to 96: air around 64"
            assert np.abs(view - view.round()).max() > 0.01, "interpolated"
        else:
            assert view.min() >= -500 and np.array_equal(view, view.round()), "as stored"


def test_brightness_of_scaled_views_varies_a_little():
    series = a_series("a", 10.0)
    series.normal_dose[:] = 0
    series = NoisySeries("a", series.normal_dose, np.zeros_like(series.noise), series.level)
    labels = AnatomyLabels({"a": [[0, 3, "chest"], [3, 6, "head"]]})
    views, *_ = ViewSampler([series], labels, [1, 4], scale=(1.0, 1.2)).draw(40, 32, np.random.default_rng(1))
    middles = views[:, 0, 16, 16]
    scaled = np.arange(80) % 40 < 20
    assert np.all(np.abs(middles[~scaled]) < 1e-3)
    assert 10 < middles[scaled].std() < 25 and np.abs(middles[scaled]).max() < 31, "up to 3 % of 1024 HU"


def test_first_filters_may_answer_to_no_trend():
    filters = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    left = without_trend(filters)
    y, x = torch.meshgrid(torch.arange(3.0), torch.arange(3.0), indexing="ij")
    assert ((left * (7 + 2 * y - 3 * x)).sum(dim=(2, 3)).abs() < 1e-4).all() and left.abs().max() > 0.1
    assert torch.allclose(without_trend(left), left, atol=1e-6)


def test_filters_of_a_folded_image_answer_to_no_trend_of_it():
    filters = without_trend(torch.randn(3, 4, 7, 7, generator=torch.Generator().manual_seed(0)), fold=2)
    y, x = torch.meshgrid(torch.arange(14.0), torch.arange(14.0), indexing="ij")
    folded = torch.nn.functional.pixel_unshuffle((7 + 2 * y - 3 * x)[None, None], 2)
    assert torch.nn.functional.conv2d(folded, filters).abs().max() < 1e-3 and filters.std() > 0.5
