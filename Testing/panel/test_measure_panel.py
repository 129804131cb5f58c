"""The Measure section by clicks: table, light, plots, regions, files; with a logic that only pretends."""

from __future__ import annotations

import json

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from LDCTDenoisePanel.measure.charts import chartOf
from LDCTDenoisePanel.measure.job import DENOISED
from LDCTDenoisePanel.measure.table import renewTable, rowsOf
from LDCTDenoisePanel.setup_state import SetupState
from measure_setup import observers, segmentation
from measured_document import document
from test_widget_run import Bench
from widget_fakes import makeResult, makeVolume


def figures(result, made=None):
    """A table node as a finished measurement leaves it."""
    made = made or document()
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "figures")
    table.SetAndObserveTable(vtk.vtkTable())
    renewTable(table.GetTable(), rowsOf(made))
    table.SetAttribute("LDCTDenoise.record", json.dumps(made))
    table.SetNodeReferenceID(DENOISED, result.GetID())
    return table


@pytest.fixture
def bench(host, scene):
    made = Bench(host)
    made.volume = makeVolume("Large", shape=(6, 64, 64))
    made.session.parameters.inputVolume = made.volume
    made.result = makeResult(made.volume)
    made.session.parameters.outputVolume = made.result
    for section in ("measureSection", "regionsSection"):
        getattr(made.ui, section).collapsed = False
    host.settle()
    yield made
    made.panel.cleanup()


def measured(bench, made=None):
    bench.click("measureButton")
    table = figures(bench.result, made)
    bench.job.finish(table)
    bench.host.settle()
    return table


def plots(bench):
    return [bench.ui.plotCombo.itemText(index) for index in range(bench.ui.plotCombo.count)]


def choosePlot(bench, title):
    index = bench.ui.plotCombo.findText(title)
    assert index >= 0, plots(bench)
    bench.ui.plotCombo.setCurrentIndex(index)
    bench.ui.plotCombo.activated.emit(index)
    bench.host.settle()


def draw(bench, name):
    bench.click(name)
    assert bench.host.waitUntil(lambda: bench.ui.liveTable.visible or name == "drawLineButton", 5)
    bench.host.waitUntil(lambda: False, 0.1)


def rows(bench):
    table = bench.ui.liveTable.mrmlTableNode().GetTable()
    return {table.GetValue(r, 0).ToString(): table.GetValue(r, 1).ToString() for r in range(table.GetNumberOfRows())}


# what was measured


def test_how_many_slices_were_measured_is_said_and_what_the_figures_are_for(bench):
    measured(bench)
    assert "2 of 8 slices were measured" in bench.ui.measureLabel.text
    assert bench.ui.researchLabel.visible and bench.ui.researchLabel.text == "For research use only. Not for diagnosis."
    assert bench.ui.measureLabel.toolTip == "Few edges."


@pytest.mark.parametrize(
    ("light", "symbol", "words"),
    [("green", "●", "is kept"), ("amber", "▲", "Some"), ("red", "■", "is removed"), ("none", "○", "cannot be told")],
)
def test_the_light_is_a_symbol_and_words_and_tells_on_hovering_what_it_means(bench, light, symbol, words):
    assert not bench.ui.structureLabel.visible
    measured(bench, document(light=light))
    text = bench.ui.structureLabel.text
    assert bench.ui.structureLabel.visible and symbol in text and words in text
    assert bench.ui.structureLabel.toolTip == "The removed part holds 7 %."


def test_a_table_of_a_loaded_scene_is_renewed_and_not_doubled(bench):
    known = figures(bench.result)
    bench.click("measureButton")
    assert bench.logic.named("measure")[-1][2]["table"] is known


def test_figures_of_a_result_that_was_mixed_anew_say_so(bench):
    measured(bench)
    bench.session.changed.emit()
    assert "measure again" not in bench.ui.measureLabel.text
    voxels = slicer.util.arrayFromVolume(bench.result)
    voxels += 1
    slicer.util.arrayFromVolumeModified(bench.result)
    bench.session.changed.emit()
    assert bench.ui.measureLabel.text.endswith("The result was changed since then: measure again.")
    measured(bench)
    assert "measure again" not in bench.ui.measureLabel.text


def test_a_removed_table_is_no_longer_shown_and_offers_no_plot(bench):
    table = measured(bench)
    choosePlot(bench, "Noise power spectrum")
    slicer.mrmlScene.RemoveNode(table)
    bench.session.changed.emit()
    assert not bench.ui.measureTable.visible and not bench.ui.structureLabel.visible
    assert plots(bench) == ["No plot"] and bench.logic.comparison.plot is None
    assert not bench.ui.saveFiguresButton.enabled


# plots


def test_a_plot_is_chosen_among_what_was_measured_and_comes_up_with_the_three_views(bench):
    assert not bench.ui.plotCombo.enabled
    measured(bench)
    assert plots(bench) == ["No plot", "Noise power spectrum", "Shift of the HU by tissue"]
    assert chartOf("nps") is None, "a chart is made when somebody wants to see it"
    choosePlot(bench, "Noise power spectrum")
    chart = chartOf("nps")
    assert bench.logic.comparison.plot is chart and bench.logic.comparison.mode == "three"
    assert chart.GetTitle() == f"Noise power spectrum: {bench.result.GetName()}"
    choosePlot(bench, "No plot")
    assert bench.logic.comparison.plot is None and chart.GetScene() is not None


def test_measuring_again_renews_the_plot_that_is_shown(bench):
    measured(bench)
    choosePlot(bench, "Noise power spectrum")
    made = document()
    made["curves"]["nps"]["lines"][1]["y"] = [1.0, 2.0, 3.0]
    bench.click("measureButton")
    bench.job.finish(figures(bench.result, made))
    series = chartOf("nps").GetNthPlotSeriesNode(1)
    values = slicer.util.arrayFromTableColumn(series.GetTableNode(), series.GetYColumnName())
    assert list(values) == [1, 2, 3] and bench.logic.comparison.plot is chartOf("nps")


# regions and line


def test_a_drawn_region_is_measured_at_once_and_follows_the_hand(bench):
    draw(bench, "drawAButton")
    roi = bench.session.parameters.regionA
    assert roi.IsA("vtkMRMLMarkupsROINode") and bench.ui.regionASelector.currentNode() is roi
    first = rows(bench)
    assert {"Mean A", "SD A"} <= set(first)
    centre = np.array(roi.GetCenterWorld())
    roi.SetCenterWorld(*(centre + np.array([6, 4, 0])))
    assert bench.host.waitUntil(lambda: rows(bench)["Mean A"] != first["Mean A"], 5)
    assert bench.ui.liveTable.mrmlTableNode().GetAttribute("LDCTDenoise.regions") == "1"


def test_two_regions_give_the_contrast_to_noise_ratio(bench):
    draw(bench, "drawAButton")
    draw(bench, "drawBButton")
    assert bench.host.waitUntil(lambda: "CNR of A and B" in rows(bench), 5)
    a, b = (
        np.array(node.GetCenterWorld()) for node in (bench.session.parameters.regionA, bench.session.parameters.regionB)
    )
    assert np.linalg.norm(a - b) > 5, "they do not lie on each other"


def test_a_drawn_line_brings_its_profile_up(bench):
    draw(bench, "drawLineButton")
    assert bench.host.waitUntil(lambda: bench.logic.comparison.plot is not None, 5)
    assert bench.logic.comparison.plot is chartOf("profile") and bench.logic.comparison.mode == "three"
    assert bench.ui.plotCombo.currentText == "Profile along the line"
    slicer.mrmlScene.RemoveNode(bench.session.parameters.profileLine)
    bench.host.settle()
    assert bench.ui.plotCombo.currentText == "No plot" and bench.logic.comparison.plot is None
    assert bench.ui.lineSelector.currentNode() is None and bench.session.parameters.profileLine is None


def test_a_segment_is_chosen_by_its_name(bench):
    assert not bench.ui.segmentACombo.visible
    mask = np.zeros((6, 64, 64), np.uint8)
    mask[:, 10:20, 10:20] = 1
    node, first = segmentation(bench.volume, mask, "liver")
    second = node.GetSegmentation().AddEmptySegment("", "vessel")
    bench.session.parameters.regionA = node
    bench.host.settle()
    combo = bench.ui.segmentACombo
    assert combo.visible and [combo.itemText(i) for i in range(combo.count)] == ["liver", "vessel"]
    assert bench.host.waitUntil(lambda: bench.ui.liveTable.visible, 5)
    assert "Mean A" in rows(bench)
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    assert bench.host.waitUntil(lambda: bench.ui.liveLabel.text == "vessel is empty.", 5)
    assert bench.session.parameters.segmentA == second != first
    assert bench.ui.liveLabel.visible and not bench.ui.liveTable.visible
    third = node.GetSegmentation().AddEmptySegment("", "bone")
    assert bench.host.waitUntil(lambda: combo.findData(third) == 2, 5)
    node.GetSegmentation().RemoveSegment(second)
    assert bench.host.waitUntil(lambda: combo.findData(second) < 0, 5)
    assert combo.currentIndex == -1 and "Choose one of the segments" in bench.ui.liveLabel.text


def test_folding_and_opening_shows_only_what_there_is(bench):
    for section in (bench.ui.measureSection, bench.ui.regionsSection):
        section.collapsed = True
        section.collapsed = False
    for name in ("liveTable", "liveLabel", "segmentACombo", "segmentBCombo", "structureLabel"):
        assert not getattr(bench.ui, name).visible, name


def test_without_a_result_nothing_can_be_drawn_and_the_button_says_why(bench):
    bench.session.parameters.outputVolume = None
    bench.host.settle()
    for name in ("drawAButton", "drawBButton", "drawLineButton"):
        button = getattr(bench.ui, name)
        assert not button.enabled and "Denoise a volume first" in button.toolTip


def test_while_another_module_is_open_nothing_is_followed(bench):
    draw(bench, "drawAButton")
    draw(bench, "drawLineButton")
    parameters = bench.session.parameters
    nodes = [bench.volume, bench.result, parameters.regionA, parameters.profileLine]
    followed = observers(*nodes)
    for _ in range(2):
        bench.panel.exit()
        bench.session.changed.emit()  # as when a run ends meanwhile
        assert np.subtract(followed, observers(*nodes)).tolist() == [3, 3, 6, 6]
        bench.panel.enter()
        bench.host.settle()
        assert observers(*nodes) == followed


def test_coming_back_to_the_module_does_not_bring_the_views_up_unasked(bench):
    draw(bench, "drawLineButton")
    assert bench.host.waitUntil(lambda: bench.logic.comparison.mode == "three", 5)
    bench.panel.exit()
    assert bench.logic.comparison.mode is None
    bench.panel.enter()
    assert bench.host.waitUntil(lambda: bench.logic.comparison.plot is chartOf("profile"), 5)
    bench.host.settle()
    assert bench.logic.comparison.mode is None and bench.ui.plotCombo.currentText == "Profile along the line"


def test_a_closed_scene_leaves_no_figures_and_no_plots(bench):
    draw(bench, "drawAButton")
    assert bench.ui.liveTable.visible and len(plots(bench)) == 2
    slicer.mrmlScene.Clear(0)
    bench.host.settle()
    assert not bench.ui.liveTable.visible and plots(bench) == ["No plot"]


def test_an_undone_deletion_gives_a_region_that_can_be_chosen_again(bench, scene):
    draw(bench, "drawAButton")
    roi, expected = bench.session.parameters.regionA, rows(bench)["Mean A"]
    roi.SetUndoEnabled(True)
    scene.SetUndoOn()
    try:
        scene.SaveStateForUndo()
        scene.RemoveNode(roi)
        bench.host.settle()
        assert bench.session.parameters.regionA is None and not bench.ui.liveTable.visible
        scene.Undo()
        bench.host.settle()
        assert not bench.ui.liveTable.visible
        bench.session.parameters.regionA = scene.GetFirstNodeByName("Region A")
        assert bench.host.waitUntil(lambda: bench.ui.liveTable.visible, 5)
        assert rows(bench)["Mean A"] == expected
    finally:
        scene.ClearUndoStack()
        scene.SetUndoOff()


def test_a_region_of_a_saved_scene_is_followed_again(bench, tmp_path):
    draw(bench, "drawAButton")
    expected = rows(bench)["Mean A"]
    url = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(url)
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(url)
    bench.host.settle()
    assert bench.session.parameters.regionA is not None
    assert bench.host.waitUntil(lambda: bench.ui.liveTable.visible, 5)
    assert rows(bench)["Mean A"] == expected


def test_noise_is_measured_in_region_a_if_the_user_wants_it(bench):
    assert not bench.ui.inRegionCheckBox.enabled
    draw(bench, "drawAButton")
    draw(bench, "drawBButton")
    bench.click("measureButton")
    assert bench.logic.named("measure")[-1][2]["regions"] == []
    bench.job.finish(figures(bench.result))
    bench.click("inRegionCheckBox")
    bench.click("measureButton")
    parameters = bench.session.parameters
    assert bench.logic.named("measure")[-1][2]["regions"] == [(parameters.regionA, ""), (parameters.regionB, "")]
    bench.job.finish(figures(bench.result))
    slicer.mrmlScene.RemoveNode(parameters.regionA)
    bench.click("measureButton")
    assert bench.logic.named("measure")[-1][2]["regions"] == [] and not bench.ui.inRegionCheckBox.enabled


# files


def test_figures_are_saved_where_the_user_says(bench, tmp_path):
    assert not bench.ui.saveFiguresButton.enabled and "Measure first" in bench.ui.saveFiguresButton.toolTip
    table = measured(bench)
    bench.session.dialogs.path = str(tmp_path / "figures.csv")
    bench.click("saveFiguresButton")
    assert bench.logic.named("exportFigures")[-1][1] == (table, tmp_path / "figures.csv")
    assert bench.ui.statusLabel.text == "Saved: figures.csv"


def test_a_report_is_a_job_of_its_own(bench, tmp_path):
    bench.session.dialogs.path = str(tmp_path / "report.html")
    bench.click("saveReportButton")
    _name, arguments, options = bench.logic.named("report")[-1]
    assert arguments == (bench.volume, bench.result, tmp_path / "report.html", None)
    assert options == {"waitForCompletion": False, "regions": []}
    bench.job.finish(tmp_path / "report.html")
    assert bench.ui.statusLabel.text == "Saved: report.html. For research use."


def test_without_matplotlib_it_is_asked_for_by_name_and_then_the_report_goes_on(bench, tmp_path):
    bench.session.setup = SetupState(torch="2.9", matplotlib=None)
    bench.session.changed.emit()
    assert "matplotlib" in bench.ui.saveReportButton.toolTip
    bench.session.dialogs.path = str(tmp_path / "report.html")
    asked = []
    bench.panel.measure._install = asked.append
    bench.click("saveReportButton")
    assert asked == ["matplotlib"] and bench.logic.named("report") == []

    def installed(package):
        bench.session.setup = SetupState(torch="2.9", matplotlib="3.11")

    bench.panel.measure._install = installed
    bench.click("saveReportButton")
    assert len(bench.logic.named("report")) == 1
