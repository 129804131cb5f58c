"""The whole way of measuring, nothing made up: clicks, the worker, the views, and a hand that drags."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from LDCTDenoisePanel.measure.charts import chartOf
from test_widget_real import ended, widget  # noqa: F401


@pytest.fixture
def measuring(host, widget):  # noqa: F811
    """The open module with a denoised CT and an open Measure section."""
    host.click(widget.ui.denoiseButton)
    assert host.waitUntil(lambda: ended(widget), 60)
    for section in (widget.ui.measureSection, widget.ui.regionsSection):
        section.collapsed = False
    host.settle()
    return widget


def inView(view, point):
    """Where a point of the world is in a slice view, in pixels from the lower left corner."""
    inverse = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(view.widget.mrmlSliceNode().GetXYToRAS(), inverse)
    return tuple(round(value) for value in inverse.MultiplyPoint([*point, 1.0])[:2])


def curve(key, number=0):
    series = chartOf(key).GetNthPlotSeriesNode(number)
    return slicer.util.arrayFromTableColumn(series.GetTableNode(), series.GetYColumnName()).copy()


def figures(table):
    table = table.GetTable()
    return {table.GetValue(r, 0).ToString(): table.GetValue(r, 2).ToString() for r in range(table.GetNumberOfRows())}


def test_measure_plot_and_report(host, measuring, tmp_path):
    ui = measuring.ui
    host.click(ui.measureButton)
    assert host.waitUntil(lambda: ended(measuring), 60)
    assert "Noise level" in figures(ui.measureTable.mrmlTableNode())
    assert "8 of 8 slices were measured" in ui.measureLabel.text
    index = ui.plotCombo.findData("shift")
    ui.plotCombo.setCurrentIndex(index)
    ui.plotCombo.activated.emit(index)
    host.settle()
    assert measuring.logic.comparison.plot is chartOf("shift")
    file = tmp_path / "report.html"
    measuring.panel.session.dialogs.saveFile = lambda *question: str(file)
    host.click(ui.saveReportButton)
    assert host.waitUntil(lambda: ended(measuring), 60)
    assert ui.errorLabel.text == "" and file.stat().st_size > 20_000


def test_the_end_of_a_line_is_dragged_by_hand_and_the_profile_follows(host, measuring):
    host.click(measuring.ui.drawLineButton)
    assert host.waitUntil(lambda: chartOf("profile") is not None, 5)
    host.settle()
    line, before = measuring.panel.session.parameters.profileLine, curve("profile")
    view = host.view("LDCTBefore")
    host.grab("LDCTBefore")
    start = inView(view, line.GetNthControlPointPositionWorld(1))
    end = (start[0] + 5, start[1] + 45)
    view.drag(start, end)
    host.settle()
    where = inView(view, line.GetNthControlPointPositionWorld(1))
    assert np.hypot(where[0] - end[0], where[1] - end[1]) < 6, "the hand has the point"
    assert host.waitUntil(lambda: not np.array_equal(curve("profile"), before, equal_nan=True), 5)


def test_a_region_stays_on_its_slice_and_follows_the_strength(host, measuring):
    host.click(measuring.ui.drawAButton)
    table = measuring.ui.liveTable
    assert host.waitUntil(lambda: table.visible, 5)
    roi = measuring.panel.session.parameters.regionA
    shown = measuring.logic.comparison.visibleSlice(measuring.volume)
    from LDCTDenoisePanel.views.acquisition_plane import sliceAt

    assert abs(sliceAt(measuring.volume, roi.GetCenterWorld()) - shown) < 0.01
    full = figures(table.mrmlTableNode())["SD A"]
    measuring.ui.strengthSlider.value = 0
    assert host.waitUntil(lambda: figures(table.mrmlTableNode())["SD A"] != full, 5)
