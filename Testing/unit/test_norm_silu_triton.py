"""The fused norm gives what torch gives: in Triton's interpreter here, compiled for an H100, and on a card if any."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import networks  # noqa: E402
from LDCTDenoiseLib.networks import norm_silu_choice  # noqa: E402
from LDCTDenoiseLib.networks.norm_silu_choice import Kernels  # noqa: E402
from torch.nn import functional as F  # noqa: E402

needs_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA card")
LIBRARY = Path(norm_silu_choice.__file__).parents[2]


def answer_of(script: str, **variables: str) -> str:
    """What a script prints in a process of its own: Triton reads its variables when it is imported."""
    paths = os.pathsep.join([str(LIBRARY), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **variables}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


IN_THE_INTERPRETER = """
import torch
from LDCTDenoiseLib.networks import norm_silu_triton
from LDCTDenoiseLib.networks.norm_silu_choice import Kernels, disagreement, example
kernels = Kernels(norm_silu_triton.norm_silu, norm_silu_triton.add)
said = [disagreement(kernels, "cpu", ((1, 32, 32, (12, 24)), (2, 24, 8, (5, 1))))]
norm_silu_triton.TILE, norm_silu_triton.PROGRAMS = 64, 40  # several tiles a chunk, many chunks, as on large maps
print([*said, disagreement(kernels, "cpu", ((1, 96, 32, (7, 9)),))])
x, norm = example(1, 16, 4, (5, 6))
takes = norm_silu_triton.takes
inner = x.contiguous(memory_format=torch.channels_last)
print([takes(inner), takes(x), takes(inner.double()), takes(inner[:, :0]), takes(inner.flatten(2)),
       takes(inner.clone().requires_grad_())])
"""


def test_the_kernels_agree_with_torch_in_their_interpreter():
    pytest.importorskip("triton")
    said = answer_of(IN_THE_INTERPRETER, TRITON_INTERPRET="1").splitlines()
    assert said == ["['', '']", "[True, False, False, False, False, False]"]


FOR_AN_H100 = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from LDCTDenoiseLib.networks import norm_silu_triton as kernels

floats = {name: "*fp32" for name in ("means", "squares", "factors", "shifts")}
types = {**floats, **dict.fromkeys(("x", "y", "weight", "bias", "pending"), "*fp16"), "values": "fp32", "eps": "fp32"}
aligned = {"x", "y", "pixels", *floats}  # as memory from torch is, and a map of 512 x 512

def compiled(kernel, **constants):
    names = kernel.arg_names
    signature = {name: "constexpr" if name in constants else types.get(name, "i32") for name in names}
    places = {name: (place,) for place, name in enumerate(names)}
    source = ASTSource(
        kernel, signature, constexprs={places[name]: value for name, value in constants.items()},
        attrs={places[name]: [["tt.divisibility", 16]] for name in names if name in aligned},
    )
    return triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["ptx"]

for kernel in (kernels._statistics, kernels._apply, kernels._add):
    ptx = compiled(kernel, C=96, K=128, P=32)
    print(kernel.__name__, "ld.global.v4" in ptx)
print("_factors", bool(compiled(kernels._factors, C=96, G=3, GP=4, N=512, PENDING=True)))
"""


def test_the_kernels_are_compiled_for_an_h100_with_loads_of_16_bytes(tmp_path):
    pytest.importorskip("triton")
    said = answer_of(FOR_AN_H100, TRITON_CACHE_DIR=str(tmp_path), TRITON_INTERPRET="0")
    assert said.splitlines() == ["_statistics True", "_apply True", "_add True", "_factors True"]


def right(x, weight, bias, groups, eps, pending=None):
    """In float64: torch's own norm loses digits where a map is far from zero."""
    exact = x.double() if pending is None else x.double() + pending.double()[:, None, None]
    return F.silu(F.group_norm(exact, groups, weight.double(), bias.double(), eps)).to(x.dtype)


def add(x, y, pending):
    return x.copy_(x.double() + y.double() + pending.double()[:, None, None])


RIGHT = Kernels(right, add)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, *norm: right(x, *norm) * 1.02,
        lambda x, *norm: right(x, *norm) * float("nan"),
        lambda x, *norm: right(x, *norm)[..., :1],
        lambda x, *norm: right(x, *norm[:4]),
        lambda x, weight, bias, groups, *rest: right(x, weight, bias, 1, *rest),
        lambda x, weight, *rest: right(x, torch.ones_like(weight), *rest),
        lambda x, weight, bias, *rest: right(x, weight, torch.zeros_like(bias), *rest),
        lambda x, weight, bias, groups, eps, pending=None: F.group_norm(x, groups, weight, bias, eps),
        lambda x, *norm: right(x[:1], *norm).expand_as(x),
    ],
)
def test_the_check_finds_a_norm_that_computes_something_else(wrong):
    assert norm_silu_choice.disagreement(Kernels(wrong, add), "cpu").startswith("the norm")
    assert norm_silu_choice.disagreement(RIGHT, "cpu") == ""


@pytest.mark.parametrize("wrong", [lambda x, y, pending: x + y, lambda x, y, pending: add(x, x, pending)])
def test_the_check_finds_a_sum_that_computes_something_else(wrong):
    assert norm_silu_choice.disagreement(Kernels(right, wrong), "cpu").startswith("the sum by")


def test_the_processor_has_torchs_own_norm():
    x, norm = norm_silu_choice.example(1, 16, 4, (5, 6))
    x = x.contiguous(memory_format=torch.channels_last)
    assert norm_silu_choice.chosen_norm_silu(x, norm) is norm_silu_choice.chosen_kernels(x) is None


@pytest.fixture
def a_card(monkeypatch):
    """A card whose kernels are those of the test, checked on the processor: returns what puts them there."""
    module = ModuleType("norm_silu_triton")
    monkeypatch.setitem(sys.modules, f"{norm_silu_choice.__package__}.norm_silu_triton", module)
    monkeypatch.setattr(networks, "norm_silu_triton", module, raising=False)
    monkeypatch.delenv(norm_silu_choice.VARIABLE, raising=False)
    honest = norm_silu_choice.disagreement
    monkeypatch.setattr(norm_silu_choice, "disagreement", lambda kernels, device: honest(kernels, "cpu"))

    def holds(norm_silu):
        module.norm_silu, module.add = norm_silu, add
        norm_silu_choice._checked.cache_clear()
        return norm_silu_choice._checked(0)

    yield holds
    norm_silu_choice._checked.cache_clear()


def test_kernels_that_agree_are_used(a_card):
    assert a_card(right) == RIGHT


def test_kernels_that_fail_or_differ_are_not_used_and_the_log_says_so(a_card, caplog):
    assert a_card(lambda x, *norm: right(x, *norm) + 1) is None
    assert "differs on cuda:0 and is not used: the norm by" in caplog.text
    assert a_card(lambda x, *norm: 1 / 0) is None
    assert "fails on cuda:0 and is not used: division by zero" in caplog.text


def test_the_kernels_can_be_switched_off(a_card, monkeypatch):
    monkeypatch.setenv(norm_silu_choice.VARIABLE, "0")
    assert a_card(right) is None


@needs_a_card
def test_on_a_card_the_kernels_pass_their_check_and_are_chosen():
    pytest.importorskip("triton")
    norm_silu_choice._checked.cache_clear()
    with torch.inference_mode():
        x, norm = norm_silu_choice.example(4, 64, 32, (128, 128))
        x = x.cuda().half().contiguous(memory_format=torch.channels_last)
        norm = norm.cuda().half()
        fused = norm_silu_choice.chosen_norm_silu(x, norm)
        assert fused is not None
        got = fused(x, norm.weight, norm.bias, norm.num_groups, norm.eps)
        assert got.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(got, right(x, norm.weight, norm.bias, norm.num_groups, norm.eps), rtol=0, atol=2e-2)
