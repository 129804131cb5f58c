"""The plot below the three views: comes and goes without moving them, and is gone when the user has his views back."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoisePanel.measure.charts import renewChart
from LDCTDenoisePanel.measure.contents import Content, Line
from LDCTDenoisePanel.views import layouts
from view_cases import case, state_of_users_views


@pytest.fixture
def three(ct, comparison):
    return case(ct)


@pytest.fixture
def chart(scene):
    x = np.linspace(0, 1, 20)
    lines = (Line("Original", "#D55E00", x, 3 - x), Line("Denoised", "#0072B2", x, 2 - x))
    return renewChart(Content("nps", "NPS", "f (1/mm)", "NPS", lines, "f (1/mm)"), "Noise power spectrum")


def layout():
    return slicer.app.layoutManager().layout


def plotViews():
    """Tags of all plot views but Slicer's own."""
    nodes = slicer.util.getNodesByClass("vtkMRMLPlotViewNode")
    return [node.GetLayoutName() for node in nodes if node.GetLayoutName().startswith("LDCT")]


def shownChart():
    return slicer.mrmlScene.GetSingletonNode(layouts.PLOT_TAG, "vtkMRMLPlotViewNode").GetPlotChartNode()


def view(tag):
    node = slicer.app.layoutManager().sliceWidget(tag).mrmlSliceNode()
    return slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()).round(4).tolist(), np.round(
        node.GetXYZOrigin(), 4
    ).tolist()


def test_a_plot_comes_below_the_three_views_and_they_keep_their_place(host, three, comparison, chart):
    comparison.showThree(three.before, three.after, three.difference)
    host.settle()
    host.view("LDCTBefore").wheel(2)
    host.view("LDCTBefore").drag((0.5, 0.5), (0.6, 0.55), button="Middle")
    before = [view(tag) for tag in ("LDCTBefore", "LDCTAfter", "LDCTDifference")]
    comparison.setPlot(chart)
    host.settle()
    assert layout() == layouts.THREE_AND_PLOT == 5709 and comparison.mode == "three"
    assert shownChart() is chart
    assert [view(tag) for tag in ("LDCTBefore", "LDCTAfter", "LDCTDifference")] == before
    plot = next(
        widget
        for widget in map(slicer.app.layoutManager().plotWidget, range(slicer.app.layoutManager().plotViewCount))
        if widget.mrmlPlotViewNode().GetLayoutName() == layouts.PLOT_TAG
    )
    slices = slicer.app.layoutManager().sliceWidget("LDCTBefore")
    assert plot.height > 0.25 * slicer.app.layoutManager().viewport().height and slices.height > plot.height
    comparison.setPlot(None)
    host.settle()
    assert layout() == layouts.THREE and comparison.mode == "three"
    assert [view(tag) for tag in ("LDCTBefore", "LDCTAfter", "LDCTDifference")] == before


def test_one_plot_after_the_other_does_not_rebuild_the_views(host, three, comparison, chart):
    comparison.setPlot(chart)
    assert layout() not in layouts.ourLayouts(), "it waits for the three views"
    comparison.showThree(three.before, three.after, three.difference)
    host.settle()
    changes = []
    comparison.modeChanged.connect(lambda: changes.append(1))
    other = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode")
    comparison.setPlot(other)
    host.settle()
    assert shownChart() is other and changes == []


def test_leaving_takes_the_plot_view_away_and_gives_everything_back(host, three, comparison, chart):
    before = state_of_users_views()
    comparison.setPlot(chart)
    comparison.showThree(three.before, three.after, three.difference)
    host.settle()
    assert plotViews() == [layouts.PLOT_TAG]
    comparison.leave()
    host.settle()
    assert state_of_users_views() == before and plotViews() == []
    assert chart.GetScene() is not None and comparison.plot is chart


def test_other_modes_have_no_plot_and_three_views_have_it_again(host, three, comparison, chart):
    comparison.setPlot(chart)
    comparison.showThree(three.before, three.after, three.difference)
    comparison.showWipe(three.before, three.after)
    host.settle()
    assert layout() == layouts.SINGLE
    comparison.showThree(three.before, three.after, three.difference)
    host.settle()
    assert layout() == layouts.THREE_AND_PLOT and shownChart() is chart


def test_a_chart_that_is_gone_leaves_the_three_views(host, three, comparison, chart):
    comparison.setPlot(chart)
    comparison.showThree(three.before, three.after, three.difference)
    slicer.mrmlScene.RemoveNode(chart)
    host.settle()
    assert comparison.plot is None
    comparison.showThree(three.before, three.after, three.difference)
    host.settle()
    assert layout() == layouts.THREE


def test_a_picture_of_the_comparison_is_of_the_three_views(host, three, comparison, chart):
    comparison.setPlot(chart)
    comparison.showThree(three.before, three.after, three.difference)
    host.settle()
    height, width, _ = comparison.picture().shape
    assert width > 1.5 * height


def test_a_scene_saved_with_a_plot_loads_with_it(host, three, comparison, chart, tmp_path):
    comparison.setPlot(chart)
    comparison.showThree(three.before, three.after, three.difference)
    host.settle()
    url = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(url)
    slicer.mrmlScene.Clear(0)
    host.settle()
    assert comparison.mode is None and plotViews() == []
    slicer.util.loadScene(url)
    host.settle()
    assert comparison.mode == "three" and layout() == layouts.THREE_AND_PLOT
    assert shownChart().GetTitle() == "Noise power spectrum" and comparison.plot is shownChart()
    comparison.leave()
    host.settle()
    assert layout() not in layouts.ourLayouts() and plotViews() == []
