"""A kernel computes a scan only where it was seen to compute the same as the blocked scan."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.networks import scan_choice, selective_scan  # noqa: E402
from LDCTDenoiseLib.networks.scan_blocked import blocked_scan  # noqa: E402
from LDCTDenoiseLib.networks.selective_scan import reference_scan  # noqa: E402

CARD = torch.device("cuda", 0)


@pytest.fixture
def a_card(monkeypatch):
    """A CUDA device whose checks run on the processor, with two kernels on it: returns the table of kernels."""
    monkeypatch.delenv(scan_choice.VARIABLE, raising=False)
    honest = scan_choice.disagreement
    monkeypatch.setattr(scan_choice, "disagreement", lambda scan, device: honest(scan, "cpu"))
    kernels = {"quick": lambda: reference_scan, "slower": lambda: blocked_scan}
    monkeypatch.setattr(scan_choice, "KERNELS", kernels)
    scan_choice._checked_once.cache_clear()
    yield kernels
    scan_choice._checked_once.cache_clear()


def wrong_by(change):
    return lambda: lambda *arguments: change(reference_scan(*arguments), arguments)


def not_installed():
    raise ImportError("no such kernel")


def test_the_processor_scans_in_bulk_where_no_gradient_is_wanted(monkeypatch):
    monkeypatch.setenv(scan_choice.VARIABLE, "triton")  # counts only where there is a choice
    assert scan_choice.available_scans() == ["bulk", "blocked"]
    asked = []
    for name in ("scan_without_gradients", "blocked_scan"):
        monkeypatch.setattr(scan_choice, name, lambda *arguments, name=name: asked.append(name))
    for scan in (None, "bulk", "blocked"):
        for mode in (torch.no_grad, torch.enable_grad):
            with mode():
                scan_choice.chosen_scan("cpu", torch.float32, scan)()
    assert asked == [*["scan_without_gradients", "blocked_scan"] * 2, *["blocked_scan"] * 2]


def test_where_there_is_no_kernel_the_blocked_scan_computes():
    assert scan_choice.chosen_scan("cpu", torch.float64) is blocked_scan
    assert scan_choice.chosen_scan("mps", torch.float32) is blocked_scan


def test_the_preferred_kernel_that_agrees_is_chosen(a_card):
    assert scan_choice.available_scans(CARD) == ["quick", "slower", "blocked"]
    assert scan_choice.chosen_scan(CARD, torch.float32) is reference_scan
    assert scan_choice.chosen_scan(CARD, torch.float64) is blocked_scan  # kernels know float32 only


@pytest.mark.parametrize(
    "kernel",
    [
        not_installed,
        wrong_by(lambda y, _: y * (1 + 1e-3)),
        wrong_by(lambda y, _: y * float("nan")),
        wrong_by(lambda y, _: y[..., :-1]),
        wrong_by(lambda y, arguments: y + arguments[5].detach()[:, None] - arguments[5][:, None]),  # a wrong gradient
        wrong_by(lambda y, _: y.detach()),
        lambda: lambda *arguments: 1 / 0,
    ],
)
def test_a_kernel_that_is_missing_fails_or_differs_is_passed_over(a_card, kernel):
    a_card["quick"] = kernel
    assert scan_choice.available_scans(CARD) == ["slower", "blocked"]
    assert scan_choice.chosen_scan(CARD, torch.float32) is blocked_scan


def test_a_kernel_is_checked_once(a_card):
    calls = []
    a_card["quick"] = lambda: calls.append(1) or reference_scan
    for _ in range(3):
        scan_choice.chosen_scan(CARD, torch.float32)
    assert calls == [1]


def test_the_check_also_works_where_gradients_are_off(a_card):
    with torch.inference_mode():
        assert scan_choice.chosen_scan(CARD, torch.float32) is reference_scan


def test_a_scan_can_be_named(a_card, monkeypatch):
    assert scan_choice.chosen_scan(CARD, torch.float32, "blocked") is blocked_scan
    monkeypatch.setenv(scan_choice.VARIABLE, "slower")
    assert scan_choice.chosen_scan(CARD, torch.float32) is blocked_scan
    assert scan_choice.chosen_scan(CARD, torch.float32, "quick") is reference_scan


@pytest.mark.parametrize("name", ["triton", "nonsense"])
def test_a_named_scan_that_cannot_be_used_is_refused(name):
    with pytest.raises(ValueError, match="choose bulk or blocked"):
        selective_scan(*scan_choice.example(1, 2, 2, 5), scan=name)


def test_mamba_ssm_is_called_as_it_wants_to_be(monkeypatch):
    def selective_scan_fn(u, delta, A, B, C, D=None, z=None, delta_bias=None, delta_softplus=False):
        assert z is None and delta_softplus and B.is_contiguous() and C.is_contiguous()
        return reference_scan(u, delta, A, B, C, D, delta_bias)

    interface = ModuleType("mamba_ssm.ops.selective_scan_interface")
    interface.selective_scan_fn = selective_scan_fn
    for name, module in {"mamba_ssm": ModuleType("mamba_ssm"), "mamba_ssm.ops": ModuleType("mamba_ssm.ops"),
                         interface.__name__: interface}.items():  # fmt: skip
        monkeypatch.setitem(sys.modules, name, module)
    assert scan_choice.disagreement(scan_choice.KERNELS["mamba_ssm"](), "cpu") < scan_choice.AGREEMENT


TRITON_ON_THE_PROCESSOR = """
import torch
from LDCTDenoiseLib.networks.scan_choice import example
from LDCTDenoiseLib.networks.scan_triton import triton_scan
from LDCTDenoiseLib.networks.selective_scan import reference_scan
torch.set_num_threads(1)
problem = example(1, 3, 3, 21, groups=2)
expected = reference_scan(*problem)
print(float((triton_scan(*problem) - expected).abs().max() / expected.abs().max()))
"""


def test_the_triton_kernels_agree_in_their_interpreter():
    pytest.importorskip("triton")
    library = Path(scan_choice.__file__).parents[2]
    paths = os.pathsep.join([str(library), *sys.path])
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": paths}  # read when triton is imported
    command = [sys.executable, "-c", TRITON_ON_THE_PROCESSOR]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) < scan_choice.AGREEMENT
