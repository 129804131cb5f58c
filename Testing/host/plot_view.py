"""A plot view with its bar: VTK's own chart, filled from a plot chart node as Slicer's qMRMLPlotView does."""

from __future__ import annotations

import qt
import slicer
import vtk

from .vtk_widget import VTKWidget

BAR_HEIGHT = 24
_PEN = {"LineStyleNone": 0, "LineStyleSolid": 1, "LineStyleDash": 2, "LineStyleDot": 3, "LineStyleDashDot": 4}
_FONTS = {"title": 20, "axis": 16, "labels": 12}  # points, Slicer's


class qMRMLPlotView(VTKWidget):
    """Draws the chart of its view node, and again whenever the chart, a series or its table says that it changed.

    A plot keeps its vtkPlot from one change to the next, as in Slicer: one whose columns are taken away complains.
    """

    def __init__(self, viewNode, parent=None):
        super().__init__(parent)
        self._viewNode, self._tags, self._plots = viewNode, [], {}
        self._renderer = vtk.vtkRenderer()
        self._renderer.SetBackground(1, 1, 1)
        self.renderWindow().AddRenderer(self._renderer)
        self._chart = vtk.vtkChartXY()
        self._actor = vtk.vtkContextActor()
        self._actor.GetScene().AddItem(self._chart)
        self._actor.GetScene().SetRenderer(self._renderer)
        self._renderer.AddActor(self._actor)
        self._timer = qt.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.forceRender)
        self._viewTag = viewNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self.refresh())
        self.onResized(lambda width, height: self.scheduleRender())
        self.refresh()

    def chart(self):
        return self._chart

    def mrmlPlotViewNode(self):
        return self._viewNode

    def close_view(self):
        """The view node was removed."""
        self._viewNode.RemoveObserver(self._viewTag)
        self._forget()

    def scheduleRender(self):
        self._timer.start(0)

    def forceRender(self):
        self._timer.stop()
        if self.isVisible():
            self.render()

    def refresh(self):
        """Fill the chart anew from the nodes."""
        self._forget()
        node = self._viewNode.GetPlotChartNode() if self._viewNode.GetScene() is not None else None
        series = [node.GetNthPlotSeriesNode(i) for i in range(node.GetNumberOfPlotSeriesNodes())] if node else []
        series = [each for each in series if each is not None]
        shown = {each.GetID(): self._plotOf(each) for each in series}
        shown = {key: plot for key, plot in shown.items() if plot is not None}
        for key, plot in list(self._plots.items()):
            if shown.get(key) is not plot:
                self._chart.RemovePlotInstance(plot)
        for key, plot in shown.items():
            if self._plots.get(key) is not plot:
                self._chart.AddPlot(plot)
        self._plots = shown
        for each in [node, *series, *(one.GetTableNode() for one in series)]:
            if each is not None:
                self._tags.append((each, each.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self.refresh())))
        if node is not None:
            self._titles(node)
        self._chart.RecalculateBounds()
        self.scheduleRender()

    def _forget(self):
        for each, tag in self._tags:
            each.RemoveObserver(tag)
        self._tags = []

    def _plotOf(self, series):
        table = series.GetTableNode().GetTable() if series.GetTableNode() is not None else None
        y = table.GetColumnByName(series.GetYColumnName()) if table is not None and series.GetYColumnName() else None
        if y is None or not y.IsA("vtkDataArray"):
            return None
        isBar = series.GetPlotType() in (series.PlotTypeBar, series.PlotTypeScatterBar)
        plot = self._plots.get(series.GetID())
        if plot is None or plot.IsA("vtkPlotBar") != isBar:
            plot = vtk.vtkPlotBar() if isBar else vtk.vtkPlotLine()
        if series.IsXColumnRequired():
            if table.GetColumnByName(series.GetXColumnName() or "") is None:
                return None
            plot.SetUseIndexForXSeries(False)
            plot.SetInputData(table, series.GetXColumnName(), series.GetYColumnName())
        else:
            plot.SetUseIndexForXSeries(True)
            plot.SetInputData(table, series.GetYColumnName(), series.GetYColumnName())
        plot.SetColorF(*series.GetColor())
        plot.SetWidth(series.GetLineWidth())
        plot.SetLabel(series.GetName())
        if not isBar:
            styles = {getattr(slicer.vtkMRMLPlotSeriesNode, name): pen for name, pen in _PEN.items()}
            plot.GetPen().SetLineType(styles.get(series.GetLineStyle(), 0))
            plot.SetMarkerStyle(series.GetMarkerStyle())
        return plot

    def _titles(self, node):
        self._chart.SetTitle(node.GetTitle() or "" if node.GetTitleVisibility() else "")
        self._chart.GetTitleProperties().SetFontSize(_FONTS["title"])
        self._chart.SetShowLegend(node.GetLegendVisibility())
        for place, title in ((vtk.vtkAxis.BOTTOM, node.GetXAxisTitle()), (vtk.vtkAxis.LEFT, node.GetYAxisTitle())):
            axis = self._chart.GetAxis(place)
            axis.SetTitle(title or "")
            axis.GetTitleProperties().SetFontSize(_FONTS["axis"])
            axis.GetLabelProperties().SetFontSize(_FONTS["labels"])


class qMRMLPlotWidget(qt.QWidget):
    """What layoutManager().plotWidget(index) returns."""

    def __init__(self, viewNode, parent=None):
        super().__init__(parent)
        self._node = viewNode
        self._bar = qt.QLabel(f" {viewNode.GetLayoutLabel() or viewNode.GetLayoutName()}", self)
        self._bar.setFixedHeight(BAR_HEIGHT)
        self._view = qMRMLPlotView(viewNode, self)
        column = qt.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._bar)
        column.addWidget(self._view)
        column.setStretch(1, 1)

    def mrmlPlotViewNode(self):
        return self._node

    mrmlAbstractViewNode = mrmlPlotViewNode

    def plotView(self):
        return self._view

    viewWidget = plotView

    def plotController(self):
        return self._bar

    controllerWidget = plotController

    def close_view(self):
        self._view.close_view()
        self.setParent(None)
        self.deleteLater()
