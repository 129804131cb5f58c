"""`python -m Testing.speed against`: what has become slower is said, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from LDCTDenoiseLib import read_volume

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def speed(monkeypatch):
    """The package's modules by name."""
    monkeypatch.syspath_prepend(ROOT)
    from importlib import import_module

    return lambda name: import_module(f"Testing.speed.{name}")


def row(speed, before, now, unit="s"):
    return speed("verdict").Row("reading", unit, list(zip(before, now, strict=True)))


@pytest.mark.parametrize(
    ("before", "now", "is_worse"),
    [
        ([1.0, 1.1, 0.9, 1.0, 1.05], [1.2, 1.3, 1.1, 1.25, 1.2], True),
        ([1.0, 1.1, 0.9, 1.0, 1.05], [1.01, 1.12, 0.93, 1.0, 1.04], False),  # by less than the tolerance
        ([1.0, 1.0, 1.0, 1.0, 1.0], [0.9, 2.0, 0.9, 2.0, 2.0], False),  # the median, but not three of four rounds
        ([1.0, 2.0, 4.0, 8.0, 16.0], [1.2, 2.4, 4.8, 9.6, 19.2], True),  # a busy machine meets both sides of a round
        ([1.0, 1.1, 0.9, 1.0, 1.05], [0.5, 0.6, 0.4, 0.5, 0.6], False),
        ([0.001, 0.001, 0.001], [0.005, 0.005, 0.005], False),  # five times as much, and nobody feels it
    ],
)
def test_slower_means_more_than_tolerance_and_scatter_and_enough_to_be_felt(speed, before, now, is_worse):
    assert row(speed, before, now).is_worse(0.05) == is_worse


def test_time_and_memory_have_their_own_tolerance_and_sentence(speed):
    rows = [row(speed, [100.0] * 3, [120.0] * 3, "MB"), row(speed, [1.0] * 3, [1.2] * 3)]
    assert [text.split(" than")[0] for text in speed("verdict").worse(rows, 0.05, 0.25)] == ["reading is slower"]
    assert [text.split(" than")[0] for text in speed("verdict").worse(rows, 0.25, 0.05)] == [
        "reading takes more memory"
    ]


@pytest.mark.parametrize(("name", "words"), [("nothing", "There is no folder"), (".", "is no checkout")])
def test_a_folder_that_is_no_checkout_is_one_sentence(tmp_path, speed, capsys, name, words):
    assert speed("__main__").main(["against", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def test_what_is_made_for_timing_is_the_same_ct_in_every_file(tmp_path, speed):
    slices = speed("slices")
    series = read_volume(slices.write_series(tmp_path / "series", 3, 32))
    volume = read_volume(slices.write_volume(tmp_path / "volume.nrrd", 3, 32))
    expected = np.stack(list(slices.planes(3, 32)))
    np.testing.assert_array_equal(series.hu, expected)
    np.testing.assert_array_equal(volume.hu, expected)
    assert series.spacing == volume.spacing == (12.0, 12.0, 1.0)
    assert len(np.unique(expected, axis=0)) == 3


def test_a_slice_is_timed_from_the_first_that_was_told_to_the_last(speed, monkeypatch):
    child = speed("child")
    ticks = iter([12.0, 13.0, 16.0])
    monkeypatch.setattr(child.time, "monotonic", lambda: next(ticks))
    monkeypatch.setattr(child, "cpu_seconds", lambda: 1.0)
    stamps = child.Stamps(10.0)
    told = '{{"event": "progress", "stage": "{}", "done": {}, "total": 5}}\n'
    for stage, done in (("read", 5), ("denoise", 0), ("denoise", 1), ("denoise", 2), ("denoise", 5), ("write", 5)):
        line = told.format(stage, done)
        stamps.write(line[:9])
        stamps.write(line[9:])
    assert (stamps.facts()["start"], stamps.facts()["slice"]) == (2.0, 1.0)


def a_slow_copy(tmp_path: Path) -> Path:
    """A checkout whose Gaussian filter takes long, and adds 3 HU."""
    library = tmp_path / "copy" / "LDCTDenoise" / "LDCTDenoiseLib"
    source = ROOT / "LDCTDenoise" / "LDCTDenoiseLib"
    shutil.copytree(source, library, ignore=shutil.ignore_patterns("*.safetensors", "__pycache__"))
    method = library / "methods" / "classical.py"
    text = method.read_text(encoding="utf-8")
    begin = text.index("    def filter_slice", text.index("class Gaussian"))
    inner = text[begin:].replace("filter_slice", "quickly", 1)
    slow = (
        "    def filter_slice(self, slice_hu, noise):\n        import time\n\n        end = time.process_time() + 0.3\n"
        "        while time.process_time() < end:\n            pass\n"
        "        return self.quickly(slice_hu, noise) + 3\n\n"
    )
    method.write_text(text[:begin] + slow + inner, encoding="utf-8")
    return tmp_path / "copy"


def test_a_checkout_that_has_become_slower_and_answers_otherwise_is_told(tmp_path, speed, monkeypatch, capsys):
    monkeypatch.setattr(speed("against"), "ROOT", a_slow_copy(tmp_path))
    monkeypatch.setattr(speed("against"), "SIDE", 64)
    words = ["--only", "models", "--models", "gaussian", "--rounds", "1", "--slices", "2", "--clock", "cpu"]
    assert speed("__main__").main(["against", str(ROOT), *words, "--csv", str(tmp_path / "runs.csv")]) == 1
    said = capsys.readouterr().out
    assert "gaussian: a slice is slower than before" in said
    assert "gaussian gives other HU than before: 3 HU apart" in said
    lines = (tmp_path / "runs.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6 and lines[0].startswith("what,side,round")  # two rounds of two sides, and their difference


class Sides:
    """Stands in for `Checkout`: tells figures without running anything."""

    def __init__(self, speed, slower: float = 1.0, refuses: str = "", cold: float = 0.0):
        self._error, self._slower, self._refuses = speed("checkout").NotMeasured, slower, refuses
        self._cold = {"--help": cold}  # s more, the first time
        self.name = "now" if slower != 1 or refuses else "before"

    def command(self, *words, own_models=True):
        if self._refuses and self._refuses in words:
            raise self._error("There is no such command.")
        return {"whole": 0.3 * self._slower + self._cold.pop(words[0], 0), "peak": 100.0}

    def measured(self, task, *words):
        return {"import": 0.1, "slice": 0.1 * self._slower, "peak": 100.0}


def starts(speed, tmp_path, *sides, rounds="3"):
    wish = speed("__main__")._arguments(["against", str(ROOT), "--slices", "1", "--rounds", rounds])
    comparison = speed("against").Comparison(*sides, tmp_path, wish)
    comparison.starts()
    return comparison.faults + speed("verdict").worse(comparison.rows, wish.tolerance, wish.memory)


def test_the_same_on_both_sides_is_no_fault(tmp_path, speed):
    assert starts(speed, tmp_path, Sides(speed), Sides(speed)) == []


def test_a_first_round_warms_the_disk_and_does_not_count(tmp_path, speed):
    assert starts(speed, tmp_path, Sides(speed), Sides(speed, cold=100.0), rounds="1") == []


def test_every_figure_that_has_become_worse_is_a_sentence(tmp_path, speed):
    assert len(starts(speed, tmp_path, Sides(speed), Sides(speed, slower=1.5))) == 3


def test_what_cannot_be_done_any_more_is_a_fault_and_what_is_new_is_none(tmp_path, speed):
    new, old = Sides(speed, refuses="models"), Sides(speed)
    assert starts(speed, tmp_path, old, new) == ["ldct-denoise models cannot be done now: There is no such command."]
    assert starts(speed, tmp_path, new, old) == []


def test_another_library_than_the_one_asked_for_is_noticed(tmp_path, speed, monkeypatch):
    checkout = speed("checkout")
    side = checkout.Checkout(ROOT, "now", tmp_path)
    side.library = tmp_path  # where there is none
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "LDCTDenoise"))  # as if it were installed
    with pytest.raises(checkout.NotMeasured, match="an installed one"):
        side.command("--help")


def test_a_checkout_is_measured_as_it_was_at_the_start(tmp_path, speed):
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "LDCTDenoise" / "LDCTDenoiseLib", copy / "LDCTDenoise" / "LDCTDenoiseLib")
    side = speed("checkout").Checkout(copy, "now", tmp_path / "scratch")
    before = sorted(copy.rglob("*"))
    (copy / "LDCTDenoise" / "LDCTDenoiseLib" / "cli.py").write_text("somebody is writing it just now")
    facts = side.command("--help")
    assert facts["whole_cpu"] > 0 and facts["whole"] > 0 and (facts["peak"] is None or 5 < facts["peak"] < 200)
    assert sorted(copy.rglob("*")) == before
