"""Export as DICOM by clicks: where it goes, what is asked, what is told."""

from __future__ import annotations

import pytest
from test_widget_run import Bench
from widget_fakes import makeResult


@pytest.fixture
def bench(host, scene):
    made = Bench(host)
    made.result = makeResult(made.volume, name="2: Thorax RDDM")
    made.session.parameters.outputVolume = made.result
    made.volume.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    made.ui.exportSection.collapsed = False
    host.settle()
    yield made
    made.panel.cleanup()


def asked(bench):
    _name, arguments, options = bench.logic.named("exportDICOM")[-1]
    return arguments, options


def test_a_series_goes_into_a_folder_of_its_own_within_the_chosen_one(bench, tmp_path):
    bench.session.dialogs.folders = [str(tmp_path)]
    bench.click("saveDICOMButton")
    arguments, options = asked(bench)
    assert arguments == (bench.result, tmp_path / "2_ Thorax RDDM")
    assert options == {
        "private": False, "overwrite": False, "addToDatabase": False, "sourceFolder": None, "waitForCompletion": False,
    }  # fmt: skip
    assert bench.session.settings.exportFolder == str(tmp_path)
    bench.job.record = {"images": 300}
    bench.job.finish(arguments[1])
    assert bench.ui.statusLabel.text == "Saved: 2_ Thorax RDDM, 300 DICOM images. For research use."


def test_the_database_and_private_tags_are_asked_for_by_check_boxes(bench, tmp_path):
    bench.session.dialogs.folders = [str(tmp_path)]
    bench.click("intoDatabaseCheckBox")
    bench.click("privateTagsCheckBox")
    assert bench.session.settings.intoDatabase, "the database is a choice of the machine"
    bench.click("saveDICOMButton")
    options = asked(bench)[1]
    assert options["private"] and options["addToDatabase"]
    bench.job.finish(tmp_path / "out")
    assert "also in Slicer's DICOM database" in bench.ui.statusLabel.text


def test_for_an_original_from_elsewhere_its_series_is_asked_for_first(bench, tmp_path):
    bench.volume.RemoveAttribute("DICOM.instanceUIDs")
    bench.session.dialogs.folders = [str(tmp_path / "original"), str(tmp_path)]
    bench.click("saveDICOMButton")
    assert asked(bench)[1]["sourceFolder"] == str(tmp_path / "original")
    assert bench.session.dialogs.asked[0] == "Folder of the DICOM series of CT"


@pytest.mark.parametrize("fromDatabase", [True, False])
def test_changing_ones_mind_exports_nothing(bench, fromDatabase, tmp_path):
    bench.session.dialogs.folders = ["", str(tmp_path)]
    if not fromDatabase:
        bench.volume.RemoveAttribute("DICOM.instanceUIDs")
    bench.click("saveDICOMButton")
    assert not bench.logic.named("exportDICOM")


def test_a_folder_that_is_there_is_replaced_only_after_asking(bench, tmp_path):
    target = tmp_path / "2_ Thorax RDDM"
    target.mkdir()
    (target / "IM-0001.dcm").write_text("there already")
    bench.session.dialogs.answer = False
    bench.session.dialogs.folders = [str(tmp_path)]
    bench.click("saveDICOMButton")
    assert not bench.logic.named("exportDICOM") and "exists already" in bench.session.dialogs.asked[-1]
    bench.session.dialogs.answer = True
    bench.session.dialogs.folders = [str(tmp_path)]
    bench.click("saveDICOMButton")
    assert asked(bench)[1]["overwrite"]


def test_what_cannot_be_exported_is_an_error_line(bench, tmp_path):
    bench.session.dialogs.folders = [str(tmp_path)]
    bench.click("saveDICOMButton")
    bench.job.fail("The volume does not lie where its DICOM series lies.")
    assert bench.ui.errorLabel.text == "The volume does not lie where its DICOM series lies."


def test_the_button_rests_without_a_result_and_while_something_runs(bench):
    bench.click("denoiseButton")
    assert not bench.ui.saveDICOMButton.enabled and "Wait" in bench.ui.saveDICOMButton.toolTip
    bench.job.cancel()
    bench.session.parameters.outputVolume = None
    bench.host.settle()
    assert not bench.ui.saveDICOMButton.enabled and "Denoise a volume first" in bench.ui.saveDICOMButton.toolTip
