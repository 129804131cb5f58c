"""The loop of the laboratory, on slices made for the test."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import InputError  # noqa: E402
from LDCTDenoiseLib.networks import RDDMUNet  # noqa: E402
from LDCTDenoiseLib.training import loop, rddm_family, step  # noqa: E402
from LDCTDenoiseLib.training.batches import batches  # noqa: E402
from LDCTDenoiseLib.training.config import Phase  # noqa: E402
from LDCTDenoiseLib.training.distributed import Alone  # noqa: E402
from LDCTDenoiseLib.training.loop import train  # noqa: E402
from LDCTDenoiseLib.training.state import new_state  # noqa: E402
from LDCTDenoiseLib.training.validation import ValidationSet  # noqa: E402

from training_factory import a_config, a_series  # noqa: E402  # isort: skip


def test_training_lowers_the_loss_and_writes_what_it_did(tmp_path):
    series = [a_series("one"), a_series("two"), a_series("held-out")]
    said = []
    config = a_config(tmp_path / "run", phases=(Phase("paired", 150, 32, 4, 2e-3, l1_weight=1.0),), validate_every=150)
    state = train(config, series, report=said.append)
    assert state.step == 150
    lines = (tmp_path / "run" / "log.csv").read_text().splitlines()
    losses = [float(line.split(",")[2]) for line in lines[1:]]
    assert losses[-1] < 0.9 * losses[0]
    gain = float((tmp_path / "run" / "validation.csv").read_text().splitlines()[-1].split(",")[2])
    assert gain > 1.0, "on a patient that was never trained on"


def test_what_cannot_be_trained_is_said_first(tmp_path):
    series = [a_series("one"), a_series("held-out")]

    def refused(device: str = "cpu", **changes) -> str:
        with pytest.raises(InputError) as refusal:
            train(a_config(tmp_path / "run", **changes), series, engine=Alone(device))
        assert not (tmp_path / "run").exists()
        return str(refusal.value)

    for network in ({"wide": 3}, {"multipliers": []}, {"multipliers": 3}, {"width": "32"}, {"width": 0}, {"width": -1}):
        assert "no network with the values" in refused(network=network)
    assert "no multiple of 2" in refused(phases=(Phase("p", 1, 33, 2, 1e-3, l1_weight=1.0),))
    assert "larger than the slices of" in refused(phases=(Phase("p", 1, 66, 2, 1e-3, l1_weight=1.0),))
    assert "no series to train on" in refused(validation=("one", "held-out"))
    for device in ("gpu", "cuda:99", "meta"):
        assert f"no device '{device}'" in refused(device)


def test_validation_slices_may_differ_in_size():
    small = a_series("small")
    small.normal_dose, small.noise = small.normal_dose[:, :51, :40], small.noise[:, :, :51, :40]
    network = RDDMUNet(width=32, multipliers=[0.5, 1], blocks=1).eval()
    figures = ValidationSet.of([a_series("one"), small]).evaluate(network)
    assert np.isfinite(list(figures.values())).all() and ValidationSet.of([]).evaluate(network) == {}


SILENT = {"report": lambda text: None, "notice": lambda text: None}
SHORT = (Phase("paired", 4, 32, 2, 1e-3, l1_weight=1.0),)


def a_moved_network(config) -> RDDMUNet:
    """Random weights everywhere: at the start the head is zero, and says nothing about rounding."""
    network = new_state(config, "cpu").network
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network


def test_mixed_precision_rounds_neither_the_image_nor_the_residual(tmp_path):
    network = a_moved_network(a_config(tmp_path, precision="bfloat16"))
    seen = {}

    def keep(name):
        return lambda module, inputs, output: seen.update({name: (inputs[0].dtype, output.dtype)})

    network.input_blocks[0][0].register_forward_hook(keep("stem"))
    network.middle_block[0].in_layers[2].register_forward_hook(keep("body"))
    network.out[2].register_forward_hook(keep("head"))
    noise, x = torch.zeros(2, 1, 32, 32), torch.linspace(-1, 1, 2048).reshape(2, 1, 32, 32)
    raw = network(noise, x)
    assert seen["stem"] == seen["head"] == (torch.float32, torch.float32) and raw.dtype == torch.float32
    assert seen["body"][1] == torch.bfloat16
    raw.sum().backward()
    assert {parameter.grad.dtype for parameter in network.parameters()} == {torch.float32}


def test_mixed_precision_is_that_of_inference(tmp_path):
    network = a_moved_network(a_config(tmp_path, precision="bfloat16"))
    noise, x = torch.randn(2, 1, 2, 32, 32, generator=torch.Generator().manual_seed(0)).unbind()
    noise, x = noise[0][:, None], x[0][:, None].clamp(-1, 1)
    with torch.no_grad():
        mixed = network(noise, x)
        network.mixed = None
        exact = network(noise, x)
        body = network.with_body(torch.bfloat16)(noise, x)
    assert 0 < (mixed - exact).std() < 0.05 * exact.std()
    assert (mixed - body).std() < 0.05 * exact.std()


def test_a_run_leaves_curves_and_sample_sheets(tmp_path):
    pytest.importorskip("matplotlib")
    done = []
    config = a_config(tmp_path, phases=SHORT, validate_every=2, sample_every=2)
    train(config, [a_series("one"), a_series("held-out")], progress=lambda *at: done.append(at), **SILENT)
    for name in ("curves.png", "samples/step_00002.png", "samples/step_00004.png", "best.pt", "checkpoint.pt"):
        assert (tmp_path / name).stat().st_size > 1000, name
    assert done == [(n, 4, "train") for n in (1, 2, 3, 4)]
    assert not (tmp_path / "notices.txt").exists(), "nothing to worry about"


def test_the_best_checkpoint_is_the_one_of_the_highest_validation_gain(tmp_path, monkeypatch):
    gains = iter([1.0, 3.0, 2.0, -5.0, -6.0])
    figures = {"worst_db": 0.0, "spread_hu": 1.0, "noise_ratio": 1.0, "bias_hu": 0.0}
    monkeypatch.setattr(ValidationSet, "evaluate", lambda *_: {"gain_db": next(gains), **figures})
    phases = (Phase("a", 3, 32, 2, 1e-3, l1_weight=1.0), Phase("b", 2, 32, 2, 1e-3, temperatures=(1.0,)))
    steps = []
    monkeypatch.setattr(loop, "save_checkpoint", lambda path, state, recipe: steps.append((path.name, state.step)))
    train(a_config(tmp_path, phases=phases, validate_every=1), [a_series("one"), a_series("held-out")], **SILENT)
    best = [step for name, step in steps if name == "best.pt"]
    assert best == [1, 2, 4], "drifting has a best of its own, though it gives up decibels"


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    series = [a_series("one"), a_series("held-out")]
    train(a_config(tmp_path, phases=SHORT), series, **SILENT)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    broken = (*SHORT, replace(SHORT[0], name="more"))

    def not_a_number(generated, *_):
        found = objective(generated, *_)
        return replace(found, loss=found.loss * float("nan"))

    objective = rddm_family.drifting_loss
    monkeypatch.setattr(rddm_family, "drifting_loss", not_a_number)
    with pytest.raises(InputError, match=r"no longer a number at step 5: .*last good checkpoint is kept"):
        train(a_config(tmp_path, phases=broken), series, resume=True, **SILENT)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    with pytest.raises(InputError, match=r"no longer a number at step 1: lower the learning rate\.$"):
        train(a_config(tmp_path / "new", phases=broken), series, **SILENT)


def test_weights_stay_what_they_were_where_the_gradient_is_no_number(tmp_path):
    config = a_config(tmp_path, phases=SHORT)
    state = new_state(config, "cpu")
    before = {name: value.clone() for name, value in state.network.state_dict().items()}
    batch = next(batches(config, [a_series("one")], 0))
    figures = step.take_step(state, replace(batch, low=batch.low * np.nan), config, Alone())
    assert np.isnan(figures["gradient"])
    assert all(torch.equal(value, before[name]) for name, value in state.network.state_dict().items())
    assert np.isfinite(step.take_step(state, batch, config, Alone())["gradient"])
    assert not all(torch.equal(value, before[name]) for name, value in state.network.state_dict().items())


def test_every_process_of_several_has_batches_of_its_own():
    config = a_config(None, phases=SHORT)
    ranks = [[batch.low for batch in batches(config, [a_series("one")], 0, rank)] for rank in (0, 1)]
    again = [batch.low for batch in batches(config, [a_series("one")], 2, 0, threads=3)]
    assert all(np.array_equal(a, b) for a, b in zip(ranks[0][2:], again, strict=True)), "whoever draws them"
    assert not any(np.array_equal(a, b) for a, b in zip(*ranks, strict=True))
