"""ldct-denoise benchmark --founddiff: a row for each network, scan and precision."""

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.cli import main  # noqa: E402
from LDCTDenoiseLib.commands import benchmark  # noqa: E402
from LDCTDenoiseLib.commands.benchmark import founddiff, where  # noqa: E402
from LDCTDenoiseLib.networks import dadiff_blocks  # noqa: E402

TINY = {
    "unet": {"dim": 8, "multipliers": [1, 2], "fold": 2, "dose_features": 16, "anatomy_features": 8},
    "perception": {"embed": 16, "layers": [1, 1], "width": 8, "anatomy_features": 8},
}


def test_every_way_has_a_row_for_both_networks(monkeypatch, capsys):
    asked, said = [], []

    def measured(command, otherwise):
        asked.append(tuple(command[3:6]))
        return {"parameters": 4_600_000, "perceive": 0.25, "evaluate": 1.5, "peak_mb": 450.0}

    monkeypatch.setattr(founddiff, "in_own_process", measured)
    monkeypatch.setattr(benchmark, "_known", lambda device: {"torch": "2.2"})
    monkeypatch.setattr(where.Line, "now", lambda line, text: said.append(text))
    assert main(["benchmark", "--founddiff"]) == 0
    text = capsys.readouterr().out
    assert asked == founddiff.ROWS and {size for size, _, _ in asked} == {"founddiff", "published"}
    assert text.count("     3.25      450") == len(asked)  # perception once, the network twice
    assert "perceive: dose and\nanatomy" in text and "evaluate: the denoising network once" in text
    assert [" ".join(row) in told for row, told in zip(asked, said, strict=True)] == [True] * len(asked)
    assert ["minutes" in told for told in said] == [scan == "loop" for _, scan, _ in asked]


@pytest.mark.parametrize("option", ["--founddiff", "--scan"])
def test_a_device_that_is_not_here_is_one_sentence_before_any_table(option, capsys):
    assert main(["benchmark", option, "--device", "cuda:77"]) == 2
    said = capsys.readouterr()
    assert "There is no device cuda:77 here" in said.err and not said.out


def test_no_torch_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "_known", lambda device: {"torch": None})
    assert main(["benchmark", "--scan"]) == 2
    assert "--scan needs PyTorch" in capsys.readouterr().err


@pytest.mark.parametrize("scan", ["loop", "plain", "quick"])
def test_a_row_is_measured_the_way_it_names(monkeypatch, scan):
    chosen = []
    monkeypatch.setattr(dadiff_blocks, "selective_scan", dadiff_blocks.selective_scan)  # is put back afterwards
    monkeypatch.setattr(founddiff, "networks", lambda size: (TINY["unet"], TINY["perception"]))
    monkeypatch.setattr(founddiff, "SIDE", 256)
    monkeypatch.setattr(founddiff, "_seconds", lambda action: chosen.append(dadiff_blocks.selective_scan) or 1)
    row = founddiff._measure("tiny", scan, "float32", "cpu")
    assert row["parameters"] > 1000 and row["peak_mb"] > 10
    assert all((f is founddiff._loop) == (scan == "loop") for f in chosen)
