"""The command for the hour in which a card is at hand runs through, here on the processor."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from Testing.card import __main__ as card  # noqa: E402


def test_every_way_has_a_row_and_a_volume_is_timed(a_small_network, capsys):
    words = [
        "--device",
        "cpu",
        "--models",
        a_small_network,
        "--side",
        "40",
        "--slices",
        "3",
        "--batches",
        "1",
        "2",
        "8",
    ]
    assert card.main(words) == 0
    said = capsys.readouterr().out
    rows = [line for line in said.splitlines() if line.startswith(("plain", "quick"))]
    assert len(rows) == len(card.ways("cpu")) == 4 < len(card.ways("cuda:0"))
    assert "failed" not in said
    plain = rows[0].split()
    assert plain[:2] == ["plain", "float32"] and float(plain[-1]) < 0.01
    assert "volume of 3 slices" in said and "chosen batch 1" in said


def test_what_makes_no_sense_is_one_sentence(capsys):
    assert card.main(["--device", "cpu", "--side", "0"]) == 2
    assert capsys.readouterr().err == "There must be at least one slice, a side of 32 and batches of one.\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a card")
def test_where_there_is_no_card_one_sentence_says_so(capsys):
    assert card.main([]) == 2
    assert "no CUDA device" in capsys.readouterr().err
