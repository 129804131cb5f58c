"""The schedule and the way back are the published ones; the consistent walk shows what training saw."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dadiff_parity import TOLERANCE, error, perceived, reduced_unet, stored  # noqa: E402
from LDCTDenoiseLib.networks import Schedule, noisy_state, sample_residual_diffusion  # noqa: E402
from LDCTDenoiseLib.networks.residual_diffusion import network_time, times  # noqa: E402


def test_the_schedule_is_the_published_one_before_and_after_its_initialisation():
    data, ours = stored("schedule"), Schedule()
    for prefix in ("", "after_init."):
        assert torch.equal(ours.alpha_bar, data[f"{prefix}alphas_cumsum"])
        assert torch.equal(ours.beta_bar, data[f"{prefix}betas_cumsum"])
        steps = {"alphas": ours.alpha_bar, "betas2": ours.beta_bar**2}  # the others are differences of these
        for name, total in steps.items():
            assert error(total.diff(), data[prefix + name][1:]) < 2e-4


def test_the_values_of_the_schedule_are_those_of_the_description():
    ours = Schedule()
    np.testing.assert_allclose(ours.alpha_bar[[0, 499, 999]], [5.0e-5, 0.71967, 0.99365], rtol=2e-4)
    np.testing.assert_allclose(ours.beta_bar[[0, 499, 999]], [0.0100, 0.95990, 0.99998], rtol=2e-4)


def test_times_go_from_the_last_one_to_the_normal_dose():
    assert times(1) == [999, -1]
    assert times(2) == [999, 499, -1]
    assert times(5) == [999, 799, 599, 399, 199, -1]
    for steps in (0, 1001):
        with pytest.raises(ValueError, match="between 1 and 1000"):
            times(steps)


@torch.no_grad()
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_walk_goes_through_the_authors_states(steps):
    data, network, seen = stored(f"reduced_sample_T{steps}"), reduced_unet(), []
    network.register_forward_hook(lambda _, given, out: seen.append((given[0][:, :1], out.clamp(-1, 1))))
    low = 2 * data["x_input01"] - 1
    answer = sample_residual_diffusion(network, low, data["noise"], *perceived(low), steps=steps)
    states = [*(state for state, _ in seen), answer]
    assert len(seen) == steps
    assert error(torch.stack([(x + 1) / 2 for x in states]), data["trajectory01"]) < TOLERANCE
    assert error(torch.stack([residual for _, residual in seen]), data["pred_res"]) < TOLERANCE


class Oracle:
    """Knows the residual, and keeps what it was shown."""

    def __init__(self, residual: torch.Tensor):
        self.residual, self.shown = residual, []

    def __call__(self, x, time, dose, anatomy):
        self.shown.append((x, time))
        return self.residual


@pytest.fixture
def pair() -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(0)
    normal = torch.rand(2, 1, 8, 8, generator=random) - 0.5
    low = normal + 0.1 * torch.randn(normal.shape, generator=random)
    return normal, low, torch.randn(normal.shape, generator=random)


@pytest.mark.parametrize("start", ["published", "consistent"])
def test_with_the_true_residual_the_answer_is_the_normal_dose(pair, start):
    normal, low, noise = pair
    answer = sample_residual_diffusion(Oracle(low - normal), low, noise, steps=3, start=start)
    torch.testing.assert_close(answer, normal)


def test_the_consistent_walk_shows_the_states_of_training(pair):
    normal, low, noise = pair
    oracle = Oracle(low - normal)
    sample_residual_diffusion(oracle, low, noise, steps=4, start="consistent")
    for (shown, time), t in zip(oracle.shown, times(4)[:-1], strict=True):
        t = torch.full((2,), t)
        assert torch.equal(time, network_time(t)) and torch.equal(shown[:, 1:], low)
        # at the very start the residual is not known: a hundredth of it is missing
        torch.testing.assert_close(shown[:, :1], noisy_state(normal, low, noise, t), rtol=0, atol=5e-3)


def test_the_published_walk_keeps_its_little_noise(pair):
    normal, low, noise = pair
    oracle = Oracle(low - normal)
    sample_residual_diffusion(oracle, low, noise, steps=2)
    (first, _), (second, _) = oracle.shown
    torch.testing.assert_close(first[:, :1], low + 0.1 * noise)
    torch.testing.assert_close(second[:, :1], low + 0.1 * noise - (0.993647 - 0.719666) * (low - normal))


def test_residuals_and_answers_are_clipped(pair):
    _, low, noise = pair
    assert sample_residual_diffusion(Oracle(torch.full_like(low, -5.0)), low, noise).max() <= 1
    assert torch.equal(sample_residual_diffusion(Oracle(torch.full_like(low, 5.0)), low, noise), (low - 1).clamp(-1, 1))


def test_an_unknown_start_is_refused(pair):
    with pytest.raises(ValueError, match="published, consistent"):
        sample_residual_diffusion(Oracle(pair[0]), *pair[1:], start="warm")
