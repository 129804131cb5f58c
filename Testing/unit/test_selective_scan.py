"""The scan is the recurrence of its definition, however it is cut, whatever the length, memory layout and type."""

import numpy as np
import pytest
from parity import parity_folder

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.networks import scan_blocked, selective_scan  # noqa: E402
from LDCTDenoiseLib.networks.scan_choice import example  # noqa: E402
from LDCTDenoiseLib.networks.selective_scan import reference_scan  # noqa: E402

NAMES = ("u", "delta", "A", "B", "C", "D", "delta_bias")
TINY = scan_blocked.Plan(lanes=24, block=96, held=240, steps=10, piece=2)


def apart(got, expected) -> float:
    return float((got - expected).abs().max() / expected.abs().max().clamp_min(1e-30))


def gradients(scan, problem):
    inputs = [x.detach().clone().requires_grad_() for x in problem]
    y = scan(*inputs)
    return torch.autograd.grad((y * torch.cos(torch.arange(float(y.numel()))).view_as(y)).sum(), inputs)


def in_double(problem):
    return [x.double() for x in problem]


def channels_innermost(problem):
    u, delta, A, B, C, *others = problem
    u, delta, B, C = (x.movedim(-1, 1).contiguous().movedim(1, -1) for x in (u, delta, B, C))
    return [u, delta, A, B, C, *others]


@pytest.mark.parametrize("scan", [selective_scan, reference_scan])
def test_a_scan_gives_the_authors_numbers(scan):
    stored = np.load(parity_folder("founddiff") / "unit_selective_scan.npz")
    problem = [torch.from_numpy(stored[name]) for name in NAMES]
    expected = torch.from_numpy(stored["y_f64"])
    assert apart(scan(*problem), torch.from_numpy(stored["y"])) < 1e-6
    assert apart(scan(*in_double(problem)), expected) < 1e-6


@pytest.mark.parametrize("plan", [scan_blocked.PROCESSOR, scan_blocked.WIDE, TINY, TINY._replace(piece=1, block=1)])
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (1, 3, 2, 7), (2, 5, 4, 33), (3, 2, 3, 101), (1, 2, 3, 300)])
@pytest.mark.parametrize("layout", [list, channels_innermost])
def test_a_scan_is_its_definition_however_it_is_cut(plan, sizes, layout, monkeypatch):
    monkeypatch.setattr(scan_blocked, "plan", lambda device: plan)
    problem = layout(in_double(example(*sizes)))
    with torch.no_grad():
        assert apart(selective_scan(*problem), reference_scan(*problem)) < 1e-9
    got, expected = (gradients(scan, problem) for scan in (selective_scan, reference_scan))
    for one, other in zip(got, expected, strict=True):
        assert apart(one, other) < 1e-8


def test_the_gradients_are_those_of_finite_differences(monkeypatch):
    monkeypatch.setattr(scan_blocked, "plan", lambda device: TINY)
    problem = [x.double().requires_grad_() for x in example(1, 1, 2, 5, groups=2)]
    assert torch.autograd.gradcheck(selective_scan, problem)


@pytest.mark.parametrize("layout", [list, channels_innermost])
def test_the_arguments_are_left_as_they_were(layout):
    problem = layout(example(1, 8, 4, 70))
    before = [x.clone() for x in problem]
    gradients(selective_scan, problem)
    assert all(torch.equal(x, y) for x, y in zip(problem, before, strict=True))


@pytest.mark.parametrize(("plan", "limit"), [(scan_blocked.PROCESSOR, 2e-6), (scan_blocked.WIDE, 5e-5)])
def test_a_long_memory_is_kept_in_float32(plan, limit, monkeypatch):
    monkeypatch.setattr(scan_blocked, "plan", lambda device: plan)
    problem = example(1, 1, 4, 16000)
    problem[6] -= 6  # steps so small that the first values are still seen thousands of steps later
    problem[5].zero_()
    exact = selective_scan(*in_double(problem))
    forgetful = selective_scan(*in_double([x[..., -1000:] if x.ndim > 2 else x for x in problem]))
    assert apart(forgetful[..., -1:], exact[..., -1:]) > 0.1
    assert apart(selective_scan(*problem), exact) < limit


@pytest.mark.parametrize("plan", [scan_blocked.PROCESSOR, scan_blocked.WIDE])
@pytest.mark.parametrize("size", [-200.0, 30.0, 5e4])
def test_very_small_and_large_steps_give_finite_numbers(size, plan, monkeypatch):
    monkeypatch.setattr(scan_blocked, "plan", lambda device: plan)
    problem = example(1, 3, 4, 500)
    problem[1].fill_(size)
    assert apart(selective_scan(*problem), reference_scan(*problem)) < 1e-5
    assert all(torch.isfinite(gradient).all() for gradient in gradients(selective_scan, problem))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_scanned_in_float32_and_given_back_as_it_came(dtype):
    problem = [x.to(dtype) for x in example(1, 6, 4, 90)]
    expected = reference_scan(*(x.float() for x in problem))
    got = selective_scan(*problem)
    assert got.dtype == dtype
    assert torch.equal(got, selective_scan(*(x.float() for x in problem)).to(dtype))
    assert apart(got.float(), expected) < 1e-2
    assert [g.dtype for g in gradients(selective_scan, problem)] == [dtype] * 7


def test_autocast_does_not_reach_into_the_scan():
    problem = example(1, 16, 4, 200)
    with torch.autocast("cpu", torch.bfloat16):
        got = [selective_scan(*problem), *gradients(selective_scan, problem)]
    expected = [selective_scan(*problem), *gradients(selective_scan, problem)]
    assert all(torch.equal(one, other) for one, other in zip(got, expected, strict=True))


def test_what_comes_back_lies_in_memory_as_u_does():
    assert selective_scan(*example(1, 6, 4, 50)).is_contiguous()
    assert selective_scan(*channels_innermost(example(2, 6, 4, 50))).transpose(1, 2).is_contiguous()


def test_no_tensor_ever_holds_the_states_of_all_steps():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        numbers = 0

        def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
            result = function(*arguments, **(keywords or {}))
            for x in result if isinstance(result, (list, tuple)) else [result]:
                if isinstance(x, torch.Tensor):
                    self.numbers = max(self.numbers, x.numel())
            return result

    channels, states, length = 64, 8, 2048
    problem = channels_innermost(example(1, channels, states, length))
    with Largest() as largest:
        gradients(selective_scan, problem)
    assert largest.numbers < 4 * channels * states * length / 4  # the size of u and delta is an eighth


def test_nothing_is_kept_where_no_gradient_is_wanted(monkeypatch):
    monkeypatch.setattr(scan_blocked._Scan, "apply", None)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert selective_scan(*example(1, 3, 2, 20)).shape == (1, 12, 20)


def test_shapes_that_do_not_fit_are_refused():
    problem = example(1, 3, 2, 20)
    for index in range(1, 7):
        wrong = list(problem)
        wrong[index] = wrong[index][..., :-1]
        with pytest.raises(ValueError, match="shapes"):
            selective_scan(*wrong)
