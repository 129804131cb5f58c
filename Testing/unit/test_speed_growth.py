"""`python -m Testing.speed growth`: a line is called a line, and what grows faster is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
COUNTS = np.array([20, 50, 100, 200, 500, 1000, 2000.0])


@pytest.fixture
def speed(monkeypatch):
    """The package's modules by name."""
    monkeypatch.syspath_prepend(ROOT)
    from importlib import import_module

    return lambda name: import_module(f"Testing.speed.{name}")


@pytest.mark.parametrize("start", [0.0, 1.3, 30.0])
def test_a_start_and_the_same_for_each_slice_is_linear(speed, start):
    growth = speed("fit").fit(COUNTS, start + 0.17 * COUNTS, 0.02)
    assert growth.start == pytest.approx(start, abs=1e-6) and growth.rate == pytest.approx(0.17)
    assert growth.exponent == pytest.approx(1, abs=0.01) and growth.verdict(0.05) == "linear"


@pytest.mark.parametrize(("power", "verdict"), [(2.0, "MORE THAN LINEAR"), (1.2, "MORE THAN LINEAR"),
                                                (1.0, "linear"), (0.7, "less than linear")])  # fmt: skip
def test_the_exponent_is_found_under_noise_and_a_start(speed, power, verdict):
    noise = np.random.default_rng(1).normal(1, 0.02, len(COUNTS))
    growth = speed("fit").fit(COUNTS, (1.3 + 0.05 * COUNTS**power) * noise, 0.02)
    assert growth.exponent == pytest.approx(power, abs=growth.error + 0.02)
    assert growth.verdict(0.05) == verdict


def test_the_interval_of_the_exponent_holds_the_truth_nineteen_times_in_twenty(speed):
    rng, held = np.random.default_rng(2), 0
    for _ in range(100):
        y = (1.3 + 0.05 * COUNTS) * rng.normal(1, 0.02, len(COUNTS))
        growth = speed("fit").fit(COUNTS, y, 0.02)
        held += abs(growth.exponent - 1) <= growth.error
    assert held >= 88


def test_a_quadratic_part_that_shows_only_in_large_volumes_is_told(speed):
    growth = speed("fit").fit(COUNTS, 1.3 + 0.01 * COUNTS + 1e-5 * COUNTS**2, 0.02)
    assert growth.verdict(0.05) == "MORE THAN LINEAR"


def test_what_a_line_tells_well_is_linear_whatever_the_exponent(speed):
    pixels = np.array([0.016, 0.037, 0.066, 0.147, 0.262, 0.59, 1.049])
    seconds = np.array([0.65, 0.69, 0.70, 0.81, 0.98, 1.46, 2.39])  # a larger slice does not fit into a cache any more
    growth = speed("fit").fit(pixels, seconds, 0.02)
    assert growth.exponent > 1 + growth.error and growth.off < 0.1 and growth.verdict(0.05) == "linear"


def test_on_a_busy_machine_scatter_is_not_taken_for_growth(speed):
    noise = np.random.default_rng(6).normal(1, 0.12, len(COUNTS))
    growth = speed("fit").fit(COUNTS, (1.3 + 0.05 * COUNTS) * noise, 0.02)
    assert growth.off > 0.1 and growth.exponent > 1.1 and growth.verdict(0.05) == "linear"


def test_memory_that_begins_to_grow_late_is_linear_from_there_on(speed):
    growth = speed("fit").fit(COUNTS, np.maximum(500, 80 + 2.5 * COUNTS), 0.005)
    assert growth.verdict(0.05) == "linear" and growth.rate == pytest.approx(2.5)
    assert growth.floor == 500 and growth.line(COUNTS) == pytest.approx(np.maximum(500, 80 + 2.5 * COUNTS))


def test_what_does_not_grow_is_flat_and_few_points_have_no_exponent(speed):
    fit = speed("fit").fit
    assert fit(COUNTS, np.array([480, 500, 490, 481, 499, 490, 480.0]), 0.005).verdict(0.05) == "flat"
    assert fit(COUNTS[:3], COUNTS[:3], 0.02).verdict(0.05) == "too few points"
    assert fit(np.arange(1, 5), 8 + 2.0 * np.arange(1, 5), 0.02).verdict(0.05) == "undecided"


class Side:
    """Stands in for `Checkout`: a command takes 1 s, and so much for each pixel."""

    def __init__(self, speed, power: float = 1.0, worst: str = ""):
        self._error, self._power, self._worst, self.seen = speed("checkout").NotMeasured, power, worst, []

    def measured(self, task):
        return {"ids": ["net"]}

    def command(self, verb, series, output, *words):
        assert series.is_dir()
        slices, side = map(int, series.name.split("-"))
        work = slices * (side / 512) ** 2 * int(words[words.index("--draws") + 1])
        model = words[1]
        self.seen.append((model, slices, side))
        if model == self._worst and slices > 20:
            raise self._error("There is too little memory.")
        seconds = 1 + (0.1 * work) ** self._power
        return {"whole": seconds, "whole_cpu": 2 * seconds, "start": 1.0, "peak": 100 + work}


@pytest.fixture
def measured(speed, tmp_path, monkeypatch, capsys):
    """Runs the command with a stand-in; gives its status, what it printed, and the stand-in."""

    def run(*words, **kinds):
        growth, side = speed("growth"), Side(speed, **kinds)
        monkeypatch.setattr(growth, "Checkout", lambda *_: side)
        monkeypatch.setattr(growth, "write_series", a_folder)
        status = speed("__main__").main(["growth", "--models", "classic,net", *words])
        return status, capsys.readouterr().out, side

    return run


def a_folder(path: Path, *_) -> Path:
    path.mkdir()
    return path


def test_slices_matrix_and_draws_are_measured_and_drawn(measured, tmp_path):
    pytest.importorskip("matplotlib")
    picture, table = tmp_path / "growth.png", tmp_path / "growth.csv"
    status, said, side = measured("--picture", str(picture), "--csv", str(table))
    assert status == 0 and "Nothing grows faster than the work." in said
    assert ("net", 2000, 512) in side.seen and ("classic", 60, 1024) in side.seen
    assert "| classic       | draws" not in said and "| net           | draws" in said
    assert picture.read_bytes().startswith(b"\x89PNG") and len(table.read_text().splitlines()) == 1 + len(side.seen)


def test_what_grows_faster_than_the_work_is_told(measured):
    status, said, _ = measured("--axes", "slices", power=1.5)
    assert status == 1 and "The time of net grows faster than the slices: with their power of 1.50" in said


def test_what_would_take_too_long_is_left_out_and_told(measured):
    status, said, side = measured("--axes", "slices", "--longest", "60")
    assert status == 0 and max(slices for _, slices, _ in side.seen) == 500
    assert "net against slices: left out, because it would take more than 60 s: 1,000, 2,000." in said


def test_a_fault_ends_its_own_curve_only(measured):
    status, said, side = measured("--axes", "slices", worst="net")
    assert status == 1 and "There is too little memory." in said
    assert ("classic", 2000, 512) in side.seen and ("net", 100, 512) not in side.seen


def test_an_axis_that_there_is_not_is_one_sentence(speed, capsys):
    assert speed("__main__").main(["growth", "--axes", "weights"]) == 2
    assert capsys.readouterr().err == "Nothing is measured against weights: choose among slices, matrix, draws.\n"
