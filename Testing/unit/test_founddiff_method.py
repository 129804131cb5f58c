"""FoundDiff as a user meets it: a model like any other, that takes --steps."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import CTVolume, InputError, denoise, read_volume, write_volume  # noqa: E402
from LDCTDenoiseLib.cli import main  # noqa: E402
from LDCTDenoiseLib.inference.engine import Settings  # noqa: E402
from LDCTDenoiseLib.inference.run import WarmModel  # noqa: E402
from LDCTDenoiseLib.methods import load_denoiser  # noqa: E402
from LDCTDenoiseLib.methods.founddiff import from_network, to_network  # noqa: E402
from LDCTDenoiseLib.networks import DACLIP, DADiffUNet  # noqa: E402
from LDCTDenoiseLib.weights.cards import Card  # noqa: E402
from LDCTDenoiseLib.weights.store import find_card, imported_folder, save_weights  # noqa: E402

UNET = {"dim": 8, "multipliers": [1, 2], "fold": 2, "dose_features": 16, "anatomy_features": 8}
PERCEPTION = {"embed": 16, "layers": [1, 1], "width": 8, "anatomy_features": 8}


def a_model(id: str = "tiny-founddiff", unet: dict | None = None, network: dict | None = None) -> str:
    """The id of an imported FoundDiff of little width with random weights."""
    unet = {**UNET, **(unet or {})}
    torch.manual_seed(0)
    parts = {"unet": DADiffUNet(**unet), "perception": DACLIP(**PERCEPTION)}
    for name, parameter in parts["unet"].named_parameters():
        if "adaLN" in name or "final_conv" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    state = {f"{part}.{name}": value for part, made in parts.items() for name, value in made.state_dict().items()}
    state["perception_readout.scale"] = torch.ones(1)  # is not for denoising
    card = Card(
        id=id, title="Tiny", version="1", family="founddiff", description="For tests.", licence="none",
        training_data="none", intended_use="tests", hu_window=(-1000.0, 2000.0), steps=2,
        network=network or {"unet": unet, "perception": PERCEPTION, "start": "consistent"},
    )  # fmt: skip
    return save_weights(imported_folder(), card, state).id


@pytest.fixture
def tiny(a_home_of_its_own) -> str:
    return a_model()


@pytest.fixture
def an_odd_ct() -> CTVolume:
    """Two slices of 100×77 pixels with values beyond the window."""
    rng = np.random.default_rng(0)
    hu = np.clip(40 + 30 * rng.standard_normal((2, 100, 77)), -1024, 3071).astype(np.float32)
    hu[:, :10] = -1024
    hu[:, 20, 20:30] = 2500
    return CTVolume(hu, (0.8, 0.8, 2.5))


def refused(capsys, *argv) -> str:
    assert main([str(a) for a in argv]) == 2
    return capsys.readouterr().err


def test_a_slice_of_odd_size_is_denoised_from_the_command_line(tiny, an_odd_ct, tmp_path):
    source, out, report = tmp_path / "in.nrrd", tmp_path / "out.nrrd", tmp_path / "how.json"
    write_volume(an_odd_ct, source)
    argv = ["denoise", source, out, "--model", tiny, "--report", report, "--device", "cpu", "--precision", "float32"]
    assert main([str(a) for a in argv]) == 0
    result, record = read_volume(out).hu, json.loads(report.read_text(encoding="utf-8"))
    assert result.shape == (2, 100, 77)
    assert (record["model"], record["steps"]) == (tiny, 2)
    given = read_volume(source).hu
    outside = (given < -1000) | (given > 2000)
    assert outside.any() and not np.array_equal(result, given)
    np.testing.assert_array_equal(result[outside], given[outside])


def test_steps_change_the_result_and_are_in_the_record(tiny, an_odd_ct):
    two, three = (denoise(an_odd_ct, tiny, steps=steps, precision="float32") for steps in (None, 3))
    assert two.record["steps"] == 2 and three.record["steps"] == 3
    assert np.abs(two.volume.hu - three.volume.hu).max() > 0.01


def test_a_warm_model_forgets_the_steps_of_the_run_before(tiny, an_odd_ct):
    warm = WarmModel(find_card(tiny))
    records = [warm.denoise(an_odd_ct, Settings(steps=steps)).record for steps in (None, 5, None)]
    assert [record["steps"] for record in records] == [2, 5, 2]


def test_steps_that_make_no_sense_are_refused_in_one_sentence(tiny, an_odd_ct, tmp_path, capsys):
    source = tmp_path / "in.nrrd"
    write_volume(an_odd_ct, source)
    argv = ["denoise", source, tmp_path / "out.nrrd", "--model"]
    assert "between 1 and 1000, not 0." in refused(capsys, *argv, tiny, "--steps", 0)
    for other in ("median", "nlm"):
        assert f"{other} evaluates each slice once: leave out --steps." in refused(capsys, *argv, other, "--steps", 2)
    with pytest.raises(InputError, match="evaluates each slice once"):
        denoise(an_odd_ct, "median", steps=2)


def test_each_evaluation_is_counted_and_perception_is_asked_once(tiny, an_odd_ct):
    method, calls = load_denoiser(find_card(tiny)), []
    method._unet.register_forward_hook(lambda *_: calls.append("unet"))
    method._perception.register_forward_hook(lambda _, given, __: calls.append(tuple(given[0].shape)))
    method.steps = 4
    method.denoise(an_odd_ct.hu, seeds=[0, 1])
    assert calls == [(2, 1, 100, 77), *["unet"] * 4]  # the slice as it is, without the border the unet needs


def test_a_slice_does_not_depend_on_its_neighbours_in_the_batch(tiny, an_odd_ct):
    method = load_denoiser(find_card(tiny))
    together = method.denoise(an_odd_ct.hu, seeds=[5, 6])
    np.testing.assert_allclose(method.denoise(an_odd_ct.hu[1:], seeds=[6])[0], together[1], atol=0.01)
    assert np.abs(method.denoise(an_odd_ct.hu[1:], seeds=[7])[0] - together[1]).max() > 0.001


def test_moving_to_bfloat16_and_back_changes_nothing(tiny, an_odd_ct):
    method = load_denoiser(find_card(tiny))
    method.place("cpu", torch.float32)
    before = method.denoise(an_odd_ct.hu, seeds=[0, 1])
    method.place("cpu", torch.bfloat16)
    rounded = method.denoise(an_odd_ct.hu, seeds=[0, 1])
    method.place("cpu", torch.float32)
    np.testing.assert_array_equal(method.denoise(an_odd_ct.hu, seeds=[0, 1]), before)
    assert 0 < np.abs(rounded - before).max() < 40


def test_the_quick_way_gives_what_the_plain_network_gives(tiny, an_odd_ct):
    method = load_denoiser(find_card(tiny))
    unplaced = method.denoise(an_odd_ct.hu, seeds=[0, 1])
    method.place("cpu", torch.float32)
    quick = method.denoise(an_odd_ct.hu, seeds=[0, 1])
    method.place("cpu", torch.float32, plain=True)
    plain = method.denoise(an_odd_ct.hu, seeds=[0, 1])
    np.testing.assert_allclose(quick, plain, rtol=0, atol=2e-3)
    np.testing.assert_allclose(unplaced, plain, rtol=0, atol=2e-3)
    assert not np.array_equal(quick, plain)  # or the quick way was not taken


def test_perceive_gives_two_embeddings_of_unit_length_a_slice(tiny, an_odd_ct):
    dose, anatomy = load_denoiser(find_card(tiny)).perceive(an_odd_ct.hu)
    assert dose.shape == (2, 16) and anatomy.shape == (2, 8)
    for embedding in (dose, anatomy):
        np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, rtol=1e-5)


def test_a_network_trained_without_perception_needs_none(an_odd_ct):
    unet = {**UNET, "conditioning": False}
    method = load_denoiser(find_card(a_model("blind", unet, {"unet": unet, "start": "published"})))
    assert method.denoise(an_odd_ct.hu, seeds=[0, 1]).shape == an_odd_ct.hu.shape
    with pytest.raises(InputError, match="without perception"):
        method.perceive(an_odd_ct.hu)


def test_hu_and_network_units_are_those_of_the_paper():
    hu = torch.tensor([-1500.0, -1000, 500, 2000, 3000])
    torch.testing.assert_close(to_network(hu), torch.tensor([-1.0, -1, 0, 1, 1]))
    torch.testing.assert_close(from_network(to_network(hu)), torch.tensor([-1000.0, -1000, 500, 2000, 2000]))


@pytest.mark.parametrize(
    "network",
    [
        {"unet": {**UNET, "dim": 16}, "perception": PERCEPTION},
        {"unet": UNET, "perception": {**PERCEPTION, "width": 16}},
        {"unet": UNET},
        {"unet": {**UNET, "colour": 1}, "perception": PERCEPTION},
        {"perception": PERCEPTION},
        {"unet": UNET, "perception": PERCEPTION, "start": "warm"},
    ],
)
def test_a_card_that_does_not_fit_its_weights_is_refused(network):
    with pytest.raises(InputError, match=r"import (them|it) again"):
        load_denoiser(find_card(a_model(network=network)))


def test_the_worker_takes_steps():
    from LDCTDenoiseLib.worker.denoise import _settings
    from LDCTDenoiseLib.worker.protocol import Request

    assert _settings(Request({"steps": 4})).steps == 4
    assert _settings(Request({})).steps is None


def test_a_scan_that_was_named_but_cannot_be_used_is_said_in_one_sentence(tiny, monkeypatch):
    def none_here(device, dtype):
        raise ValueError("The scan triton cannot be used on cuda: choose blocked.")

    monkeypatch.setattr("LDCTDenoiseLib.networks.chosen_scan", none_here)
    with pytest.raises(InputError, match="The scan triton cannot be used"):
        load_denoiser(find_card(tiny)).place("cpu", torch.float32)
