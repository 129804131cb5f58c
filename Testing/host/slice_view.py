"""One slice view: a widget with the pipeline, displayable managers and interactor style of a real qMRMLSliceView."""

from __future__ import annotations

import qt
import slicer
import vtk

from .vtk_widget import VTKWidget

DISPLAYABLE_MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",  # zoom, pan and scroll
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",  # window/level by mouse
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
)


def register_displayable_managers(applicationLogic) -> None:
    """Name the managers that every new slice view gets; the orientation marker needs files that slicer-core lacks."""
    factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
    factory.SetMRMLApplicationLogic(applicationLogic)
    for name in DISPLAYABLE_MANAGERS:
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)


class qMRMLSliceView(qt.QWidget):
    """Renders one slice node. Layer 0 holds the image, layer 1 what lies above it; sizes are in device pixels."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._renderEnabled, self._sliceNode, self._connection = True, None, None
        self._vtkWidget = VTKWidget(self)
        box = qt.QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._vtkWidget)
        self._timer = qt.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.forceRender)
        self._setUpRenderers()
        self._setUpInteraction()

    def _setUpRenderers(self):
        window = self._vtkWidget.renderWindow()
        window.SetNumberOfLayers(2)
        self._imageRenderer, self._overlayRenderer = vtk.vtkRenderer(), vtk.vtkRenderer()
        self._overlayRenderer.SetLayer(1)
        for renderer in (self._imageRenderer, self._overlayRenderer):
            renderer.GetActiveCamera().ParallelProjectionOn()
            renderer.SetBackground(0, 0, 0)
            window.AddRenderer(renderer)
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._image = vtk.vtkActor2D()
        self._image.SetMapper(self._mapper)
        self._image.GetProperty().SetDisplayLocationToBackground()
        self._image.VisibilityOff()  # until there is a picture
        self._imageRenderer.AddViewProp(self._image)
        self._annotation = vtk.vtkCornerAnnotation()
        self._annotation.SetMaximumLineHeight(0.07)
        self._annotation.SetNonlinearFontScaleFactor(0.3)
        self._annotation.SetMaximumFontSize(14)
        self._overlayRenderer.AddViewProp(self._annotation)

    def _setUpInteraction(self):
        interactor = self._vtkWidget.interactor()
        interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        # in Slicer the managers draw into the light box's first renderer, too
        self._managers = factory.InstantiateDisplayableManagers(self._imageRenderer)
        self._managers.AddObserver(vtk.vtkCommand.UpdateEvent, lambda *_: self.scheduleRender())
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetDisplayableManagers(self._managers)
        self._style.SetInteractor(interactor)

    # what qMRMLSliceWidget needs
    def setMRMLSliceNode(self, node):
        self._sliceNode = node
        self._managers.SetMRMLDisplayableNode(node)

    def setSliceLogic(self, logic):
        self._style.SetSliceLogic(logic)

    def setImageDataConnection(self, connection):
        """Show the slice logic's picture; the connection does not exist before a volume is shown."""
        self._connection = connection
        if connection is not None:
            self._mapper.SetInputConnection(connection)
        self._image.SetVisibility(connection is not None)
        self.scheduleRender()

    # the face that modules use
    def VTKWidget(self):
        return self._vtkWidget

    def renderWindow(self):
        return self._vtkWidget.renderWindow()

    def interactor(self):
        return self._vtkWidget.interactor()

    def interactorObserver(self):
        return self._style

    def cornerAnnotation(self):
        return self._annotation

    overlayCornerAnnotation = cornerAnnotation

    def mrmlSliceNode(self):
        return self._sliceNode

    def displayableManagerByClassName(self, name):
        return self._managers.GetDisplayableManagerByClassName(name)

    def setViewCursor(self, cursor):
        self._vtkWidget.setCursor(cursor)

    def unsetViewCursor(self):
        self._vtkWidget.unsetCursor()

    def setRenderEnabled(self, enabled):
        self._renderEnabled = bool(enabled)
        if enabled:
            self.scheduleRender()

    def scheduleRender(self):
        """Render at the next turn of the event loop, once however often it is asked."""
        if not self._timer.isActive():
            self._timer.start(0)

    def forceRender(self):
        self._timer.stop()
        if self._renderEnabled and self.isVisible() and not slicer.app.renderPaused:
            self._vtkWidget.render()
