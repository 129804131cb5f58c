"""Both stages of FoundDiff train, go on bit for bit, and leave what their readers understand."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import Cancelled, InputError  # noqa: E402
from LDCTDenoiseLib.methods import load_denoiser  # noqa: E402
from LDCTDenoiseLib.methods.founddiff import to_network  # noqa: E402
from LDCTDenoiseLib.networks import DADiffUNet, noisy_state  # noqa: E402
from LDCTDenoiseLib.networks.perception_readout import PerceptionReadout  # noqa: E402
from LDCTDenoiseLib.training.config import Phase  # noqa: E402
from LDCTDenoiseLib.training.config_file import find_config, read_config  # noqa: E402
from LDCTDenoiseLib.training.distributed import Alone  # noqa: E402
from LDCTDenoiseLib.training.export import export  # noqa: E402
from LDCTDenoiseLib.training.founddiff_family import drawn_times  # noqa: E402
from LDCTDenoiseLib.training.loop import train  # noqa: E402
from LDCTDenoiseLib.training.state import averaged_network, check_run, new_state  # noqa: E402
from LDCTDenoiseLib.weights.cards import Card  # noqa: E402
from LDCTDenoiseLib.weights.store import load_state_dict, save_weights  # noqa: E402

from founddiff_factory import SERIES, a_founddiff_config, a_perception_config, some_series  # noqa: E402  # isort: skip

SILENT = {"report": lambda text: None, "notice": lambda text: None}


@pytest.fixture(scope="module")
def perception(tmp_path_factory):
    """The weights that a short first stage leaves."""
    folder = tmp_path_factory.mktemp("perception")
    config, series = a_perception_config(folder), some_series()
    export(config, train(config, series, **SILENT), list(SERIES), folder, series)
    return folder / "tiny-perception.safetensors"


def configured(stage: str, folder, perception, **changes):
    make = {"perception": a_perception_config, "founddiff": lambda f, **c: a_founddiff_config(f, perception, **c)}
    return make[stage](folder, **changes)


def flat(value, name: str = "") -> dict:
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: one for k, v in items for key, one in flat(v, f"{name}/{k}").items()}
    return {name: value}


@pytest.mark.parametrize("stage", ["perception", "founddiff"])
def test_five_steps_are_three_and_two_more_bit_for_bit(tmp_path, perception, stage):
    series = some_series()

    def run(name: str, stop: int = 99, **options) -> dict:
        count = iter(range(99))
        config = configured(stage, tmp_path / name, perception)
        try:
            train(config, series, cancel=lambda: next(count) == stop, **SILENT, **options)
        except Cancelled:
            assert stop < 5
        return flat(torch.load(tmp_path / name / "checkpoint.pt", weights_only=True))

    whole, _, parts = run("whole"), run("parts", 3), run("parts", resume=True)
    assert whole.keys() == parts.keys() and whole["/step"] == 5 and whole["/recipe/family"] == stage
    for name in whole.keys() - {"/seconds"}:
        same = torch.equal(whole[name], parts[name]) if torch.is_tensor(whole[name]) else whole[name] == parts[name]
        assert same, name


def test_perception_learns_and_is_judged_by_doses_and_anatomies(tmp_path):
    phases = (Phase("a", 75, 32, 8, 3e-3, warmup=5, paired="contrast"),)
    config, series = a_perception_config(tmp_path, phases=phases, validate_every=75, ema=0.9), some_series()
    state = train(config, series, **SILENT)
    steps = [line.split(",") for line in (tmp_path / "log.csv").read_text().splitlines()]
    assert steps[0] == ["step", "seconds", "loss", "rank", "contrast", "prompt", "gradient"]
    assert float(steps[-1][2]) < 0.95 * float(steps[1][2])
    figures = state.family.validation(series[3:], series[:3]).evaluate(averaged_network(state))
    assert figures.keys() == {"dose_rank", "volume_rank", "slice_rank", "dose_factor", "anatomy_right", "score"}
    assert state.best["score"] == pytest.approx(figures["score"])


def test_the_doses_of_scaled_slices_do_not_count(tmp_path):
    config = a_perception_config(tmp_path, scale=(0.8, 1.2))
    state = new_state(config, "cpu")
    batch = next(iter(state.family.batches(some_series(), 0, 0, 1)))
    assert batch.scaled == len(batch.divisors) // 2 > 0

    def figures(divisors):
        state.network.load_state_dict(start)
        return state.family.backward(state, replace(batch, divisors=divisors), Alone("cpu"))

    start = {name: value.clone() for name, value in state.network.state_dict().items()}
    state.step = 1  # embeddings are spread at the first step only
    usual = figures(batch.divisors)
    other_scaled, other_ranked = batch.divisors.copy(), batch.divisors.copy()
    other_scaled[: batch.scaled] = other_scaled[: batch.scaled][::-1] * 7
    other_ranked[batch.scaled :] = np.geomspace(1, 20, len(batch.divisors) - batch.scaled)[::-1]
    for name in ("rank", "prompt"):
        assert torch.equal(figures(other_scaled)[name], usual[name])
        assert not torch.allclose(figures(other_ranked)[name], usual[name], atol=1e-4)
    assert torch.equal(figures(other_scaled)["contrast"], usual["contrast"]), "anatomies count all"


def test_the_text_tower_is_frozen_and_the_prompts_learn(tmp_path):
    config = a_perception_config(tmp_path)
    before = {name: value.clone() for name, value in new_state(config, "cpu").network.state_dict().items()}
    state = train(config, some_series(), **SILENT)
    after = state.network.state_dict()
    counters = [name for name in after if name.endswith("num_batches_tracked")]
    assert counters and all(state.average[name] == after[name] > 0 for name in counters), "counters are no averages"
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    text = {name for name in moved if "visual" not in name and not name.startswith("head")}
    assert text == {"prompt_learner.ctx"} and "head1.0.weight" in moved and "head2.0.weight" in moved


def test_what_the_first_stage_leaves_reads_embeddings(perception):
    card = Card.from_file(perception.with_suffix(".json"))
    assert card.network["anatomies"] == ["body", "head"] and "text" not in card.network["perception"]
    tensors = load_state_dict(card)
    assert not any("prompt_learner" in name or "transformer" in name for name in tensors)
    start = "perception_readout."
    readout = PerceptionReadout.from_state_dict(
        {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
    )
    dose, anatomy = (torch.nn.functional.normalize(torch.randn(3, n), dim=1) for n in (16, 8))
    log_dose, chances = readout(dose, anatomy)
    assert log_dose.shape == (3,) and chances.shape == (3, 2) and torch.allclose(chances.sum(1), torch.ones(3))
    assert torch.allclose(readout.centres.norm(dim=1), torch.ones(2), atol=1e-3)


@pytest.mark.parametrize("conditioning", [True, False])
def test_the_second_stage_leaves_one_file_that_denoises(tmp_path, perception, conditioning):
    network = {"dim": 8, "multipliers": [1, 2], "fold": 2, "conditioning": conditioning}
    config = a_founddiff_config(tmp_path, perception if conditioning else None, network=network)
    series = some_series()
    state = train(config, series, **SILENT)
    card = export(config, state, list(SERIES), tmp_path, series)
    assert (card.family, card.hu_window, card.steps) == ("founddiff", (-1000.0, 2000.0), 2)
    assert card.network["start"] == "consistent" and ("perception" in card.network) == conditioning
    assert ("Its perception: Slices made for a test" in card.training_data) == conditioning
    method = load_denoiser(card)
    slices = np.random.default_rng(0).normal(0, 30, (2, 40, 48)).astype(np.float32)
    assert method.denoise(slices, seeds=[1, 2]).shape == slices.shape
    if conditioning:
        dose, anatomy = method.perceive(slices)
        assert dose.shape == (2, 16) and anatomy.shape == (2, 8) and card.network["anatomies"] == ["body", "head"]


def test_what_ships_is_what_was_validated(tmp_path, perception):
    phases = (Phase("a", 3, 32, 2, 3e-3, warmup=0, paired="decibel"),)
    config, series = a_founddiff_config(tmp_path, perception, phases=phases), some_series()
    state = train(config, series, **SILENT)
    low, output, _ = state.family.validation(series[3:], series[:3]).images(averaged_network(state), 1, draw=5)
    method = load_denoiser(export(config, state, list(SERIES), tmp_path, series))
    from LDCTDenoiseLib.networks import sample_residual_diffusion

    x = to_network(torch.from_numpy(low[None, None].copy()))
    noise = torch.from_numpy(np.random.default_rng([1, 5]).standard_normal(x.shape, np.float32))
    with torch.no_grad():
        y = sample_residual_diffusion(method._unet, x, noise, *method._perception(x), 2, "consistent")
    assert np.abs((y[0, 0].numpy() + 1) * 1500 - 1000 - output).max() < 2.0, "but for float16"


def test_a_batch_without_noise_is_no_alarm(tmp_path, perception):
    config = a_founddiff_config(tmp_path, perception)
    state = new_state(config, "cpu")
    batch = next(iter(state.family.batches(some_series(), 0, 0, 1)))
    noisy = state.family.backward(state, batch, Alone("cpu"))["residual"]
    silent = state.family.backward(state, replace(batch, low=batch.normal), Alone("cpu"))["residual"]
    assert 0 < float(noisy) < 3 and float(silent) < 20, "and not a million"


def test_the_loss_is_the_error_of_the_residual_of_the_noisy_state(tmp_path, perception):
    """Written out for a batch in two parts, with the same noise and times; the gradient is that of the whole batch."""
    phases = (Phase("a", 1, 32, 4, 1e-3, paired="mse"),)
    config = a_founddiff_config(tmp_path, perception, phases=phases, options={"accumulate": 2, "used_times": 0.5})
    state = new_state(config, "cpu")
    batch = next(state.family.batches(some_series()[:3], 0, 0, 1))
    looked_at = []
    state.family.perception.network.register_forward_pre_hook(lambda _, inputs: looked_at.append(inputs[0]))
    found = state.family.backward(state, batch, Alone())
    gradient = [p.grad.clone() for p in state.network.parameters()]
    rng = np.random.default_rng([config.seed, 0, 0])
    noise = torch.from_numpy(rng.standard_normal(batch.low.shape, np.float32))
    t = torch.from_numpy(drawn_times(4, 0.5, 2, rng))
    low, normal = (torch.from_numpy(np.clip(hu, -1000, 2000) / 1500 - 1 / 3) for hu in (batch.low, batch.normal))
    assert torch.allclose(torch.cat(looked_at), low, atol=1e-6), "perception sees the low dose, each part its own"
    state.network.zero_grad()
    kept = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))[t]
    dose, anatomy = state.family.perception.network(low)
    x = torch.cat([noisy_state(normal, low, noise, t), low], dim=1)
    predicted = state.network(x, torch.from_numpy(1000 * (1 - np.sqrt(kept))).float(), dose, anatomy)
    loss = (predicted - (low - normal)).square().mean()
    loss.backward()
    assert float(found["loss"]) == pytest.approx(float(loss), rel=1e-4)
    for one, parameter in zip(gradient, state.network.parameters(), strict=True):
        assert torch.allclose(one, parameter.grad, rtol=1e-3, atol=1e-5 * float(parameter.grad.abs().max()) + 1e-9)


def test_a_network_without_perception_is_told_nothing(tmp_path):
    network = {"dim": 8, "multipliers": [1, 2], "fold": 2, "conditioning": False}
    state = new_state(a_founddiff_config(tmp_path, None, network=network), "cpu")
    assert state.family.perception is None and not any("prompt" in name for name in state.average)


def test_times_are_mostly_those_of_the_sampler_where_that_is_asked():
    rng = np.random.default_rng(0)
    all_alike, used = drawn_times(20000, 0.0, 2, rng), drawn_times(20000, 0.8, 2, rng)
    assert (all_alike.min(), all_alike.max()) == (0, 999) and abs(all_alike.mean() - 499.5) < 10
    assert np.isin(used, (999, 499)).mean() == pytest.approx(0.8, abs=0.01)
    assert (used == 999).mean() == pytest.approx(0.4, abs=0.02)
    assert set(drawn_times(100, 1.0, 5, rng)) == {999, 799, 599, 399, 199}


def test_only_the_doses_that_are_to_be_seen_are_seen(tmp_path):
    network = {"dim": 8, "multipliers": [1, 2], "fold": 2, "conditioning": False}
    config = a_founddiff_config(
        tmp_path, None, network=network, most_noise=0.0, phases=(Phase("a", 9, 64, 4, 1e-3, paired="mse"),)
    )
    series = [s for s in some_series() if s.name == "head"]  # noise of 15 HU, and no HU that are clipped
    noise = [np.std(b.low - b.normal, axis=(1, 2, 3)) for b in new_state(config, "cpu").family.batches(series, 0, 0, 1)]
    factor = np.concatenate(noise) / 15
    assert {round(1 / (1 + float(f) ** 2), 2) for f in factor} <= {0.49, 0.5, 0.51, 0.1}


def test_the_published_average_is_a_copy_and_then_moves_every_ten_steps(tmp_path):
    network = {"dim": 8, "multipliers": [1, 2], "fold": 2, "conditioning": False}
    config = a_founddiff_config(tmp_path, None, network=network, options={"average": "published"}, ema=0.995)
    decay = new_state(config, "cpu").family.decay
    assert [decay(step) for step in (0, 8, 9, 99)] == [None, None, 0.0, 0.0]
    assert decay(109) == pytest.approx(1 - 10 ** (-2 / 3)) and decay(110) is None and decay(99999) == 0.995


def test_what_cannot_be_is_said_before_anything_is_computed(tmp_path, perception):
    def refusal(make, *args, **changes) -> str:
        with pytest.raises(InputError) as error:
            check_run(make(tmp_path, *args, **changes), "cpu")
        return str(error.value)

    assert "train founddiff-perception first" in refusal(a_founddiff_config, None)
    assert "could not be read" in refusal(a_founddiff_config, tmp_path / "gone.pt")
    (tmp_path / "text.pt").write_text("text")
    assert "no checkpoint of a perception" in refusal(a_founddiff_config, tmp_path / "text.pt")
    assert "no multiple of 4" in refusal(
        a_founddiff_config, perception, phases=(Phase("a", 1, 34, 2, 1e-3, paired="mse"),)
    )
    assert "has no objective contrast" in refusal(
        a_founddiff_config, perception, phases=(Phase("a", 1, 32, 2, 1e-3, paired="contrast"),)
    )
    for option in (
        {"doses": [1.5]},
        {"steps": 0},
        {"start": "none"},
        {"used_times": 2},
        {"accumulate": 0},
        {"average": 1},
    ):
        assert f"not right: {next(iter(option))} is not" in refusal(a_founddiff_config, perception, options=option)
    assert "has no options depth" in refusal(a_founddiff_config, perception, options={"depth": 3})
    assert "lack: anatomy" in refusal(a_perception_config, options={})
    for anatomy in ({}, 3, {"a": 3}, {"a": [[3, 1, "head"]]}, {"a": "head"}):
        assert "anatomy" in refusal(a_perception_config, options={"anatomy": anatomy})
    labels = {"anatomy": {"a": "head", "b": "body"}}
    for option in ({"divisors": [0.5, 1]}, {"rank_by": "x"}, {"weights": [1]}, {"temperatures": [0, 1]}):
        assert f"not right: {next(iter(option))} is not" in refusal(a_perception_config, options=labels | option)


def test_labels_must_be_of_the_series_at_hand(tmp_path):
    table = {"body-*": "body", "held-out": "head"}
    with pytest.raises(InputError, match="No slice to train on is labelled head"):
        train(a_perception_config(tmp_path, options={"anatomy": table}), some_series(), **SILENT)


def test_another_perception_is_another_run(tmp_path, perception):
    config = a_founddiff_config(tmp_path / "run", perception, phases=(Phase("a", 1, 32, 2, 1e-3, paired="mse"),))
    train(config, some_series(), **SILENT)
    card = Card.from_file(perception.with_suffix(".json"))
    tensors = load_state_dict(card)
    save_weights(tmp_path, card, {**tensors, "perception.head1.0.bias": tensors["perception.head1.0.bias"] + 1})
    with pytest.raises(InputError, match=r"perception .* then, .* now"):
        train(replace(config, perception=tmp_path / perception.name), some_series(), resume=True, **SILENT)


def test_a_checkpoint_of_the_first_stage_will_do_but_has_no_readout(tmp_path, perception):
    config = a_founddiff_config(
        tmp_path, perception.parent / "checkpoint.pt", phases=(Phase("a", 1, 32, 2, 1e-3, paired="mse"),)
    )
    card = export(config, train(config, some_series(), **SILENT), list(SERIES), tmp_path, [])
    assert "anatomies" not in card.network and "5 steps on 3 series" in card.training_data


SHIPPED = ("founddiff", "founddiff-plain", "founddiff-full", "founddiff-perception", "founddiff-perception-full")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_configurations_are_right(tmp_path, name, perception):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.ctz").touch()
    config = read_config(find_config(name), tmp_path / "data", validation=(), perception=perception)
    assert config.id == name and config.family == ("perception" if "perception" in name else "founddiff")
    if "full" not in name:  # two hundred million weights
        check_run(config, "cpu")


def test_the_compact_pair_has_at_most_five_million_weights(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.ctz").touch()
    stage1, stage2 = (read_config(find_config(n), tmp_path / "data", validation=()) for n in (SHIPPED[3], SHIPPED[0]))
    from LDCTDenoiseLib.networks import DACLIP

    arguments = {k: v for k, v in stage1.network.items() if k != "text"}
    widths = {"dose_features": arguments["embed"], "anatomy_features": arguments["anatomy_features"]}
    networks = DACLIP(**arguments), DADiffUNet(**stage2.network, **widths)
    assert sum(p.numel() for n in networks for p in n.parameters()) <= 5e6


def test_full_is_the_recipe_of_the_authors(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.ctz").touch()
    config = read_config(find_config("founddiff-full"), tmp_path / "data", validation=())
    (phase,) = config.phases
    assert config.network == {"dim": 64, "multipliers": [1, 2, 4, 8], "fold": 1}
    assert (phase.batch, config.options["accumulate"], phase.patch, phase.paired) == (4, 2, 512, "mse")
    assert phase.rate(0) == phase.rate(399999) == 2e-4 and config.precision == "float32"
    assert (config.ema, config.options["average"], config.most_noise, config.noise_input) == (
        0.995,
        "published",
        0,
        1.0,
    )
    assert config.options["doses"] == [0.5, 0.25, 0.16666667, 0.1] and "used_times" not in config.options
