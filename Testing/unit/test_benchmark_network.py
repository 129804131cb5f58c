"""ldct-denoise benchmark with a network, in true processes; and the networks of random weights."""

import csv

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import CTVolume, write_volume  # noqa: E402
from LDCTDenoiseLib.cli import main  # noqa: E402
from LDCTDenoiseLib.commands.benchmark import random_models  # noqa: E402
from LDCTDenoiseLib.commands.benchmark.slices import made_slices  # noqa: E402


def test_a_network_is_timed_compared_and_profiled(tmp_path, capsys):
    write_volume(CTVolume(made_slices(2).hu[:, 192:320, 192:320]), tmp_path / "v.nrrd")
    words = ["--models", "rddm-balanced", "--precision", "float32", "--alone", "--on", str(tmp_path / "v.nrrd")]
    words += ["--rounds", "1", "--slices", "2", "--device", "cpu", "--profile", "--files", "0"]
    assert main(["benchmark", *words, "--csv", str(tmp_path / "t.csv")]) == 0
    said = capsys.readouterr().out
    assert "128×128×2, of the volume given" in said and "Measured peaks" in said and "under the profiler" in said
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        plain, quick = csv.DictReader(file)
    assert (plain["way"], float(plain["max_hu"])) == ("plain", 0)
    assert quick["way"] == "quick" and 0 <= float(quick["mean_hu"]) <= float(quick["max_hu"]) < 8
    assert float(quick["floor_roofline_s"]) > 0 and float(quick["profiled_convolution_s"]) > 0


@pytest.fixture
def small(monkeypatch):
    """The networks of the authors, made small."""
    from LDCTDenoiseLib import networks

    for kind, arguments in (
        ("RDDMUNet", {"width": 16, "multipliers": (1, 2), "blocks": 1}),
        ("DADiffUNet", {"dim": 8, "multipliers": (1, 2), "dose_features": 16, "anatomy_features": 8}),
        ("DACLIP", {"embed": 16, "layers": [1, 1], "width": 8, "anatomy_features": 8}),
    ):
        made = getattr(networks, kind)
        monkeypatch.setattr(networks, kind, lambda made=made, arguments=arguments: made(**arguments))


@pytest.mark.parametrize("id", random_models.RANDOM)
def test_random_weights_have_the_residual_of_trained_ones(tmp_path, small, id):
    from LDCTDenoiseLib.methods import load_denoiser

    random_models.save_random_models(tmp_path / "models", [id])
    denoiser = load_denoiser(random_models.random_card(tmp_path / "models", id))
    if hasattr(denoiser, "steps"):
        assert denoiser.steps == 2
        denoiser.steps = 1
    noisy = np.random.default_rng(0).normal(40, 60, (1, 128, 128)).astype(np.float32)
    residual = denoiser.denoise(noisy, seeds=[0]) - noisy
    assert 15 < np.sqrt(np.mean(residual**2)) < 60 and np.unique(residual).size > 1000


def test_random_weights_are_the_same_each_time(tmp_path, small):
    for folder in ("a", "b"):
        random_models.save_random_models(tmp_path / folder, [random_models.AUTHORS])
    a, b = ((tmp_path / folder / "authors-network.safetensors").read_bytes() for folder in ("a", "b"))
    assert a == b
