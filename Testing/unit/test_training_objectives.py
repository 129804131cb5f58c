"""The drifting objective is the published one, values and gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.training import drift, drifting_loss  # noqa: E402
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


def test_a_single_sample_cannot_drift():
    with pytest.raises(ValueError, match="at least two"):
        drifting_loss(torch.zeros(1, 4), torch.zeros(1, 4))


def test_the_drift_of_a_large_batch_needs_no_array_of_every_pair_of_pixels():
    batch, pixels = 16, 1 << 18  # B × B × D would be 268 MB, and the differences to 2B targets twice that
    generated, real = torch.randn(2, batch, pixels).unbind()
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        drift(generated, real, 1.0)
    largest = max(event.self_cpu_memory_usage for event in profile.events())
    assert largest <= 3.1 * batch * pixels * 4
