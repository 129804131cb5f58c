"""The quick way through the RDDM U-Net gives what the network gives."""

import copy

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.networks import RDDMUNet, convolution_quick, moments, rddm_quick  # noqa: E402
from LDCTDenoiseLib.networks.convolution_quick import QuickConv, QuickUpsample, packs  # noqa: E402
from LDCTDenoiseLib.networks.moments import Map, MomentsNorm  # noqa: E402
from LDCTDenoiseLib.networks.norm_silu import norm_silu  # noqa: E402
from LDCTDenoiseLib.networks.rddm_quick import QuickRDDM  # noqa: E402

# joined on the way up: 48 + 48, 48 + 24 and 24 + 24 channels, so that a group of three spans both maps
SMALL = {"width": 24, "multipliers": (1, 2, 2), "blocks": 1}
needs_packs = pytest.mark.skipif(not packs(), reason="this torch has no oneDNN")
CL = torch.channels_last


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.inference_mode():
        yield


@pytest.fixture
def network() -> RDDMUNet:
    torch.manual_seed(0)
    network = RDDMUNet(**SMALL)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network.eval().requires_grad_(False).fold_embedding()


def two_slices(rows: int = 32, columns: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(2, 2, 1, rows, columns, generator=torch.Generator().manual_seed(1)).unbind()


@pytest.fixture(params=["packed", "public functions"])
def either_way(request, monkeypatch):
    if request.param == "packed" and not packs():
        pytest.skip("this torch has no oneDNN")
    for module in (convolution_quick, rddm_quick):
        monkeypatch.setattr(module, "packs", lambda: request.param == "packed")


def test_in_float32_it_is_the_network_within_rounding(network, either_way):
    quick = QuickRDDM(network, torch.float32, "cpu")
    for sides in ((32, 48), (64, 32), (32, 48)):  # weights are packed anew for another size
        wanted = network(*two_slices(*sides))
        torch.testing.assert_close(quick(*two_slices(*sides)), wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


def test_in_bfloat16_it_errs_no_more_than_the_network_itself(network, either_way):
    wanted = network(*two_slices())
    plain = copy.deepcopy(network).with_body(torch.bfloat16)(*two_slices()) - wanted
    quick = QuickRDDM(network, torch.bfloat16, "cpu")(*two_slices()) - wanted
    assert 0 < quick.square().mean() < 1.5 * plain.square().mean()


def test_a_slice_gives_the_same_alone_and_in_a_batch(network):
    noise, low_dose = two_slices()
    for dtype in (torch.float32, torch.bfloat16):
        quick = QuickRDDM(network, dtype, "cpu")
        single = torch.cat([quick(noise[i : i + 1], low_dose[i : i + 1]) for i in range(2)])
        torch.testing.assert_close(quick(noise, low_dose), single, rtol=0, atol=1e-5)


def test_the_network_is_not_changed(network):
    before = copy.deepcopy(network.state_dict())
    QuickRDDM(network, torch.bfloat16, "cpu")(*two_slices())
    after = network.state_dict()
    assert all(after[name].dtype == torch.float32 and torch.equal(after[name], before[name]) for name in before)


def test_an_embedding_that_is_not_folded_is_refused():
    with pytest.raises(ValueError, match="fold"):
        QuickRDDM(RDDMUNet(**SMALL), torch.float32, "cpu")


@pytest.mark.parametrize("sides", [(5, 8), (1, 1), (2, 3)])
def test_upsampling_and_convolution_are_one_transposed_convolution_to_the_very_border(sides, either_way):
    torch.manual_seed(0)
    conv, x = torch.nn.Conv2d(3, 4, 3, padding=1), torch.randn(2, 3, *sides)
    wanted = conv(torch.nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"))
    torch.testing.assert_close(QuickUpsample(conv, torch.float32, "cpu")(x), wanted, rtol=1e-5, atol=1e-5)


def test_a_convolution_adds_its_result_to_another_map(either_way):
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 4, 3, padding=1, stride=2)
    x, other = (
        torch.randn(1, 3, 8, 6).contiguous(memory_format=CL),
        torch.randn(1, 4, 4, 3).contiguous(memory_format=CL),
    )
    wanted, before, quick = conv(x) + other, other.clone(), QuickConv(conv, torch.float32, "cpu")
    torch.testing.assert_close(quick.plus(x, other), wanted)
    assert torch.equal(other, before), "it may still be needed"
    torch.testing.assert_close(quick.onto(x, other), wanted)
    torch.testing.assert_close(other, wanted)


def normed(maps: list[torch.Tensor], norm: torch.nn.GroupNorm) -> torch.Tensor:
    return torch.nn.functional.silu(norm.double()(torch.cat(maps, 1).double()))


@needs_packs
@pytest.mark.parametrize("channels", [(16,), (32, 16), (5, 7), (96, 64)])
def test_the_norm_by_moments_is_groupnorm_and_silu_also_far_from_zero(channels):
    torch.manual_seed(0)
    norm = torch.nn.GroupNorm({16: 16, 48: 16, 12: 4, 160: 32}[sum(channels)], sum(channels))
    torch.nn.init.normal_(norm.weight), torch.nn.init.normal_(norm.bias)
    for dtype, precision in ((torch.float32, 2e-4), (torch.bfloat16, 2e-2)):
        maps = [(20 * torch.randn(1, c, 1, 1) + torch.randn(1, c, 12, 10)).to(dtype) for c in channels]
        maps = [x.contiguous(memory_format=CL) for x in maps]
        found = MomentsNorm(copy.deepcopy(norm), dtype)([Map(x) for x in maps])
        assert [x.shape[1] for x in found] == list(channels) and found[0].dtype == dtype
        wanted = normed(maps, copy.deepcopy(norm))
        torch.testing.assert_close(torch.cat(found, 1).double(), wanted, rtol=precision, atol=precision)


@needs_packs
@pytest.mark.parametrize("value", [0.0, 3.0, -100.0])
def test_a_map_without_any_contrast_gives_the_shift_of_the_norm(value):
    norm = torch.nn.GroupNorm(4, 8)
    torch.nn.init.normal_(norm.bias)
    flat = torch.full((1, 8, 16, 16), value, dtype=torch.bfloat16).contiguous(memory_format=CL)
    (found,) = MomentsNorm(norm, torch.bfloat16)([Map(flat)])
    wanted = torch.nn.functional.silu(norm.bias)[None, :, None, None].expand_as(flat)
    torch.testing.assert_close(found.float(), wanted.detach(), rtol=0.02, atol=0.02)


@needs_packs
def test_moments_of_a_map_are_reckoned_once_and_are_those_of_its_channels(monkeypatch):
    calls, reckon = [], moments.merged
    monkeypatch.setattr(moments, "merged", lambda *args, **named: calls.append(1) or reckon(*args, **named))
    x = (torch.randn(1, 6, 20, 34) + torch.arange(6.0)[:, None, None]).contiguous(memory_format=CL)
    map = Map(x)
    mean, variance = map.moments()
    torch.testing.assert_close(mean, x.mean((0, 2, 3)))
    torch.testing.assert_close(variance, x.var((0, 2, 3), correction=0))
    assert map.moments()[0] is mean and len(calls) == 1


def test_the_plain_norm_keeps_its_gradients_and_takes_a_bias_that_is_still_to_be_added():
    torch.manual_seed(0)
    with torch.inference_mode(False), torch.enable_grad():
        norm = torch.nn.GroupNorm(4, 8)
        x = torch.randn(2, 8, 5, 6, requires_grad=True)
        bias = torch.randn(8)
        got, wanted = norm_silu(x, norm), torch.nn.functional.silu(norm(x))
        for y in (got, wanted):
            y.square().sum().backward(retain_graph=True)
        assert torch.equal(got, wanted) and torch.isfinite(x.grad).all()
        torch.testing.assert_close(norm_silu(x, norm, bias), norm_silu(x + bias[:, None, None], norm))
        doubled, x.grad = x.grad, None
        wanted.square().sum().backward()
        torch.testing.assert_close(doubled, 2 * x.grad)
    kept = x.detach().clone()
    norm_silu(kept, norm)
    assert torch.equal(kept, x.detach()), "the input is not written over"
