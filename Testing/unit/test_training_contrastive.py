"""The objectives of perception are the published ones, by formulas written out element by element."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.training.contrastive import prompt_loss, rank_contrast, supervised_contrast  # noqa: E402
from LDCTDenoiseLib.training.perception_fit import spearman  # noqa: E402


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
