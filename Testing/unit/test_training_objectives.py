"""The drifting objective is the published one, values and gradients."""

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.training import decibel_loss, drift, drifting_loss, objectives  # noqa: E402
from parity import parity_folder  # noqa: E402

VARIANTS = {"fine": ((1.0, 1.5), 0.0), "balanced": ((0.2, 1.0), 0.0), "smooth": ((1.0,), 0.01)}


@pytest.fixture(scope="module")
def authors() -> dict[str, np.ndarray]:
    with np.load(parity_folder("rddm") / "drift.npz") as stored:
        return dict(stored)


@pytest.mark.parametrize("batch", [2, 6, 24])
@pytest.mark.parametrize("temperature", ["0.05", "0.2", "1.0", "1.5"])
def test_the_drift_is_that_of_the_authors(authors, batch, temperature):
    generated, real = (torch.from_numpy(authors[f"{name}_{batch}"]) for name in ("gen", "pos"))
    wanted = authors[f"drift_{batch}_t{temperature}"]
    assert np.abs(drift(generated, real, float(temperature)).numpy() - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("batch", [2, 6, 24])
@pytest.mark.parametrize("variant", VARIANTS)
def test_loss_and_gradient_are_those_of_the_authors(authors, batch, variant):
    generated = torch.from_numpy(authors[f"gen_{batch}"]).requires_grad_()
    found = drifting_loss(generated, torch.from_numpy(authors[f"pos_{batch}"]), *VARIANTS[variant])
    found.loss.backward()
    figures = [float(v) for v in (found.loss.detach(), found.drift, found.l1, found.drift_norm)]
    np.testing.assert_allclose(figures, authors[f"loss_{variant}_{batch}"], rtol=1e-5)
    wanted = authors[f"grad_{variant}_{batch}"]
    assert np.abs(generated.grad.numpy() - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_without_temperatures_it_is_paired_regression():
    generated, real = torch.randn(1, 1, 8, 8, requires_grad=True), torch.randn(1, 1, 8, 8)
    found = drifting_loss(generated, real, (), l1_weight=1.0)
    torch.testing.assert_close(found.loss, (generated - real).abs().mean())
    assert not found.drift


def test_the_decibel_loss_is_the_mean_psnr_of_the_samples():
    rng = np.random.default_rng(0)
    scale = np.array([0.1, 0.3, 1.0])[:, None, None, None]
    generated, real = (torch.from_numpy(rng.standard_normal((3, 1, 8, 8)) * scale) for _ in range(2))
    psnr = [peak_signal_noise_ratio(r.numpy(), g.numpy(), data_range=2) for g, r in zip(generated, real, strict=True)]
    expected = np.log(4) - np.log(10) / 10 * np.mean(psnr)
    assert float(decibel_loss(generated, real)) == pytest.approx(expected, rel=1e-3)
    assert math.isfinite(decibel_loss(real, real)), "a perfect answer too has a loss"


def test_the_decibel_loss_sees_a_bias_that_noise_hides():
    rng = np.random.default_rng(0)
    noise = 0.02 * torch.from_numpy(rng.standard_normal((4, 1, 64, 64), np.float32))
    real, without = torch.zeros_like(noise), noise - noise.mean()
    cost = [float(decibel_loss(without + bias, real) - decibel_loss(without, real)) for bias in (0.001, 0.005)]
    pixels = np.log(1 + 0.005**2 / 0.02**2)
    assert 0 < cost[0] < cost[1] and cost[1] > 3 * pixels


def test_the_decibel_loss_asks_for_the_mean_where_l1_asks_for_the_median():
    real = torch.tensor([0.0, 0.0, 0.3])[None]
    answer = torch.zeros(1, 1, requires_grad=True)
    for _ in range(400):
        (slope,) = torch.autograd.grad(decibel_loss(answer.expand(1, 3), real), answer)
        answer = (answer - 0.002 * slope).detach().requires_grad_()
    assert answer.item() == pytest.approx(0.1, abs=0.005)


def test_a_single_sample_cannot_drift():
    with pytest.raises(ValueError, match="at least two"):
        drifting_loss(torch.zeros(1, 4), torch.zeros(1, 4))


def test_distances_summed_over_chunks_are_those_of_the_whole(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    generated, real = torch.randn(2, 5, 1000, generator=generator, dtype=torch.float64).unbind()
    generated = 0.7 * real + 0.3 * generated
    rows = torch.cat([generated, real, generated])
    rows = rows / rows.norm(dim=1, keepdim=True)
    rows = rows / rows.std(dim=0, correction=0) / 1000**0.5
    wanted = (rows[:5, None] - rows[None, :10]).norm(dim=2)  # [generated; real] by the definition, B × B × D
    monkeypatch.setattr(objectives, "CHUNK", 64)  # 16 chunks, the last one shorter
    torch.testing.assert_close(objectives._feature_distances(generated, real), wanted, rtol=1e-6, atol=1e-6)


def test_the_objective_on_whole_slices_needs_memory_linear_in_batch_and_pixels():
    """Gradients included: a few copies of the batch at the authors' size, where B × B × D alone would be 24."""
    batch, pixels = 24, 512 * 512
    generated, real = torch.randn(batch, pixels, requires_grad=True), torch.randn(batch, pixels)
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(profile_memory=True, activities=activities) as profile:
        drifting_loss(generated, real, (0.2, 1.0)).loss.backward()
    memory = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = np.cumsum([e.nbytes() for e in sorted(memory, key=lambda e: e.start_ns())])
    assert len(memory) > 20 and 4 * batch * pixels < held.max() <= 7 * 4 * batch * pixels


def test_distances_need_a_fraction_of_the_batch():
    batch, pixels = 24, 512 * 512
    generated, real = torch.randn(2, batch, pixels).unbind()
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        objectives._feature_distances(generated, real)
    assert max(e.self_cpu_memory_usage for e in profile.events()) < 0.5 * 4 * batch * pixels
