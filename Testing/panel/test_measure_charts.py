"""Charts as nodes: what they draw, renewed in place, without a word from VTK while a view shows them."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoisePanel.measure.charts import CHART, chartOf, renewChart
from LDCTDenoisePanel.measure.contents import Content, Line, contentsOf
from LDCTDenoisePanel.views import layouts, plots
from measured_document import document


def content(lines=2, points=50, slope=1.0, sameX=True):
    x = np.linspace(0, 1, points)
    made = [Line(f"line {n}", "#0072B2", x + (0 if sameX else n), slope * (n + 1) * x) for n in range(lines)]
    return Content("test", "A chart", "f (1/mm)", "NPS", tuple(made), "f (1/mm)")


def seriesOf(chart):
    return [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]


def drawn(series):
    """(x, y) that a series draws."""
    node = series.GetTableNode()
    return tuple(
        slicer.util.arrayFromTableColumn(node, name) for name in (series.GetXColumnName(), series.GetYColumnName())
    )


@pytest.fixture
def view(host, scene):
    """The plot view of our layout, up and empty."""
    layouts.enterLayout(layouts.THREE_AND_PLOT)
    host.settle()
    yield plots.plotView()
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    layouts.removeViews(layouts.ourTags())
    plots.removePlotView()


def chartView():
    """VTK's chart in our plot view."""
    manager = slicer.app.layoutManager()
    widgets = [manager.plotWidget(index) for index in range(manager.plotViewCount)]
    return next(w for w in widgets if w.mrmlPlotViewNode().GetLayoutName() == layouts.PLOT_TAG).plotView()


def test_a_chart_draws_what_the_document_says(scene):
    found = contentsOf(document(withReference=True))
    assert list(found) == ["nps", "shift"]
    chart = renewChart(found["nps"], "Noise power spectrum: CT")
    assert chart.GetXAxisTitle() == "spatial frequency (1/mm)" and chart.GetYAxisTitle() == "NPS (HU² mm²)"
    assert [each.GetName() for each in seriesOf(chart)] == ["Original", "RDDM Balanced", "Normal dose"]
    x, y = drawn(seriesOf(chart)[0])
    assert np.allclose(x, [0.1, 0.2, 0.3]) and np.allclose(y[:2], [900, 700]) and np.isnan(y[2])
    assert seriesOf(chart)[2].GetLineStyle() == seriesOf(chart)[2].LineStyleDash


def test_the_shift_is_a_bar_for_each_tissue_within_its_tolerance(scene):
    chart = renewChart(contentsOf(document())["shift"], "Shift")
    bars, upper, lower = seriesOf(chart)
    assert bars.GetPlotType() == bars.PlotTypeScatterBar
    assert np.allclose(drawn(bars), [[1, 2], [-0.3, 1.2]])
    assert np.allclose(drawn(upper)[1], 2) and np.allclose(drawn(lower)[1], -2)
    assert chart.GetXAxisTitle() == "1 soft tissue,  2 fat"
    labels = bars.GetTableNode().GetTable().GetColumnByName(bars.GetLabelColumnName())
    assert [labels.GetValue(row) for row in range(2)] == ["soft tissue", "fat"]


def test_methods_that_are_not_compared_here_are_left_out(scene):
    made = document()
    made["curves"]["nps"]["lines"].append({"image": "nlm", "x": [0.1], "y": [1.0]})
    assert len(contentsOf(made)["nps"].lines) == 2
    made["curves"]["nps"]["lines"] = []
    assert "nps" not in contentsOf(made)


def test_two_lines_of_one_image_are_told_apart(scene):
    made = document()
    line = made["curves"]["nps"]["lines"][1]
    made["curves"]["nps"]["lines"] += [dict(line, label="10 HU"), dict(line)]
    names = [each.name for each in contentsOf(made)["nps"].lines]
    assert names == ["Original", "RDDM Balanced", "RDDM Balanced, 10 HU", "RDDM Balanced (2)"]


def test_the_same_chart_is_renewed_in_place(scene):
    chart = renewChart(content(), "first")
    series = seriesOf(chart)
    column = series[0].GetTableNode().GetTable().GetColumnByName("line 0")
    number = scene.GetNumberOfNodes()
    assert renewChart(content(slope=3, points=80), "second") is chart
    assert seriesOf(chart) == series and scene.GetNumberOfNodes() == number
    assert series[0].GetTableNode().GetTable().GetColumnByName("line 0") is column
    assert np.allclose(drawn(series[1])[1], np.linspace(0, 6, 80)) and chart.GetTitle() == "second"


@pytest.mark.parametrize("lines", [1, 3])
def test_other_lines_leave_no_series_behind(scene, lines):
    chart = renewChart(content(2), "first")
    renewChart(content(lines), "second")
    assert [each.GetName() for each in seriesOf(chart)] == [f"line {n}" for n in range(lines)]
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode") == lines
    assert [np.isclose(drawn(each)[1][-1], n + 1) for n, each in enumerate(seriesOf(chart))] == [True] * lines


def test_lines_over_different_places_keep_their_own(scene):
    chart = renewChart(content(sameX=False), "apart")
    assert [drawn(each)[0][0] for each in seriesOf(chart)] == [0, 1]


def test_a_shorter_line_ends_where_it_ends(scene):
    short, long = content(1, points=5).lines[0], content(2, points=9).lines[1]
    made = Content("test", "A chart", "f", "NPS", (short, long), "f")
    for _ in range(2):  # also in place
        x, y = drawn(seriesOf(renewChart(made, "two lengths"))[0])
        assert np.allclose(y[:5], short.y) and np.isnan(x[5:]).all() and np.isnan(y[5:]).all() and len(y) == 9


def test_the_view_shows_it_and_vtk_has_nothing_to_say(host, view, capfd):
    charts = [renewChart(content(), "first"), renewChart(contentsOf(document())["shift"], "Shift")]
    host.settle()
    capfd.readouterr()
    for chart in charts:
        plots.showChart(chart)
        host.settle()
    plots.showChart(charts[0])
    host.settle()
    shown = chartView()
    assert shown.chart().GetNumberOfPlots() == 2 and shown.chart().GetTitle() == "first"
    before = shown.picture().copy()
    for step in (
        {"slope": 3},
        {"points": 90},
        {"lines": 3},
        {"lines": 1},
        {"lines": 2, "sameX": False},
        {"lines": 2},
    ):
        renewChart(content(**step), "first")
        host.settle()
    told = capfd.readouterr()
    assert told.err == "" and told.out == ""
    assert shown.chart().GetNumberOfPlots() == 2
    renewChart(content(slope=-1), "first")
    host.settle()
    assert not np.array_equal(shown.picture(), before)


def test_a_chart_survives_saving_and_loading_and_is_the_one_that_is_renewed(host, scene, tmp_path):
    renewChart(content(), "first")
    url = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(url)
    scene.Clear(0)
    slicer.util.loadScene(url)
    chart = chartOf("test")
    assert chart is not None and len(seriesOf(chart)) == 2
    assert renewChart(content(slope=2), "again") is chart
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode") == 2
    assert np.isclose(drawn(seriesOf(chart)[0])[1][-1], 2)


def test_the_users_own_charts_are_left_alone(scene):
    own = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", "A chart")
    chart = renewChart(content(), "ours")
    assert chart is not own and own.GetNumberOfPlotSeriesNodes() == 0 and chart.GetAttribute(CHART) == "test"


def test_without_its_table_a_chart_is_made_whole_again(scene):
    chart = renewChart(content(), "first")
    scene.RemoveNode(seriesOf(chart)[0].GetTableNode())
    renewChart(content(slope=2), "again")
    assert np.isclose(drawn(seriesOf(chart)[0])[1][-1], 2)
    scene.RemoveNode(seriesOf(chart)[1])
    renewChart(content(slope=2), "again")
    assert len(seriesOf(chart)) == 2
