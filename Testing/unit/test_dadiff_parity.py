"""DA-Diff is the published network: its names, its blocks, its evaluations, its gradients."""

import pytest

torch = pytest.importorskip("torch")

from dadiff_parity import TOLERANCE, error, perceived, reduced_unet, stored  # noqa: E402
from founddiff_weights import key_table, shape_of  # noqa: E402
from LDCTDenoiseLib.networks import DADiffUNet, noisy_state  # noqa: E402
from LDCTDenoiseLib.networks.residual_diffusion import network_time  # noqa: E402
from LDCTDenoiseLib.networks.scan_order import from_sequences, to_sequences  # noqa: E402
from parity import parity_folder  # noqa: E402

# name in the parity file → module
INSIDE = {
    "time_mlp": "time_mlp",
    "text_mlp": "text_mlp",
    "prompt_mlp": "prompt_mlp",
    "downs0.adaLN": "downs.0.1.adaLN_modulation",
    "init_conv": "init_conv",
    "downs0.mamba": "downs.0.1.mamba",
    "downs0.transposed_attn": "downs.0.1.attn_blk",
    "mid_block": "mid_block",
    "mid_attn": "mid_attn",
    "final_res_block": "final_res_block",
}
for level in range(4):
    INSIDE |= {f"downs{level}.{part}": f"downs.{level}.{i}" for i, part in enumerate(("res", "attn", "down"))}
    INSIDE |= {f"ups{level}.attn": f"ups.{level}.1"}


@pytest.fixture(scope="module")
def network() -> DADiffUNet:
    return reduced_unet()


@pytest.fixture(scope="module")
def blocks() -> dict:
    return stored("unit_blocks")


def test_names_and_shapes_are_those_of_the_authors_checkpoint():
    with torch.device("meta"):
        published = DADiffUNet().state_dict()
    table = key_table(parity_folder("founddiff") / "keys_dadiff.tsv")
    wanted = {row["key"].removeprefix("model.unet0."): shape_of(row) for row in table if row["role"] == "unet"}
    assert {name: tuple(value.shape) for name, value in published.items()} == wanted


def test_the_published_network_has_26_million_parameters():
    with torch.device("meta"):
        assert sum(p.numel() for p in DADiffUNet().parameters()) == 25_568_831


@pytest.mark.parametrize("size", ["4x6", "5x7"])
def test_the_map_is_taken_apart_and_put_together_in_the_published_order(size):
    data = stored("unit_efficient_scan")
    sequences = to_sequences(data[f"x_{size}"])
    torch.testing.assert_close(sequences, data[f"scan_{size}"], rtol=0, atol=0)
    rows, columns = map(int, size.split("x"))
    merged = from_sequences(sequences, rows, columns, torch.float32)
    torch.testing.assert_close(merged, data[f"merged_{size}"], rtol=0, atol=0)


@torch.no_grad()
def test_every_block_is_the_published_one(network, blocks):
    block, anatomy = network.downs[2][1], blocks["c"][:, 0]
    core = block.mamba.out_norm(block.mamba.scan(blocks["ss2d_core_in"]))
    assert error(core, blocks["ss2d_core_out"]) < TOLERANCE
    assert error(block.mamba(blocks["ss2d_in"], anatomy), blocks["ss2d_out"]) < TOLERANCE
    assert error(block.attn_blk(blocks["ta_in"]), blocks["ta_out"]) < TOLERANCE
    assert error(block(blocks["block_in"], blocks["t"], anatomy), blocks["block_out"]) < TOLERANCE
    assert error(network.downs[2][0](blocks["res_in"]), blocks["res_out"]) < TOLERANCE
    assert error(network.ups[3][0](blocks["res2_in"]), blocks["res2_out"]) < TOLERANCE


@torch.no_grad()
def test_an_evaluation_agrees_in_every_layer_where_levels_have_odd_sizes(network):
    data, inside = stored("reduced_unet_b40x56_odd_levels"), {}
    hooks = [
        network.get_submodule(module).register_forward_hook(lambda _, __, out, name=name: inside.update({name: out}))
        for name, module in INSIDE.items()
    ]
    output = network(data["x"], data["time_value"], *perceived(data["x"][:, 1:]))
    for hook in hooks:
        hook.remove()
    expected = {name.removeprefix("inter_"): value for name, value in data.items() if name.startswith("inter_")}
    errors = {name: error(inside[name], value) for name, value in expected.items()}
    assert len(errors) == 21 and max(errors.values()) < TOLERANCE, errors
    assert error(output, data["output"]) < TOLERANCE


def test_loss_and_gradients_are_those_of_the_authors_training(network):
    data = stored("reduced_train")
    normal, low = 2 * data["gt01"] - 1, 2 * data["ld01"] - 1
    state = noisy_state(normal, low, data["noise"], data["t"])
    assert error(state, data["x_t"]) < TOLERANCE
    residual = network(torch.cat([state, low], 1), network_time(data["t"]), *perceived(low))
    loss = torch.nn.functional.mse_loss(residual, low - normal)
    gradients = dict(
        zip(dict(network.named_parameters()), torch.autograd.grad(loss, network.parameters()), strict=True)
    )
    assert float(loss.detach()) == pytest.approx(float(data["loss"]), rel=TOLERANCE)
    for name, value in data.items():
        if name.startswith("grad_"):
            got = gradients[name.removeprefix("grad_")]
            got = got if got.shape == value.shape else got.flatten()[: value.numel()]
            assert error(got, value) < TOLERANCE, name
    rows = key_table(parity_folder("founddiff") / "reduced_grad_norms.tsv")
    assert {row["key"] for row in rows} == set(gradients)
    for row in rows:  # in float64: the sum of a million squares rounds
        norm = float(gradients[row["key"]].double().norm())
        assert norm == pytest.approx(float(row["grad_l2"]), rel=TOLERANCE), row["key"]
