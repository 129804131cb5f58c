"""Data, configuration and loop of the laboratory, on slices made for the test."""

import json
import lzma
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import Cancelled, InputError  # noqa: E402
from LDCTDenoiseLib.networks import RDDMUNet  # noqa: E402
from LDCTDenoiseLib.training import noise_bank  # noqa: E402
from LDCTDenoiseLib.training.config import Phase, TrainingConfig  # noqa: E402
from LDCTDenoiseLib.training.ctz import read_ctz  # noqa: E402
from LDCTDenoiseLib.training.data import DoseSpread, PatchSampler  # noqa: E402
from LDCTDenoiseLib.training.export import export  # noqa: E402
from LDCTDenoiseLib.training.loop import train  # noqa: E402
from LDCTDenoiseLib.training.noise_bank import NoisySeries, load_series, make_noise  # noqa: E402
from LDCTDenoiseLib.training.validation import ValidationSet  # noqa: E402

from parity import SHARED  # noqa: E402  # isort: skip


def a_series(name: str = "patient", level: float = 10.0, slices: int = 6) -> NoisySeries:
    rng = np.random.default_rng(sum(name.encode()))
    x = np.arange(64)
    normal = (
        40
        + 60 * np.sin(x / 9 + np.arange(slices)[:, None, None] + np.zeros((64, 1)))
        + rng.normal(0, level, (slices, 64, 64))
    )
    noise = rng.standard_normal((slices, 2, 64, 64)).astype(np.float16)
    return NoisySeries(name, normal.astype(np.int16), noise, np.full(slices, level, np.float32))


def a_config(folder: Path, **changes) -> TrainingConfig:
    phases = (
        Phase("paired", 20, 32, 4, 2e-3, l1_weight=1.0),
        Phase("drifting", 10, 32, 4, 1e-4, 1e-5, temperatures=(0.2, 1.0)),
    )
    config = TrainingConfig(
        id="tiny", title="Tiny", description="For a test.", version="0.3", licence="CC0",
        training_source="slices made for a test", intended_use="None.", series=(), validation=("held-out",),
        network={"width": 32, "multipliers": [0.5, 1], "blocks": 1}, phases=phases, precision="float32",
        validate_every=15, folder=folder,
    )  # fmt: skip
    return replace(config, **changes)


def test_inserted_noise_has_the_variance_that_the_dose_asks_for():
    sampler = PatchSampler([a_series()], 64, 64, DoseSpread((0.25, 0.25), extra=0.0))
    low, normal = sampler.draw(np.random.default_rng(0))
    assert (low - normal).std() == pytest.approx(10 * np.sqrt(3), rel=0.05)


def test_the_expected_target_is_the_mean_of_the_sampled_ones():
    """Given the low dose, the noise of a sampled target scatters around the share of it that the target keeps."""
    spread = DoseSpread((0.25, 0.25), extra=2.0)

    def regression(expected: bool) -> float:
        """Slope of the target on the low dose: how much of what the low dose shows the target keeps."""
        sampler = PatchSampler([a_series(level=20)], 64, 200, spread, expected_target=expected)
        low, normal = (half - half.mean() for half in sampler.draw(np.random.default_rng(1)))
        return float(np.sum(low * normal) / np.sum(low**2))

    assert regression(True) == pytest.approx(regression(False), abs=0.03)


def test_patches_of_air_are_rare():
    series = a_series()
    series.normal_dose[:3] = -1000
    low, _ = PatchSampler([series], 32, 200).draw(np.random.default_rng(0))
    assert (low.mean(axis=(1, 2, 3)) < -800).mean() < 0.2


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


def encode_ctz(stack: np.ndarray, meta: dict) -> bytes:
    """The inverse of the reader, without a wavelet level: one band, stored as differences along a row."""
    values = np.diff(stack.astype(np.int32), axis=-1, prepend=0)
    zigzag = ((values << 1) ^ (values >> 31)).astype(np.uint16)
    planes = [
        lzma.compress((zigzag >> 8).astype(np.uint8).tobytes()),
        lzma.compress((zigzag & 255).astype(np.uint8).tobytes()),
    ]
    header = json.dumps({"shape": stack.shape, "levels": 0, "sizes": [len(p) for p in planes], "meta": meta}).encode()
    return b"CTZ1" + struct.pack("<I", len(header)) + header + b"".join(planes)


def test_a_ctz_stack_is_read_and_a_damaged_one_is_refused(tmp_path):
    stack = np.random.default_rng(0).integers(-1024, 3071, (2, 8, 8)).astype(np.int16)
    file = tmp_path / "köpf 1.ctz"
    file.write_bytes(encode_ctz(stack, {"spacing": [0.5, 0.5, 3.0]}))
    volume = read_ctz(file)
    np.testing.assert_array_equal(volume.hu, stack)
    assert volume.spacing == (0.5, 0.5, 3.0)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match="not a whole"):
        read_ctz(file)


def test_real_stacks_are_read_as_their_own_decoder_reads_them():
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the research data are not on this machine")
    import importlib.util

    spec = importlib.util.spec_from_file_location("ctz_of_the_data", folder / "ctz.py")
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    file = folder / "test" / "GE-HiSpeed-head-tilt.ctz"
    np.testing.assert_array_equal(read_ctz(file).hu, theirs.decode(file.read_bytes())[0])


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
    del stored["phases"]
    torch.save(stored, checkpoint)  # as the first version wrote it
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


def test_what_cannot_be_trained_is_said_first(tmp_path):
    series = [a_series("one"), a_series("held-out")]

    def refused(device: str = "cpu", **changes) -> str:
        with pytest.raises(InputError) as refusal:
            train(a_config(tmp_path / "run", **changes), series, device=device)
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


def test_prepared_noise_belongs_to_one_file_and_is_made_anew_when_damaged(tmp_path, monkeypatch):
    made = []

    def make(volume, seed, progress=None):
        made.append(seed)
        return make_noise(volume, seed, progress)

    monkeypatch.setattr(noise_bank, "make_noise", make)
    stack = np.random.default_rng(0).normal(40, 20, (1, 64, 64)).astype(np.int16)
    file, cache = tmp_path / "a.CTZ", tmp_path / "cache"
    file.write_bytes(encode_ctz(stack, {"spacing": [0.5, 0.5, 3.0]}))
    series = load_series(file, cache)
    load_series(file, cache)
    assert series.name == "a" and len(made) == 1
    np.testing.assert_array_equal(series.normal_dose, stack)
    del series
    for damaged in sorted(cache.iterdir()):
        damaged.write_bytes(damaged.read_bytes()[:-8])
        load_series(file, cache)
    assert len(made) == 4 and len(list(cache.iterdir())) == 3
    file.write_bytes(encode_ctz(stack + 1, {"spacing": [0.5, 0.5, 3.0]}))
    os.utime(file, (1, 1))
    np.testing.assert_array_equal(load_series(file, cache).normal_dose, stack + 1)
