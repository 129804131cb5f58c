"""The rounds of the benchmark with made processes: their order, ratios, failures, and what is compared with what."""

import csv
from typing import ClassVar

import numpy as np
import pytest
from LDCTDenoiseLib import InputError
from LDCTDenoiseLib.commands.benchmark import names, report, rounds, through
from LDCTDenoiseLib.commands.benchmark.legend import table_legend
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
        self.said, self.places = [], []

    def now(self, text):
        self.places.append(text)

    def wipe(self):
        self.places.append("")

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
        results = measure(plan, listener)
        assert listener.places[-1] == ""  # or the table would begin in it
        start.places = listener.places
        return results, listener.said, Process.diary

    return start


def timed(diary, slices=8):
    return [row for row, what, *rest in diary if what == "round" and rest[1] == slices]


def test_every_round_goes_through_all_rows_and_back(run):
    results, said, diary = run([REFERENCE, FILTER], {REFERENCE: {"seconds": 0.4}})
    assert timed(diary) == [REFERENCE, FILTER, FILTER, REFERENCE] and not said
    assert [result.seconds for result in results] == pytest.approx([0.4, 0.1])
    assert results[1].ratios == pytest.approx([4, 4]) and results[0].ratios == [1, 1]


def test_it_tells_which_row_it_is_at_and_what_is_left(run):
    run([FAST, FILTER], {FAST: {"seconds": 2.0}, FILTER: {"seconds": 1.0}})
    fast, nlm = "rddm-balanced quick float32", "nlm"
    assert run.places[:6] == [
        f"start of {fast} (1 of 2)", f"start of {nlm} (2 of 2)",
        f"round 1 of 2: {fast} (1 of 2)", f"round 1 of 2: {nlm} (2 of 2)",
        f"round 2 of 2, some 24 s to go: {nlm} (1 of 2)", f"round 2 of 2, some 24 s to go: {fast} (2 of 2)",
    ]  # fmt: skip


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
    assert said == ["rddm-balanced quick float32 is left out: It broke."]
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
    assert "on device" not in said and "between:" not in said  # neither is here to be explained
    results[2].profile["on_device"] = 0.0123
    report.print_profile(results)
    said = capsys.readouterr().out
    assert "0.0123\n" in said and "on device: a batch alone" in said
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
    results[1].per_slice, results[1].ratios = [0.1, 0.2, 0.4], [1.0, 2.0, 123.4]
    machine = {"machine": "a machine", "data": "slices", "load_before": "0.0"}
    picture.draw(tmp_path / "x.png", results, machine)
    axes = drawn[0].axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "authors-network plain float32", "rddm-balanced quick float32", "nlm"
    ]  # fmt: skip
    assert not axes.patches  # a logarithmic axis has nothing for a bar to stand on
    points = [container.lines[0].get_xdata()[0] for container in axes.containers]
    assert points == [result.seconds for result in results] and points[1] == 0.2
    (whisker,) = axes.containers[1].lines[2][0].get_segments()
    assert whisker[:, 0].tolist() == pytest.approx([0.15, 0.3])
    assert [text.get_text() for text in axes.texts] == ["0.100 s", "0.200 s, × 2", "0.100 s, × 1"]
    labels = [text.get_text().split(":")[0] for text in drawn[0].legends[0].get_texts()]
    assert labels == ["network, plain", "network, quick", "classical method",
                      "roofline of its convolutions and matrix products"]  # fmt: skip
    picture.draw(tmp_path / "x.png", results[2:], machine)
    (text,) = drawn[1].legends[0].get_texts()
    assert text.get_text() == "classical method"


def test_the_table_explains_the_words_that_it_has_and_no_others(run):
    def words(rows, **facts):
        results, _, _ = run(rows)
        results[0].facts |= facts
        said = table_legend(results).replace("\n", " ").rstrip(".").split("; ")
        return [text.split(":")[0].split(",")[0] for text in said]

    assert words([FILTER]) == ["s/slice", "start", "peak"]
    assert words([OWN_PLAIN]) == ["s/slice", "start", "peak", "plain", "HU"]
    assert words([FAST]) == ["s/slice", "start", "peak", "quick", "HU", "the self-check"]
    assert words([REFERENCE]) == ["s/slice", "× as quick", "start", "peak", "plain", "HU", "authors-network"]
    assert words([FILTER], gpu_mb=9.0) == ["s/slice", "start", "peak", "GPU"]


def test_a_network_that_could_not_be_compared_keeps_its_way_and_precision(run):
    results, _, _ = run([CHOSEN, FILTER], {CHOSEN: {"precision": "bfloat16"}})
    results[0].difference_hu = None
    assert [names.title(result) for result in results] == ["rddm-balanced quick bfloat16", "nlm"]
    assert [line["way"] for line in report.table(results)] == ["quick", ""]


def test_from_file_to_file_is_in_the_csv_and_what_fails_is_a_notice(run, tmp_path, monkeypatch, capsys):
    results, _, _ = run([REFERENCE, FAST, CHOSEN, FILTER], {CHOSEN: {"precision": "bfloat16"}})
    asked, listener = [], Listener()

    def one(*words):
        asked.append(words)
        return {"seconds": 8.0, "inside": 0.06, "device": "cpu", "precision": "bfloat16"}

    monkeypatch.setattr(through, "_one", one)
    rows = through.files_rows(results, 3, tmp_path, "cpu", "auto", listener)
    assert [(words[0], words[5]) for words in asked] == [("rddm-balanced", "auto")]  # once a model, and no reference
    assert listener.places == ["3 slices from file to file: rddm-balanced (1 of 1)", ""] and not listener.said
    report.print_files(rows)
    assert "series of 3 slices" in capsys.readouterr().out
    report.write_outputs(results, rows, {"machine": "a machine"}, tmp_path / "t.csv", None)
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        *others, line = csv.DictReader(file)
    held = {key: value for key, value in line.items() if value}
    assert held == {
        "model": "rddm-balanced", "way": "file to file", "precision": "bfloat16", "device": "cpu", "slices": "3",
        "files_s": "8", "files_inside_s_per_slice": "0.06", "machine": "a machine",
    }  # fmt: skip
    assert len(others) == len(results) and not any(other["files_s"] for other in others)

    def broken(*_):
        raise InputError("The disk is full.")

    monkeypatch.setattr(through, "_one", broken)
    monkeypatch.setattr(through, "make_series", lambda folder, slices: folder.parent.stat())
    assert through.files_rows(results, 3, tmp_path, "cpu", "auto", listener) == []
    assert listener.said == ["rddm-balanced from file to file is left out: The disk is full."]
    assert through.files_rows(results[-1:], 3, tmp_path / "not there", "cpu", "auto", listener) == []  # a filter alone
    report.print_files([])
    assert not capsys.readouterr().out


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
