"""Data, configuration and loop of the laboratory, on slices made for the test."""

import json
import lzma
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import Cancelled, InputError  # noqa: E402
from LDCTDenoiseLib.training.config import Phase, TrainingConfig, read_config  # noqa: E402
from LDCTDenoiseLib.training.ctz import read_ctz  # noqa: E402
from LDCTDenoiseLib.training.data import DoseSpread, PatchSampler  # noqa: E402
from LDCTDenoiseLib.training.loop import train  # noqa: E402
from LDCTDenoiseLib.training.noise_bank import NoisySeries  # noqa: E402
from LDCTDenoiseLib.training.pairs import find_pairs, read_pairs  # noqa: E402

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
        id="tiny", title="Tiny", description="For a test.", series=(), validation=("held-out",),
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


def test_a_configuration_is_checked_before_anything_is_computed(tmp_path):
    text = 'id="x"\ntitle="X"\ndescription="d"\nvalidation=[]\n[network]\nwidth=32\n'
    config = tmp_path / "x.toml"
    (tmp_path / "data").mkdir()
    config.write_text(text)
    with pytest.raises(InputError, match="no CT series"):
        read_config(config)
    (tmp_path / "data" / "a.ctz").touch()
    assert read_config(config).series[0].name == "a.ctz"
    config.write_text("wrong = 1\n" + text)
    with pytest.raises(InputError, match="unknown entries: wrong"):
        read_config(config)
    config.write_text(text.replace("validation=[]", 'validation=["b"]'))
    with pytest.raises(InputError, match="No series is named b"):
        read_config(config)
    config.write_text("id = ")
    with pytest.raises(InputError, match="not valid TOML"):
        read_config(config)
    with pytest.raises(InputError, match="cannot be read"):
        read_config(tmp_path / "none.toml")


def test_pairs_are_found_and_bad_ones_named(tmp_path):
    slice_hu = np.zeros((4, 4), np.int16)
    np.savez(tmp_path / "a.npz", ld=slice_hu + 5, nd=slice_hu, spacing=np.array([0.7, 0.7]))
    (pair,) = read_pairs(find_pairs(tmp_path))
    assert pair.name == "a" and pair.low.hu.mean() == 5 and pair.low.spacing[:2] == (0.7, 0.7)
    np.savez(tmp_path / "b.npz", ld=slice_hu, spacing=np.array([0.7, 0.7]))
    with pytest.raises(InputError, match=r"b\.npz does not hold a pair"):
        list(read_pairs(find_pairs(tmp_path)))
    with pytest.raises(InputError, match="no pairs"):
        find_pairs(tmp_path / "nowhere")
