"""The rounds of the benchmark with made processes: their order, ratios, failures, and what is compared with what."""

from typing import ClassVar

import numpy as np
import pytest
from LDCTDenoiseLib import InputError
from LDCTDenoiseLib.commands.benchmark import report, rounds
from LDCTDenoiseLib.commands.benchmark.random_models import AUTHORS
from LDCTDenoiseLib.commands.benchmark.rounds import Plan, measure
from LDCTDenoiseLib.commands.benchmark.rows import PLAIN, QUICK, Row

REFERENCE = Row(AUTHORS, PLAIN, "float32")
FAST, CHOSEN, FILTER = Row("rddm-balanced", QUICK, "float32"), Row("rddm-balanced"), Row("nlm")
OWN_PLAIN = Row("rddm-balanced", PLAIN, "float32")


class Process:
    """Takes `seconds` a slice, is `off` HU from plain; fails at the round number `fails`."""

    diary: ClassVar[list] = []

    def __init__(self, row, device, seconds=0.1, off=0.0, precision=None, fails=None):
        self.row, self.device, self.seconds, self.off, self.fails = row, device, seconds, off, fails
        self.precision = precision or row.precision
        self.rounds = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.diary.append((self.row, "close"))

    close = __exit__

    def answer(self):
        return {"seconds": self.seconds}

    def ask(self, request, **facts):
        self.diary.append((self.row, request, self.device, facts.get("slices")))
        if request == "round":
            self.rounds += 1
            if self.rounds == self.fails:
                raise InputError("It broke.")
            return {"seconds": self.seconds * facts["slices"]}
        if request == "outputs":
            np.save(facts["path"], np.full((facts["slices"], 2, 2), self.off, np.float32))
        return {
            "facts": {"precision": self.precision, "device": self.device, "batch": 2, "notices": [], "threads": 2,
                      "way": self.row.way, "peak_mb": 100.0, "gpu_mb": None},
            "profile": {"kinds": {"convolution": 0.06, "norm": 0.04, "between": 0.0005}, "whole": 0.1005,
                        "on_device": None},
            "work": {"operations": [["convolution", 10**9, 100, 1000]]},
        }.get(request, {})  # fmt: skip


class Listener:
    def __init__(self):
        self.said = []

    def progress(self, done, total, stage):
        assert 0 <= done <= total

    def notice(self, text):
        self.said.append(text)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run(rows, {row: what its process is like}, …) → (results, notices, diary)."""
    Process.diary = []

    def start(rows, likes=None, slices=8, number=2, on_gpu=False, with_profile=False):
        def process(plan, row, device):
            return Process(row, device, **(likes or {}).get(row, {}))

        monkeypatch.setattr(rounds, "_process", process)
        listener = Listener()
        plan = Plan(rows, tmp_path, (1, 1, 1), slices, number, "cuda" if on_gpu else "cpu", on_gpu, with_profile)
        return measure(plan, listener), listener.said, Process.diary

    return start


def timed(diary, slices=8):
    return [row for row, what, *rest in diary if what == "round" and rest[1] == slices]


def test_every_round_goes_through_all_rows_and_back(run):
    results, said, diary = run([REFERENCE, FILTER], {REFERENCE: {"seconds": 0.4}})
    assert timed(diary) == [REFERENCE, FILTER, FILTER, REFERENCE] and not said
    assert [result.seconds for result in results] == pytest.approx([0.4, 0.1])
    assert results[1].ratios == pytest.approx([4, 4]) and results[0].ratios == [1, 1]


def test_a_choice_that_has_a_row_already_is_not_measured_twice(run):
    results, said, _ = run([FAST, CHOSEN], {CHOSEN: {"precision": "float32"}})
    assert [result.row for result in results] == [FAST]
    assert said == ["rddm-balanced: auto is float32 here, which has a row already."]
    results, _, _ = run([FAST, CHOSEN], {CHOSEN: {"precision": "bfloat16"}})
    assert [result.row for result in results] == [FAST, CHOSEN]


def test_differences_are_from_plain_float32_of_the_same_network(run):
    likes = {OWN_PLAIN: {"off": 1.0}, FAST: {"off": 1.25}, REFERENCE: {"off": 7.0}}
    results, _, _ = run([REFERENCE, OWN_PLAIN, FAST, FILTER], likes)
    assert [result.difference_hu for result in results] == [(0, 0, 0), (0, 0, 0), (0.25,) * 3, None]


def test_on_a_gpu_plain_float32_of_the_processor_is_the_measure(run):
    results, _, diary = run([OWN_PLAIN, FAST, FILTER], {FAST: {"off": 3.0}}, slices=60, on_gpu=True)
    assert (OWN_PLAIN, "round", "cpu", 8) in diary and results[1].difference_hu == (3.0,) * 3
    assert [result.slices for result in results] == [60, 60, 8]  # a filter has no use for the GPU
    warm = [entry for entry in diary if entry[0] == FAST and entry[1] == "round"]
    assert [entry[3] for entry in warm] == [1, 60, 60, 60]  # one for its time, one for graphs, then the rounds


def test_a_slow_row_computes_fewer_slices(run):
    results, _, _ = run([FAST, FILTER], {FAST: {"seconds": 9.0}, FILTER: {"seconds": 50.0}})
    assert [result.slices for result in results] == [2, 1]
    assert [result.seconds for result in results] == pytest.approx([9, 50])


def test_a_row_that_breaks_is_left_out_with_its_reason(run):
    results, said, _ = run([FAST, FILTER], {FAST: {"fails": 3}})
    assert [result.row for result in results] == [FILTER]
    assert said == ["rddm-balanced (quick) is left out: It broke."]
    with pytest.raises(InputError, match="No method"):
        run([FAST], {FAST: {"fails": 1}})


def test_processes_end_however_a_run_ends(run):
    _, _, diary = run([FAST, FILTER])
    assert {row for row, what, *_ in diary if what == "close"} == {FAST, FILTER, OWN_PLAIN}


def test_a_profile_tells_floors_kinds_and_rates(run, monkeypatch, capsys):
    peaks = {"bytes": 1e10, "float32": 1e11}

    class Peaks(Process):
        def answer(self):
            return peaks

    monkeypatch.setattr(rounds, "Asked", lambda command, name: Peaks(FILTER, "cpu"))
    results, _, _ = run([REFERENCE, OWN_PLAIN, FAST, FILTER], with_profile=True)
    assert [bool(result.profile) for result in results] == [True, False, True, False]
    assert results[2].floor.arithmetic == pytest.approx(0.01)
    assert results[2].floor.memory == pytest.approx((1000 + 100 / 2) * 4 / 1e10)
    report.print_table(results, "0.1", Listener())
    report.print_profile(results)
    said = capsys.readouterr().out
    assert "200 GFLOP/s in float32; memory 10 GB/s" in said
    assert "10.0" in next(line for line in said.splitlines() if line.startswith(f"{AUTHORS}  ") and "0.0100" in line)
    rates = [line.split(": ", 1)[0] for line in said.splitlines() if "convolutions and products: 33 GFLOP/s" in line]
    assert rates == [f"{AUTHORS} plain float32"]  # what the quick way multiplies is not known
    (quick,) = [line for line in said.splitlines() if line.startswith("rddm-balanced quick float32:")]
    assert quick.endswith("s a slice under the profiler")
    assert "convolution       0.0600 s   60 %\n" in said and "  between" not in said  # too little
    assert "× roofline  on device" not in said
    results[2].profile["on_device"] = 0.0123
    report.print_profile(results)
    assert "0.0123\n" in capsys.readouterr().out
    line = report.table(results)[2]
    assert line["on_device_s"] == 0.0123 and "on_device_s" not in report.table(results)[0]
    assert line["floor_roofline_s"] == pytest.approx(0.01) and line["profiled_convolution_s"] == 0.06


def test_the_picture_shows_every_row_and_its_floor(run, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    from LDCTDenoiseLib.commands.benchmark import picture
    from LDCTDenoiseLib.quality import picture as paper

    drawn = []
    monkeypatch.setattr(paper, "save_figure", lambda figure, path: drawn.append(figure))
    results, _, _ = run([REFERENCE, FAST, FILTER], with_profile=False)
    results[0].operations, results[0].peaks = [["convolution", 10**9, 0, 0]], {"bytes": 1e10, "float32": 1e11}
    picture.draw(tmp_path / "x.png", results, {"machine": "a machine", "data": "slices", "load_before": "0.0"})
    axes = drawn[0].axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "authors-network plain float32", "rddm-balanced quick float32", "nlm"
    ]  # fmt: skip
    assert len(axes.patches) == 3 and "roofline" in axes.get_legend().get_texts()[0].get_text()


def test_notices_of_a_row_are_said_and_fewer_slices_too(run, capsys):
    results, _, _ = run([FAST, FILTER], {FILTER: {"seconds": 50.0}})
    results[0].facts["notices"] = ["bfloat16 failed."]
    listener = Listener()
    report.print_table(results, "0.1", listener)
    assert listener.said == ["rddm-balanced: bfloat16 failed.", "nlm: 1 of the slices in a round."]


def test_times_are_recorded_of_the_row_that_was_chosen_by_itself(run, monkeypatch):
    from LDCTDenoiseLib.weights import store

    saved = {}
    monkeypatch.setattr(store, "save_card", lambda card, time: saved.update({card.id: time}))
    results, _, _ = run([REFERENCE, FAST, CHOSEN, FILTER], {CHOSEN: {"precision": "bfloat16", "seconds": 0.05678}})
    report.record_times(results, {"machine": "a machine", "data": "512×512×8"})
    assert set(saved) == {"rddm-balanced", "nlm"}  # the network of random weights has no card
    report.record_times(run([OWN_PLAIN])[0], {"machine": "a machine", "data": "512×512×8"})  # nobody computes so
    assert saved["rddm-balanced"]["precision"] == "bfloat16" and saved["rddm-balanced"]["seconds_per_slice"] == 0.0568
