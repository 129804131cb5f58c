"""The RDDM U-Net is the published one, and folding its embedding changes nothing."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.networks import RDDMUNet  # noqa: E402
from LDCTDenoiseLib.networks.cost import multiply_adds  # noqa: E402
from parity import parity_folder, parity_state_dict  # noqa: E402

SMALL = {"width": 32, "multipliers": (0.5, 1, 2), "blocks": 1}


@pytest.fixture(scope="module")
def published() -> RDDMUNet:
    network = RDDMUNet().eval()
    network.load_state_dict(parity_state_dict({k: tuple(v.shape) for k, v in network.state_dict().items()}))
    return network


def awake(network: RDDMUNet, seed: int = 0) -> RDDMUNet:
    """With the zero-initialised layers filled, so that every part of the network matters."""
    torch.manual_seed(seed)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


def test_the_published_network_has_27_million_parameters(published):
    assert sum(p.numel() for p in published.parameters()) == 27_314_017


def test_names_and_shapes_are_those_of_the_authors_checkpoints(published):
    lines = (parity_folder("rddm") / "state_dict_keys.tsv").read_text().splitlines()
    wanted = {name: tuple(map(int, shape.split("x"))) for name, shape in (line.split() for line in lines)}
    assert {name: tuple(value.shape) for name, value in published.state_dict().items()} == wanted


def test_the_order_of_parameters_is_that_of_the_ema_list(published):
    wanted = (parity_folder("rddm") / "parameter_order.txt").read_text().split()
    assert [name for name, _ in published.named_parameters()] == wanted


@torch.no_grad()
def test_a_small_network_computes_what_it_computed_when_the_published_one_agreed_with_the_authors():
    """So that a broken layer is seen also where the authors' numbers are not at hand."""
    network = RDDMUNet(**SMALL).eval()
    network.load_state_dict(parity_state_dict({k: tuple(v.shape) for k, v in network.state_dict().items()}))
    i = torch.arange(256, dtype=torch.float32).reshape(1, 1, 16, 16)
    found = network(torch.cos(i), torch.sin(i / 7) * 0.5)[0, 0, ::5, ::5].flatten()
    wanted = [-0.06354, 0.2883, 0.14242, -0.00231, -0.17973, -0.39769, -0.32311, 0.45004,
              -0.16232, -0.1848, -0.69548, 0.14253, -0.10813, -0.06482, -0.67133, -0.07416]  # fmt: skip
    torch.testing.assert_close(found, torch.tensor(wanted), rtol=0, atol=5e-5)


@pytest.mark.parametrize("size", ["64x64", "128x192"])
@torch.no_grad()
def test_it_computes_what_the_authors_network_computes(published, size):
    with np.load(parity_folder("rddm") / "network.npz") as stored:
        noise, low, wanted, denoised = (
            torch.from_numpy(stored[f"{name}_{size}"]) for name in ("noise", "ld", "pred", "denoised")
        )
    raw = published(noise, low)
    assert (raw - wanted).abs().max() <= 1e-5 * wanted.abs().max()
    assert ((low + torch.tanh(raw)).clamp(-1, 1) - denoised).abs().max() <= 1e-5


@torch.no_grad()
def test_it_agrees_on_a_whole_slice_too(published):
    rng = np.random.default_rng(512512)
    low = np.clip(0.3 * rng.standard_normal((1, 1, 512, 512)) - 0.4, -1, 1).astype(np.float32)
    noise = rng.standard_normal((1, 1, 512, 512)).astype(np.float32)
    with np.load(parity_folder("rddm") / "network.npz") as stored:
        wanted = stored["pred_512_stride16"]
    raw = published(torch.from_numpy(noise), torch.from_numpy(low)).numpy()
    found = raw[..., ::16, ::16].reshape(wanted.shape)
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()


@torch.no_grad()
def test_folding_the_embedding_changes_nothing():
    network = awake(RDDMUNet(**SMALL))
    noise, low = torch.randn(2, 2, 1, 32, 48).unbind()
    before = network(noise, low)
    assert before.std() > 0
    after = network.fold_embedding()(noise, low)
    assert not any(name.startswith(("time_embed", "emb_layers")) for name, _ in network.named_parameters())
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5 * float(before.abs().max()))
    assert torch.equal(network.fold_embedding()(noise, low), after), "folding twice must not add the embedding twice"


@torch.no_grad()
def test_an_untrained_network_leaves_the_slice_alone():
    assert not RDDMUNet(**SMALL)(torch.randn(1, 1, 16, 16), torch.randn(1, 1, 16, 16)).any()


@torch.no_grad()
@pytest.mark.parametrize("shape", [(1, 1, 30, 32), (1, 2, 32, 32), (32, 32)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError):
        RDDMUNet(**SMALL)(torch.zeros(shape), torch.zeros(shape))


def test_the_shipped_size_costs_at_most_12_gmac_a_slice():
    from LDCTDenoiseLib.weights.store import find_card

    network = RDDMUNet(**find_card("rddm-balanced").network)
    one = torch.zeros(1, 1, 512, 512)
    assert multiply_adds(network, one, one) <= 12e9
