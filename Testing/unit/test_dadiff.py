"""What DA-Diff promises beyond parity: it starts as published, folds, ignores what it was not told, and stays the same
in bands, batches and other precisions."""

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.networks import DADiffUNet, bands, dadiff_blocks  # noqa: E402
from LDCTDenoiseLib.networks.cost import multiply_adds  # noqa: E402
from LDCTDenoiseLib.networks.dadiff_blocks import ConditionalBlock  # noqa: E402

SMALL = {"dim": 16, "multipliers": (1, 2), "dose_features": 12, "anatomy_features": 6}


def awake(seed: int = 0, **arguments) -> DADiffUNet:
    """With the layers filled that start as zero, so that every part of the network matters."""
    torch.manual_seed(seed)
    network = DADiffUNet(**{**SMALL, **arguments})
    for name, parameter in network.named_parameters():
        if "adaLN" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


def inputs(height: int = 24, width: int = 20, count: int = 1) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random)

    dose, anatomy = (torch.nn.functional.normalize(normal(count, n)) for n in (12, 6))
    return normal(count, 2, height, width), torch.linspace(100, 900, count), dose, anatomy


@torch.no_grad()
def test_dose_anatomy_time_and_both_channels_all_matter():
    network, given = awake(), inputs()
    output = network(*given)
    assert output.shape == (1, 1, 24, 20)
    for number, value in enumerate(given):
        for changed in [value.flip(1)] if value.ndim == 4 else [-value]:
            assert (network(*given[:number], changed, *given[number + 1 :]) - output).abs().max() > 1e-4


@torch.no_grad()
def test_without_conditioning_the_embeddings_are_ignored_and_have_no_parameters():
    network, (x, time, dose, anatomy) = awake(conditioning=False), inputs()
    assert torch.equal(network(x, time), network(x, time, dose, anatomy))
    assert not [name for name in network.state_dict() if "text_mlp" in name or "prompt" in name or ".attn." in name]


@torch.no_grad()
@pytest.mark.parametrize("height, width", [(6, 10), (10, 14)])
def test_levels_of_odd_size_are_legal(height, width):
    assert awake()(*inputs(height, width)).shape == (1, 1, height, width)


def test_other_sizes_are_refused_with_the_multiple_they_need():
    with pytest.raises(ValueError, match="multiples of 2, got \\[24, 21\\]"):
        awake()(*inputs(24, 21))
    with pytest.raises(ValueError, match="multiples of 4"):
        awake(fold=2)(*inputs(22, 24))
    with pytest.raises(ValueError, match=r"\[B, 2, H, W\]"):
        awake()(torch.zeros(1, 1, 8, 8), torch.zeros(1))
    assert DADiffUNet(dim=8).multiple == 8 and DADiffUNet(dim=8, fold=2).multiple == 16


def test_folding_costs_a_quarter():
    plain, folded = (multiply_adds(awake(fold=fold, multipliers=(1, 2, 4)), *inputs(32, 32)) for fold in (1, 2))
    assert 0.24 < folded / plain < 0.30


def test_the_cost_of_the_published_network_is_the_known_one(monkeypatch):
    monkeypatch.setattr(dadiff_blocks, "selective_scan", lambda u, *_, scan: u)  # it has no products worth counting
    with torch.device("meta"):
        network = DADiffUNet()
        given = [torch.zeros(shape) for shape in ((1, 2, 256, 256), (1,), (1, 1024), (1, 256))]
        assert 2 * multiply_adds(network, *given) == pytest.approx((169.2 - 27.6) * 1e9, rel=0.03)


@torch.no_grad()
def test_a_slice_gives_the_same_alone_and_in_a_batch():
    network, given = awake(), inputs(count=3)
    together = network(*given)
    for number in range(3):
        alone = network(*(value[number : number + 1] for value in given))
        torch.testing.assert_close(alone, together[number : number + 1], rtol=1e-4, atol=1e-5)


def test_in_bands_the_result_is_the_same(monkeypatch):
    network, given = awake().requires_grad_(False), inputs(count=2)
    with torch.enable_grad():
        whole = network(*given)  # with gradients wanted, in one piece
    monkeypatch.setattr(bands, "BAND", 2000)
    with torch.inference_mode():
        torch.testing.assert_close(network(*given), whole, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_folding_the_weights_changes_nothing():
    network, given = awake(), inputs()
    before = network(*given)
    torch.testing.assert_close(network.fold_weights().fold_weights()(*given), before, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_body_of_bfloat16_stays_near_and_conditions_stay_exact():
    network, given = awake(), inputs(64, 64)
    exact = network(*given)
    network.with_body(torch.bfloat16)
    assert network.body == torch.bfloat16 and network.downs[0][1].mamba.attn[0].weight.dtype == torch.float32
    rounded = network(*given)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).norm() / exact.norm() < 0.03


def test_training_in_bfloat16_has_gradients_near_those_in_float32():
    network, given = awake().train(), inputs(count=2)
    found = []
    for network.mixed in (None, torch.bfloat16):
        loss = network(*given).square().mean()
        found.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, network.parameters())]))
    assert torch.nn.functional.cosine_similarity(*found, dim=0) > 0.98


def test_gradients_are_those_of_finite_differences():
    block = ConditionalBlock(4, 2, 3, 2).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    random = torch.Generator().manual_seed(0)
    given = [
        torch.randn(shape, generator=random, dtype=torch.float64, requires_grad=True)
        for shape in ((2, 4, 3, 5), (2, 3), (2, 2))
    ]
    assert torch.autograd.gradcheck(block, given)


def test_a_new_network_starts_as_published():
    torch.manual_seed(0)
    block = ConditionalBlock(32, 4, 8, 6)
    x = torch.randn(2, 32, 6, 6)
    assert torch.equal(block(x, torch.randn(2, 8), torch.randn(2, 6)), x)  # adaLN-zero
    mamba, size = block.mamba, torch.nn.functional.softplus(block.mamba.dt_projs_bias)
    assert 1e-3 * 0.99 < size.min() < 3e-3 and 0.05 < size.max() < 0.1 * 1.01
    torch.testing.assert_close(mamba.A_logs.exp(), torch.arange(1.0, 5).expand(256, 4))
    assert (mamba.Ds == 1).all() and (block.attn_blk.temperature == 1).all()
    assert mamba.rank == 2 and 0.6 < mamba.dt_projs_weight.abs().max() <= 2**-0.5
    prompt = DADiffUNet(dim=32).prompt
    assert prompt.shape == (1, 128) and prompt.min() >= 0 and 0.9 < prompt.max() <= 1


@pytest.mark.parametrize("channels, count", [(16, 1), (24, 1), (48, 1), (64, 2), (72, 2), (96, 3), (104, 2), (512, 16)])
def test_heads_have_32_channels_or_are_fewer_of_equal_width(channels, count):
    assert dadiff_blocks.heads(channels) == count
