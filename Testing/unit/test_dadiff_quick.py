"""The quick way through DA-Diff gives the numbers of the network itself, layer kinds, sizes and precisions alike."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.networks import DADiffUNet  # noqa: E402
from LDCTDenoiseLib.networks import dadiff_quick_blocks as quick_blocks  # noqa: E402
from LDCTDenoiseLib.networks.convolution_quick import packs  # noqa: E402
from LDCTDenoiseLib.networks.dadiff_quick import QuickDADiff  # noqa: E402
from LDCTDenoiseLib.networks.scan_in_place import scan_in_place  # noqa: E402
from LDCTDenoiseLib.networks.scan_order import from_sequences, to_sequences  # noqa: E402
from test_dadiff import awake, inputs  # noqa: E402

LIBRARY = Path(__file__).resolve().parents[2] / "LDCTDenoise"
MADE = """import sys, torch
from LDCTDenoiseLib.networks import DADiffUNet
from LDCTDenoiseLib.networks.dadiff_quick import QuickDADiff
network, before = DADiffUNet(dim=8, multipliers=(1, 2)).eval().requires_grad_(False).fold_weights(), set(sys.modules)
QuickDADiff(network, torch.float32)
print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"""
pytestmark = pytest.mark.skipif(not packs(), reason="this torch has no oneDNN")


def ready(**arguments) -> DADiffUNet:
    network = awake(**arguments).requires_grad_(False).fold_weights()
    for layer in network.modules():
        if isinstance(layer, (torch.nn.LayerNorm, torch.nn.GroupNorm)):  # they start as one and zero
            torch.nn.init.normal_(layer.weight, 1, 0.2)
            torch.nn.init.normal_(layer.bias, 0, 0.2)
    return network


def furthest(network: DADiffUNet, given: tuple, dtype=torch.float32) -> float:
    """Largest difference, of the largest value of the network's output."""
    with torch.inference_mode():
        expected = network(*given)
        got = QuickDADiff(network, dtype)(*given)
    assert got.dtype == torch.float32 and got.shape == expected.shape
    return float((got - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize(
    "arguments, size",
    [
        ({}, (24, 20)),
        ({"multipliers": (1, 2, 3)}, (20, 28)),  # odd sub-grids below
        ({"fold": 2, "dim": 8}, (24, 20)),
        ({"conditioning": False}, (10, 14)),
        ({"dim": 32, "multipliers": (1, 2, 4, 8)}, (16, 24)),  # as published, half as wide
    ],
)
def test_the_numbers_are_those_of_the_network(arguments, size):
    assert furthest(ready(**arguments), inputs(*size)) < 1e-5


def test_each_slice_of_a_batch_has_its_own_time_dose_and_anatomy():
    assert furthest(ready(), inputs(count=3)) < 1e-5


def test_bands_of_a_map_change_nothing(monkeypatch):
    for name in ("BAND", "WIDE_BAND"):
        monkeypatch.setattr(quick_blocks, name, 1100)  # a few rows of the widest map, the last band shorter
    assert furthest(ready(), inputs(38, 20)) < 1e-5


@pytest.mark.parametrize("rows", [1, 3, 9, 100])
def test_bands_are_the_map_and_each_comes_with_the_rows_that_a_filter_reads(rows, monkeypatch):
    monkeypatch.setattr(quick_blocks, "WIDE_BAND", rows * 5 * 4)
    x, whole, seen = torch.randn(1, 3, 9, 5), None, []
    for wide, inside in quick_blocks.bands(x, 4):
        assert wide.start == max(0, wide.start + inside.start - 1) and wide.stop == min(9, wide.start + inside.stop + 1)
        seen += range(9)[wide][inside]
        whole = quick_blocks.put(x[:, :, wide][:, :, inside], whole, wide.start + inside.start, x)
    assert seen == list(range(9)) and torch.equal(whole, x)


@pytest.mark.parametrize("together", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("size", [(8, 6), (7, 6), (6, 5), (5, 7)])
def test_a_map_is_scanned_where_it_lies_in_the_order_of_all_sequences(size, together):
    a = torch.randn(1, 2, *size).contiguous(memory_format=torch.channels_last)
    expected = from_sequences(to_sequences(a).cumsum(dim=3) * torch.arange(1, 5)[:, None, None], *size, a.dtype)
    most = []

    def scan(u, which):
        most.append(u.shape[2])
        u.copy_(u.cumsum(dim=1) * torch.arange(1, 5)[which, None])

    scan_in_place(a, scan, together)
    torch.testing.assert_close(a, expected)
    assert max(most) == min(together, 4) and sum(most) == 4


def test_it_is_made_at_once_without_packages_that_take_longer_than_a_slice():
    known = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    done = subprocess.run([sys.executable, "-c", MADE], capture_output=True, text=True, env=known, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "sympy" not in done.stdout


def test_bfloat16_stays_near():
    assert 1e-4 < furthest(ready(), inputs(), torch.bfloat16) < 0.05


def test_the_network_and_what_it_is_given_stay_as_they_were():
    network, given = ready(), inputs()
    weights, before = {k: v.clone() for k, v in network.state_dict().items()}, [x.clone() for x in given]
    furthest(network, given)
    furthest(network, given, torch.bfloat16)
    assert all(torch.equal(v, weights[k]) for k, v in network.state_dict().items())
    assert all(torch.equal(x, y) for x, y in zip(given, before, strict=True))
    assert network.body == torch.float32
