"""The Batch section by clicks: what is asked for, what is shown meanwhile, how it ends; and it keeps nobody waiting."""

from __future__ import annotations

import pytest
import qt
from test_widget_run import Bench

SERIES = [
    {"number": 1, "name": "study1/series-3", "kind": "dicom", "slices": 240, "rows": 512, "columns": 512,
     "notices": ["Tilted."], "facts": {"Manufacturer": "MAKER", "KVP": "120"},
     "outputs": [{"model": "rddm-balanced"}, {"model": "nlm"}]},
    {"number": 2, "name": "study2/series-1", "kind": "dicom", "slices": 60, "rows": 512, "columns": 512,
     "notices": [], "facts": {},
     "outputs": [{"model": "rddm-balanced", "status": "already"}, {"model": "nlm", "status": "already"}]},
]  # fmt: skip
LEFT = [{"name": "study2/series-9", "files": 2, "why": "It is a localizer."}]
FOUND = {"series": SERIES, "left": LEFT}


def row(series, model="rddm-balanced", **more):
    usual = {"status": "done", "error": None, "noise_before": 24.04, "noise_after": 11.2}
    return {"number": 1, "series": series, "model": model, **usual, **more}


@pytest.fixture
def bench(host, scene, tmp_path):
    made = Bench(host)
    made.ui.batchSection.collapsed = False
    made.ui.batchInputEdit.currentPath = str(tmp_path / "in")
    made.ui.batchOutputEdit.currentPath = str(tmp_path / "out")
    host.settle()
    yield made
    made.panel.cleanup()


def tick(bench, *ids):
    items = bench.ui.batchMethodsList
    for item in [items.item(number) for number in range(items.count)]:
        item.setCheckState(qt.Qt.Checked if item.data(qt.Qt.UserRole) in ids else qt.Qt.Unchecked)
    bench.host.settle()


def table(bench):
    shown = bench.ui.batchTable
    return [tuple(shown.item(line, column).text() for column in range(3)) for line in range(shown.rowCount)]


def test_without_folders_or_methods_the_buttons_rest_and_say_why(bench):
    bench.ui.batchOutputEdit.currentPath = ""
    bench.host.settle()
    assert bench.ui.findSeriesButton.enabled and not bench.ui.batchButton.enabled
    assert bench.ui.batchButton.toolTip == "Choose the output folder first."
    tick(bench)
    assert bench.ui.findSeriesButton.toolTip == "Tick a method first."
    bench.ui.batchInputEdit.currentPath = ""
    bench.host.settle()
    assert bench.ui.batchButton.toolTip == "Choose the input folder first."


def test_the_methods_are_those_that_are_ready_and_the_proposed_one_is_ticked(bench):
    items = bench.ui.batchMethodsList
    titles = {items.item(n).text(): items.item(n).checkState() == qt.Qt.Checked for n in range(items.count)}
    assert titles == {"RDDM Balanced": True, "Non-local means": False, "Bilateral": False}


def test_a_batch_is_started_with_what_was_chosen(bench, tmp_path):
    tick(bench, "rddm-balanced", "nlm")
    bench.session.parameters.strength, bench.session.parameters.seed = 0.8, 4
    bench.session.settings.device = "cpu"
    bench.ui.batchFormatCombo.setCurrentIndex(bench.ui.batchFormatCombo.findData("nrrd"))
    bench.click("batchResumeCheckBox")
    bench.click("batchPrivateCheckBox")
    bench.click("batchButton")
    _name, arguments, options = bench.logic.named("denoiseFolder")[0]
    assert arguments == (tmp_path / "in", tmp_path / "out", ["rddm-balanced", "nlm"])
    assert options == {
        "resume": True, "format": "nrrd", "private": True, "seed": 4, "strength": 0.8, "draws": 1, "device": "cpu",
        "precision": "auto", "waitForCompletion": False,
    }  # fmt: skip
    assert bench.session.settings.batchFolders == (str(tmp_path / "in"), str(tmp_path / "out"))


def test_looking_lists_what_is_there_and_what_is_left_and_why(bench):
    bench.click("findSeriesButton")
    bench.job.found.emit(FOUND)
    bench.job.finish(FOUND)
    assert table(bench) == [
        ("study1/series-3", "240", "waiting"),
        ("study2/series-1", "60", "done before"),
        ("study2/series-9", "", "left out"),
    ]
    assert bench.ui.batchTable.item(0, 0).toolTip() == "study1/series-3\n512 × 512 · MAKER · 120\nTilted."
    assert not bench.ui.batchDetailLabel.visible
    bench.ui.batchTable.selectRow(2)
    assert bench.ui.batchDetailLabel.text == "study2/series-9 (2 files)\nLeft out: It is a localizer."
    assert bench.ui.batchLabel.text == "2 CT series found, 2 files left out. Nothing was computed."
    assert not bench.ui.batchProgressBar.visible and not bench.logic.named("denoiseFolder")


def test_while_it_runs_the_table_and_the_line_tell_how_far_it_is(bench):
    bench.click("batchButton")
    bench.job.found.emit(FOUND)
    bench.job.rowAdded.emit(row("study1/series-3"))
    bench.job.progressed.emit(0.255, "Denoising, about 2 h left")
    assert bench.ui.batchLabel.text == "1 of 4 done. Denoising, about 2 h left"
    assert bench.ui.batchProgressBar.visible and bench.ui.batchProgressBar.value == 25
    bench.ui.batchTable.selectRow(0)
    assert table(bench)[0][2] == "1 of 2 done"
    assert bench.ui.batchDetailLabel.text.endswith("Tilted.\nRDDM Balanced: done, noise 24.0 → 11.2 HU")
    bench.job.rowAdded.emit(row("study1/series-3", "nlm", status="failed", error="The disk is full."))
    assert table(bench)[0][2] == "1 of 2 failed"
    assert bench.ui.batchDetailLabel.text.endswith("Non-local means: The disk is full.")
    assert bench.ui.batchErrorLabel.text == "study1/series-3: The disk is full."


def test_it_neither_waits_for_other_work_nor_keeps_it_waiting(bench):
    bench.click("batchButton")
    batch = bench.job
    assert bench.ui.denoiseButton.enabled and bench.ui.denoiseButton.text == "Denoise"
    bench.click("denoiseButton")
    bench.job.cancel()
    assert batch.running
    bench.panel.exit()
    batch.progressed.emit(0.5, "Denoising")
    assert batch.running and bench.panel.batch.isBusy, "the module was left, and the batch goes on"
    bench.panel.enter()
    bench.host.settle()
    assert bench.ui.batchButton.text == "Cancel batch" and not bench.ui.batchInputEdit.enabled


def test_the_end_is_told_with_numbers_and_for_research_use(bench):
    bench.click("batchButton")
    bench.job.found.emit(FOUND)
    rows = [row("a"), row("b", status="already"), *(row(str(n), status="failed", error=f"Why {n}.") for n in range(5))]
    for one in rows:
        bench.job.rowAdded.emit(one)
    bench.job.finish(rows)
    assert bench.ui.batchLabel.text.endswith("1 done, 1 done before, 5 failed. For research use.")
    assert bench.ui.batchErrorLabel.text.splitlines() == [
        "0: Why 0.", "1: Why 1.", "2: Why 2.", "… and 2 more, see the table.",
    ]  # fmt: skip
    assert bench.ui.batchButton.text == "Start batch"


def test_cancelling_proposes_to_go_on(bench, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "batch.csv").write_text("")
    bench.click("batchButton")
    bench.click("batchButton")
    assert "Cancelled; what is done stays" in bench.ui.batchLabel.text
    assert bench.ui.batchResumeCheckBox.checked and not bench.panel.batch.isBusy


def test_what_a_cancelled_batch_tells_later_is_not_shown(bench):
    bench.click("batchButton")
    former = bench.job
    bench.click("batchButton")
    told = bench.ui.batchLabel.text
    former.progressed.emit(0.9, "Denoising")
    assert bench.ui.batchLabel.text == told


def test_a_failure_is_told_in_a_window_if_the_user_is_elsewhere(bench):
    bench.click("batchButton")
    bench.panel.exit()
    bench.job.fail("The output folder cannot be written to.")
    assert bench.session.dialogs.errors == ["The output folder cannot be written to."]
    assert bench.ui.batchErrorLabel.text == "The output folder cannot be written to."


def test_a_refusal_at_the_start_is_an_error_line(bench):
    bench.logic.refusal = "The folder does not exist."
    bench.click("batchButton")
    assert bench.ui.batchErrorLabel.text == "The folder does not exist." and not bench.panel.batch.isBusy


def test_the_end_of_the_panel_ends_the_batch(bench):
    bench.click("batchButton")
    job, told = bench.job, bench.ui.batchLabel.text
    bench.panel.cleanup()
    assert not job.running
    assert bench.ui.batchLabel.text == told, "the widgets may be gone by then"


def test_log_and_folder_are_opened_once_they_are_there(bench, tmp_path):
    assert not bench.ui.openLogButton.enabled and not bench.ui.openFolderButton.enabled
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "batch.csv").write_text("")
    bench.panel.batch.refresh()
    bench.click("openLogButton")
    bench.click("openFolderButton")
    assert bench.session.dialogs.shown == [tmp_path / "out" / "batch.csv", tmp_path / "out"]


def test_the_folders_of_the_last_time_are_proposed(bench):
    from LDCTDenoisePanel.widget.batch import BatchSection

    bench.session.settings.batchFolders = ("/data/in", "/data/out")
    BatchSection(bench.ui, bench.session)
    assert bench.ui.batchInputEdit.currentPath == "/data/in" and bench.ui.batchOutputEdit.currentPath == "/data/out"
