"""The plot below our three views."""

import slicer

from . import layouts


def plotView():
    """The node of our plot view; None as long as no layout has made it."""
    return slicer.mrmlScene.GetSingletonNode(layouts.PLOT_TAG, "vtkMRMLPlotViewNode")


def showChart(chart):
    """Puts a chart node into our plot view, if there is such a view; None empties it."""
    view = plotView()
    wanted = chart.GetID() if chart is not None else None
    if view is not None and view.GetPlotChartNodeID() != wanted:
        view.SetPlotChartNodeID(wanted)


def chartShown():
    """The chart node in our plot view, None where there is none."""
    view = plotView()
    return view.GetPlotChartNode() if view is not None else None


def removePlotView():
    """Takes our plot view out of the scene; the charts stay."""
    view = plotView()
    if view is not None:
        slicer.mrmlScene.RemoveNode(view)
