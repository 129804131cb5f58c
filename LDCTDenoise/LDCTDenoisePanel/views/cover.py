"""Another volume's slice drawn over a view's own picture, from a column on to the right edge.

A second slice layer logic cuts and windows the volume for the same slice node; an image mapper draws it, limited to
those columns. That is pixel exact and needs neither a second renderer nor a change of what the view shows.
"""

import slicer
import vtk


class Cover:
    """Draws `volume` over a slice view until `close()`; `fraction` is where it begins, 0 left … 1 right."""

    def __init__(self, sliceWidget, volume, fraction=0.0, visible=True):
        self._view = sliceWidget.sliceView()
        self._window = self._view.renderWindow()  # its size counts device pixels, a widget's does not
        self._fraction = fraction
        self._layer = slicer.vtkMRMLSliceLayerLogic()
        self._layer.SetMRMLScene(slicer.mrmlScene)
        self._layer.SetSliceNode(sliceWidget.mrmlSliceNode())
        self._layer.SetVolumeNode(volume)
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._mapper.UseCustomExtentsOn()
        self._image = vtk.vtkActor2D()
        self._image.SetMapper(self._mapper)
        self._ground, self._corners = _blackGround()
        self._props = [self._ground, self._image]
        self._renderer = self._window.GetRenderers().GetItemAsObject(0)
        for prop in self._props:
            prop.GetProperty().SetDisplayLocationToBackground()  # below markups and texts
            self._renderer.AddViewProp(prop)
        node = sliceWidget.mrmlSliceNode()
        self._tags = [
            (each, each.AddObserver(vtk.vtkCommand.ModifiedEvent, self._update)) for each in (self._layer, node)
        ]
        self.visible = visible

    @property
    def visible(self):
        return bool(self._image.GetVisibility())

    @visible.setter
    def visible(self, visible):
        for prop in self._props:
            prop.SetVisibility(visible)
        self._update()

    @property
    def fraction(self):
        return self._fraction

    @fraction.setter
    def fraction(self, fraction):
        self._fraction = min(max(fraction, 0.0), 1.0)
        self._update()

    def column(self):
        """The first covered column, in pixels of the render window."""
        width = self._window.GetSize()[0]
        return min(max(int(self._fraction * width), 0), max(width - 1, 0))

    def close(self):
        """Gives the view's own picture back. Also right after the volume is gone."""
        for each, tag in self._tags:
            each.RemoveObserver(tag)
        self._tags = []
        for prop in self._props:
            self._renderer.RemoveViewProp(prop)
        self._mapper.RemoveAllInputConnections(0)
        # a layer that keeps a removed volume prints errors
        self._layer.SetVolumeNode(None)
        self._layer.SetSliceNode(None)
        self._layer.SetMRMLScene(None)
        self._view.scheduleRender()

    def _update(self, caller=None, event=None):
        width, height = self._window.GetSize()
        column = self.column()
        connection = self._layer.GetImageDataConnection()  # may be another one after a change of the volume's display
        if self._mapper.GetInputConnection(0, 0) is not connection:
            self._mapper.SetInputConnection(connection)
        self._mapper.SetCustomDisplayExtents((column, width - 1, 0, height - 1))
        self._image.SetPosition(column, 0)
        for index, (x, y) in enumerate(((column, 0), (width, 0), (width, height), (column, height))):
            self._corners.SetPoint(index, x, y, 0)
        self._corners.Modified()
        self._view.scheduleRender()


def _blackGround():
    """A black rectangle: where the volume has no voxels its layer is clear, and the view's own picture would show."""
    points = vtk.vtkPoints()
    points.SetNumberOfPoints(4)
    square = vtk.vtkCellArray()
    square.InsertNextCell(4, (0, 1, 2, 3))
    shape = vtk.vtkPolyData()
    shape.SetPoints(points)
    shape.SetPolys(square)
    mapper = vtk.vtkPolyDataMapper2D()
    mapper.SetInputData(shape)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(0.0, 0.0, 0.0)
    return actor, points
