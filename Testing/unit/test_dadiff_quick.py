"""The quick way through DA-Diff gives the numbers of the network itself, layer kinds, sizes and precisions alike."""

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.networks import DADiffUNet  # noqa: E402
from LDCTDenoiseLib.networks import dadiff_quick_blocks as quick_blocks  # noqa: E402
from LDCTDenoiseLib.networks.convolution_quick import packs  # noqa: E402
from LDCTDenoiseLib.networks.dadiff_quick import QuickDADiff  # noqa: E402
from test_dadiff import awake, inputs  # noqa: E402

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
    monkeypatch.setattr(quick_blocks, "BAND", 700)  # three rows of the widest map, the last band shorter
    assert furthest(ready(), inputs(32, 20)) < 1e-5


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
