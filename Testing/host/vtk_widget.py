"""A Qt widget with a VTK render window behind it: draws offscreen, passes mouse, wheel and keys to VTK's interactor."""

from __future__ import annotations

import numpy as np
import qt
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

PROVISIONAL = (595, 320)  # what a new view measures until its layout has taken effect

_BUTTONS = {qt.Qt.LeftButton: "Left", qt.Qt.RightButton: "Right", qt.Qt.MiddleButton: "Middle"}


class VTKWidget(qt.QWidget):
    """Sizes of the render window are in device pixels, those of the widget are not."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setFocusPolicy(qt.Qt.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(qt.Qt.WA_OpaquePaintEvent)
        self._resized = lambda width, height: None
        self._picture = None  # the last frame, read back only when somebody looks
        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetSize(*PROVISIONAL)
        self._window.SetMultiSamples(0)
        self._window.SetDPI(round(72 * self.devicePixelRatioF()))
        self._window.AddObserver(vtk.vtkCommand.EndEvent, self._onRendered)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._interactor.SetSize(*PROVISIONAL)
        self._interactor.EnableRenderOff()  # only forceRender and scheduleRender draw, as in Slicer
        self._interactor.Enable()

    def renderWindow(self):
        return self._window

    def interactor(self):
        return self._interactor

    def onResized(self, call):
        """``call(width, height)`` in device pixels after each change of size."""
        self._resized = call

    def render(self):
        self._window.Render()

    def _onRendered(self, *_):
        self._picture = None
        if slicer.app.platformName != "offscreen":
            self.update()

    def picture(self) -> np.ndarray:
        """The last frame as uint8 [height, width, 3], top row first."""
        if self._picture is None:
            reader = vtk.vtkWindowToImageFilter()
            reader.SetInput(self._window)
            reader.ReadFrontBufferOff()
            reader.ShouldRerenderOff()
            reader.Update()
            image = reader.GetOutput()
            width, height, _ = image.GetDimensions()
            pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
            self._picture = np.ascontiguousarray(pixels[::-1, :, :3])
        return self._picture

    # Qt's side
    def resizeEvent(self, event):
        ratio = self.devicePixelRatioF()
        width, height = round(event.size().width() * ratio), round(event.size().height() * ratio)
        self._window.SetSize(width, height)
        self._interactor.SetSize(width, height)
        self._picture = None
        self._resized(width, height)

    def paintEvent(self, event):
        painter = qt.QPainter(self)
        pixels = self.picture()
        height, width, _ = pixels.shape
        painter.drawImage(self.rect, qt.QImage(pixels.data, width, height, 3 * width, qt.QImage.Format_RGB888))
        painter.end()

    def _tell(self, event, position=None, key=None):
        ratio, modifiers = self.devicePixelRatioF(), event.modifiers()
        x, y = (position.x() * ratio, position.y() * ratio) if position is not None else self._last()
        control, shift = bool(modifiers & qt.Qt.ControlModifier), bool(modifiers & qt.Qt.ShiftModifier)
        self._interactor.SetEventInformationFlipY(int(x), int(y), int(control), int(shift), "\0", 0, key)
        self._interactor.SetAltKey(int(bool(modifiers & qt.Qt.AltModifier)))

    def _last(self):
        x, y = self._interactor.GetEventPosition()
        return x, self._interactor.GetSize()[1] - 1 - y

    def _button(self, event, what):
        name = _BUTTONS.get(event.button())
        if name:
            self._tell(event, event.position())
            self._interactor.InvokeEvent(f"{name}Button{what}Event")

    def mousePressEvent(self, event):
        self.setFocus()
        self._button(event, "Press")

    def mouseReleaseEvent(self, event):
        self._button(event, "Release")

    def mouseDoubleClickEvent(self, event):
        self._button(event, "DoubleClick")

    def mouseMoveEvent(self, event):
        self._tell(event, event.position())
        self._interactor.InvokeEvent("MouseMoveEvent")

    def wheelEvent(self, event):
        self._tell(event, event.position())
        forward = event.angleDelta().y() > 0
        self._interactor.InvokeEvent("MouseWheelForwardEvent" if forward else "MouseWheelBackwardEvent")

    def enterEvent(self, event):
        self._interactor.InvokeEvent("EnterEvent")

    def leaveEvent(self, event):
        self._interactor.InvokeEvent("LeaveEvent")

    def keyPressEvent(self, event):
        self._tell(event, key=qt.QKeySequence(event.key()).toString().lower() or None)
        self._interactor.InvokeEvent("KeyPressEvent")

    def keyReleaseEvent(self, event):
        self._tell(event, key=qt.QKeySequence(event.key()).toString().lower() or None)
        self._interactor.InvokeEvent("KeyReleaseEvent")
