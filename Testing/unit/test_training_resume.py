"""A run goes on where it was, bit for bit, with the recipe that it began with; another may begin with its weights."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import Cancelled, InputError  # noqa: E402
from LDCTDenoiseLib.training.checkpoint import check_start  # noqa: E402
from LDCTDenoiseLib.training.config import Phase  # noqa: E402
from LDCTDenoiseLib.training.export import export  # noqa: E402
from LDCTDenoiseLib.training.loop import train  # noqa: E402

from training_factory import a_config, a_series  # noqa: E402  # isort: skip


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path):
    series = [a_series("one"), a_series("held-out")]
    whole = train(a_config(tmp_path / "whole"), series, report=lambda text: None)
    steps = []

    def cancel() -> bool:
        steps.append(True)
        return len(steps) > 17

    with pytest.raises(Cancelled):
        train(a_config(tmp_path / "parts"), series, report=lambda text: None, cancel=cancel)
    parts = train(a_config(tmp_path / "parts"), series, report=lambda text: None, resume=True)
    for name, value in whole.average.items():
        assert torch.equal(value, parts.average[name]), name


def test_an_earlier_run_is_never_overwritten(tmp_path):
    series = [a_series("one"), a_series("held-out")]
    train(a_config(tmp_path), series, report=lambda text: None)
    with pytest.raises(InputError, match="earlier run"):
        train(a_config(tmp_path), series, report=lambda text: None)
    with pytest.raises(InputError, match="no checkpoint"):
        train(a_config(tmp_path / "empty"), series, report=lambda text: None, resume=True)


def test_a_finished_run_is_resumed_without_a_step_and_exported(tmp_path):
    series = [a_series("one"), a_series("held-out")]
    config = a_config(tmp_path, phases=(Phase("paired", 3, 32, 2, 1e-3, l1_weight=1.0),))
    done = train(config, series, report=lambda text: None)
    again = train(config, series, report=lambda text: pytest.fail(text), resume=True)
    assert again.step == 3 and all(torch.equal(v, again.average[k]) for k, v in done.average.items())
    card = export(config, again, ["one", "held-out"], tmp_path)
    assert (card.version, card.licence, card.intended_use) == ("0.3", "CC0", "None.")
    assert (
        card.training_data.startswith("Slices made for a test: 1 series (one);")
        and "processor cores" in card.training_data
    )


def test_a_run_goes_on_only_with_the_recipe_that_it_began_with(tmp_path):
    series = [a_series("one"), a_series("held-out")]
    first, second = Phase("a", 3, 32, 2, 1e-3, l1_weight=1.0), Phase("b", 6, 32, 2, 1e-3, l1_weight=1.0)
    stop = iter([False] * 5 + [True])
    with pytest.raises(Cancelled):
        train(a_config(tmp_path, phases=(first, second)), series, report=lambda text: None, cancel=lambda: next(stop))

    def resume(*phases: Phase) -> int:
        return train(a_config(tmp_path, phases=phases), series, report=lambda text: None, resume=True).step

    for phases in [(replace(first, steps=2), second), (first, replace(second, batch=3)), (first,)]:
        with pytest.raises(InputError, match="trained with other values"):
            resume(*phases)
    checkpoint = tmp_path / "checkpoint.pt"
    stored = torch.load(checkpoint, weights_only=True)
    assert resume(first, replace(second, steps=4)) == 7, "the phase in progress may change its length"
    older = {**stored, "phases": stored.pop("recipe")["phases"]}
    torch.save(older, checkpoint)  # as the second version wrote it
    with pytest.raises(InputError, match=r"learning_rate 0\.001 then, 0\.1 now"):
        resume(replace(first, learning_rate=0.1), second)
    torch.save(stored, checkpoint)  # and the first
    assert resume(first, second) == 9


def test_a_bad_checkpoint_is_one_sentence(tmp_path):
    series = [a_series("one"), a_series("held-out")]
    phases = (Phase("paired", 2, 32, 2, 1e-3, l1_weight=1.0),)
    config = a_config(tmp_path, phases=phases)
    train(config, series, report=lambda text: None)
    wider = replace(config, network={"width": 64, "multipliers": [0.5, 1], "blocks": 1})
    with pytest.raises(InputError, match="another network"):
        train(wider, series, report=lambda text: None, resume=True)
    checkpoint = tmp_path / "checkpoint.pt"
    for content in (checkpoint.read_bytes()[:1000], b"", b"no checkpoint"):
        checkpoint.write_bytes(content)
        with pytest.raises(InputError, match="is damaged"):
            train(config, series, report=lambda text: None, resume=True)


SILENT = {"report": lambda text: None, "notice": lambda text: None}


def checkpoint_of(folder) -> dict:
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def flat(value, name: str = "") -> dict:
    """Every number and tensor of a checkpoint by its path."""
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: one for k, v in items for key, one in flat(v, f"{name}/{k}").items()}
    return {name: value}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_six_steps_are_three_and_three_more_bit_for_bit(tmp_path, precision):
    """Weights, averages, moments and counters; the stop lies within the second phase, after one change of objective."""
    series = [a_series("one"), a_series("two", slices=3), a_series("held-out")]
    phases = (Phase("a", 2, 32, 2, 1e-3, l1_weight=1.0), Phase("b", 4, 32, 2, 1e-3, 1e-4, temperatures=(1.0,)))

    def run(name: str, stop: int = 99, **options) -> dict:
        count = iter(range(99))
        config = a_config(tmp_path / name, phases=phases, precision=precision, validate_every=2, scale=(0.9, 1.1))
        try:
            train(config, series, cancel=lambda: next(count) == stop, **SILENT, **options)
        except Cancelled:
            assert stop < 6
        return flat(checkpoint_of(tmp_path / name))

    whole, _, parts = run("whole"), run("parts", 3), run("parts", resume=True)
    assert whole.keys() == parts.keys() and whole["/step"] == 6 and whole["/optimizer/state/0/step"] == 4
    for name in whole.keys() - {"/seconds"}:
        same = torch.equal(whole[name], parts[name]) if torch.is_tensor(whole[name]) else whole[name] == parts[name]
        assert same, name
    figures = [(tmp_path / name / "validation.csv").read_text().split("\n") for name in ("whole", "parts")]
    without_seconds = [[line.split(",")[:1] + line.split(",")[2:] for line in lines] for lines in figures]
    assert without_seconds[0] == without_seconds[1] and len(figures[0]) == 5


def test_a_run_goes_on_from_any_of_its_checkpoints(tmp_path):
    series, stop = [a_series("one"), a_series("held-out")], iter([False, False, True])
    config = a_config(tmp_path, phases=(Phase("a", 4, 32, 2, 1e-3, l1_weight=1.0),), validate_every=2)
    with pytest.raises(Cancelled):
        train(config, series, cancel=lambda: next(stop), **SILENT)
    second = (tmp_path / "checkpoint.pt").rename(tmp_path / "second.pt")
    whole = train(config, series, resume=second, **SILENT)
    again = train(config, series, resume=second, **SILENT)
    assert again.step == 4 and all(torch.equal(v, again.average[k]) for k, v in whole.average.items())
    steps = [line.split(",")[0] for line in (tmp_path / "validation.csv").read_text().splitlines()]
    assert steps == ["step", "2", "4"], "what came after the checkpoint is written once"
    assert train(config, series, resume=tmp_path / "best.pt", **SILENT).step == 4


CHANGES = {
    "dose": (0.1, 0.2), "seed": 5, "ema": 0.5, "precision": "bfloat16", "sampling": "series", "shift": 3,
    "scale": (0.9, 1.1), "noise_input": 0.5,
    "usual_dose": 0.25, "most_noise": 20.0, "shapes": 0.1, "whole_dose": 0.1,
}  # fmt: skip


@pytest.mark.parametrize("key", CHANGES)
def test_another_recipe_is_refused_and_named(tmp_path, key):
    series = [a_series("one"), a_series("held-out")]
    config = a_config(tmp_path, phases=(Phase("a", 1, 32, 2, 1e-3, l1_weight=1.0),))
    train(config, series, **SILENT)
    check_start(config, ["one", "held-out"], resume=True)
    with pytest.raises(InputError, match=rf"trained with other values .*\({key} .* then, .* now\)"):
        check_start(replace(config, **{key: CHANGES[key]}), ["one", "held-out"], resume=True)


def test_other_series_devices_and_networks_are_refused_before_noise_is_prepared(tmp_path):
    series = [a_series("one"), a_series("held-out")]
    config = a_config(tmp_path, phases=(Phase("a", 1, 32, 2, 1e-3, l1_weight=1.0),))
    train(config, series, **SILENT)
    with pytest.raises(InputError, match=r"series \['one'\] then, \['one', 'two'\] now"):
        check_start(config, ["one", "two", "held-out"], resume=True)
    with pytest.raises(InputError, match="devices 1 then, 2 now"):
        check_start(config, ["one", "held-out"], 2, resume=True)
    with pytest.raises(InputError, match="another network"):
        check_start(replace(config, network={"width": 64, "multipliers": [0.5, 1]}), ["one", "held-out"], resume=True)


def test_the_command_refuses_before_it_prepares_noise(tmp_path, monkeypatch):
    from LDCTDenoiseLib.cli import main
    from LDCTDenoiseLib.training import noise_bank

    def prepared(*_):
        raise AssertionError("noise was prepared")

    monkeypatch.setattr(noise_bank, "load_series", prepared)
    data = tmp_path / "data"
    data.mkdir()
    (data / "one.ctz").touch()
    train(a_config(tmp_path / "run", phases=(Phase("a", 1, 32, 2, 1e-3, l1_weight=1.0),)), [a_series("one")], **SILENT)
    for more in ([], ["--resume"], ["--folder", str(tmp_path / "new"), "--resume"]):
        arguments = ["train", "rddm-smooth", "--data", str(data), "--validation", "none", "--progress", "none"]
        assert main([*arguments, "--folder", str(tmp_path / "run"), *more]) == 2


def test_a_variant_begins_with_the_paired_phases_of_another_run(tmp_path):
    series = [a_series("one"), a_series("held-out")]
    paired = Phase("paired", 3, 32, 2, 1e-3, l1_weight=1.0)
    drifting = Phase("drifting", 2, 32, 2, 1e-4, temperatures=(1.0,))
    first = train(a_config(tmp_path / "first", phases=(paired,)), series, **SILENT)
    begin, said = tmp_path / "first" / "checkpoint.pt", []
    config = a_config(tmp_path / "second", phases=(paired, drifting), begin=begin)
    second = train(config, series, report=said.append)
    assert second.step == 5 and "whose 3 steps are the first of this run" in said[0]
    assert second.seconds > first.seconds and second.origin == "begun with first/checkpoint.pt after 3 steps"
    assert train(config, series, resume=True, **SILENT).origin == second.origin
    assert "begun with first/checkpoint.pt" in export(config, second, ["one", "held-out"], tmp_path).training_data
    stopped = train(replace(config, folder=tmp_path / "only", phases=(paired,)), series, **SILENT)
    assert all(torch.equal(v, stopped.average[k]) for k, v in first.average.items()), "nothing is left to train"
    other = train(replace(config, folder=tmp_path / "third", phases=(drifting,)), series, report=said.append)
    assert other.step == 2 and any("all phases are still to come" in text for text in said)


def test_weights_to_begin_with_must_fit(tmp_path):
    series = [a_series("one"), a_series("held-out")]
    config = a_config(tmp_path / "first", phases=(Phase("a", 1, 32, 2, 1e-3, l1_weight=1.0),))
    card = export(config, train(config, series, **SILENT), ["one"], tmp_path / "first")
    weights = tmp_path / "first" / card.weights
    assert train(replace(config, folder=tmp_path / "second", begin=weights), series, **SILENT).step == 1
    wider = replace(config, network={"width": 64, "multipliers": [0.5, 1], "blocks": 1}, folder=tmp_path / "third")
    (tmp_path / "text.safetensors").write_text("text")
    for begin, sentence in (
        (weights, "another network"), (tmp_path / "first" / "checkpoint.pt", "another network"),
        (tmp_path / "text.safetensors", "safetensors"), (tmp_path / "gone.pt", "no checkpoint"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=sentence):
            train(replace(wider, begin=begin), series, **SILENT)
    assert not (tmp_path / "third").exists()
