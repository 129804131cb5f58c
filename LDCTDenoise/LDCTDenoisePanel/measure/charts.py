"""Charts as nodes of the scene: a chart, its series and the table they draw from, renewed in place."""

from __future__ import annotations

import math

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from .. import results
from .contents import Content, Line

CHART = "LDCTDenoise.chart"  # attribute of all nodes of a chart: the key of its content
TABLE_ROLE = "LDCTDenoise.table"
LABELS = "Label"  # the column of texts


def chartOf(key: str):
    """The chart node of that key in the scene, or None."""
    for node in slicer.util.getNodesByClass("vtkMRMLPlotChartNode"):
        if node.GetAttribute(CHART) == key:
            return node
    return None


def renewChart(content: Content, title: str, beside=None):
    """The chart node of that content, made or renewed: one in a scene for each key.

    title   of the chart, for instance with the names of the volumes
    beside  a node in whose folder of the subject hierarchy a new chart lies
    A view that shows the chart is never left with a series without its columns, at which VTK would complain.
    """
    chart = chartOf(content.key)
    isNew = chart is None
    table = chart.GetNodeReference(TABLE_ROLE) if chart is not None else None
    if isNew:
        chart = _added("vtkMRMLPlotChartNode", content.title, content.key)
    if table is None:
        table = _added("vtkMRMLTableNode", content.title, content.key)
        chart.SetNodeReferenceID(TABLE_ROLE, table.GetID())
    columns = _columns(content)
    if _columnsFit(table, columns) and _seriesFit(chart, content):
        with slicer.util.NodeModify(table):  # one event, whatever the table itself says of its columns
            _write(table.GetTable(), columns)
            table.Modified()
    else:
        old = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
        chart.RemoveAllPlotSeriesNodeIDs()
        made = vtk.vtkTable()
        _write(made, columns)
        table.SetAndObserveTable(made)
        series = [each for each in old if each is not None]
        while len(series) > len(content.lines):
            slicer.mrmlScene.RemoveNode(series.pop())
        while len(series) < len(content.lines):
            series.append(_added("vtkMRMLPlotSeriesNode", "", content.key, isHidden=True))
        for node, line in zip(series, content.lines, strict=True):
            _describe(node, content, line, table)
        for node in series:
            chart.AddAndObservePlotSeriesNodeID(node.GetID())
    with slicer.util.NodeModify(chart):
        chart.SetTitle(title)
        chart.SetXAxisTitle(content.xTitle)
        chart.SetYAxisTitle(content.yTitle)
        chart.SetLegendVisibility(True)
    if isNew and beside is not None:
        results.placeBeside(beside, chart)
        results.placeBeside(beside, table)
    return chart


def _columns(content: Content) -> dict:
    """The x column of all lines, or one for each where they differ; then the lines; texts in a column of their own."""
    shared = _sharesX(content)
    columns = {content.xColumn: content.lines[0].x} if shared else {}
    for line in content.lines:
        if not shared:
            columns[_xName(content, line)] = line.x
        columns[line.name] = line.y
    return {**columns, **({LABELS: content.labels} if content.labels else {})}


def _sharesX(content: Content) -> bool:
    return all(np.array_equal(line.x, content.lines[0].x) for line in content.lines)


def _xName(content: Content, line: Line) -> str:
    return content.xColumn if _sharesX(content) else f"{content.xColumn}: {line.name}"


def _columnsFit(node, columns: dict) -> bool:
    table = node.GetTable()
    there = [table.GetColumn(index) for index in range(table.GetNumberOfColumns())]
    return [column.GetName() for column in there] == list(columns) and all(
        column.IsA(_kind(columns[column.GetName()])) for column in there
    )


def _kind(values) -> str:
    return "vtkStringArray" if isinstance(values, tuple) else "vtkDoubleArray"


def _seriesFit(chart, content: Content) -> bool:
    series = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    return [each.GetYColumnName() if each is not None else None for each in series] == [
        line.name for line in content.lines
    ]


def _write(table, columns: dict) -> None:
    """Into the columns that are there; all get the same number of rows, NaN below the shorter ones."""
    rows = max(len(values) for values in columns.values())
    for name, values in columns.items():
        column = table.GetColumnByName(name)
        isNew = column is None
        if isNew:
            column = getattr(vtk, _kind(values))()
            column.SetName(name)
        column.SetNumberOfTuples(rows)
        if isinstance(values, tuple):
            for row in range(rows):
                column.SetValue(row, values[row] if row < len(values) else "")
        else:
            numbers = vtk_to_numpy(column)
            numbers[: len(values)] = values
            numbers[len(values) :] = math.nan
        column.Modified()
        if isNew:
            table.AddColumn(column)
    table.Modified()


def _describe(series, content: Content, line: Line, table) -> None:
    with slicer.util.NodeModify(series):
        series.SetName(line.name)  # what the legend says
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(series.PlotTypeScatterBar if line.isBars else series.PlotTypeScatter)
        series.SetXColumnName(_xName(content, line))
        series.SetYColumnName(line.name)
        series.SetLabelColumnName(LABELS if content.labels else "")
        series.SetColor(*(int(line.colour[first : first + 2], 16) / 255 for first in (1, 3, 5)))
        series.SetMarkerStyle(series.MarkerStyleNone)
        series.SetLineWidth(2)
        series.SetLineStyle(series.LineStyleDash if line.isDashed else series.LineStyleSolid)


def _added(className: str, name: str, key: str, isHidden: bool = False):
    node = slicer.mrmlScene.CreateNodeByClass(className)
    node.UnRegister(None)  # VTK gave it with a reference of its own
    node.SetName(name)
    node.SetAttribute(CHART, key)
    node.SetHideFromEditors(isHidden)
    return slicer.mrmlScene.AddNode(node)
