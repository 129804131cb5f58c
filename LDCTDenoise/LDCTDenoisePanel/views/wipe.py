"""The wipe: original left of a divider, denoised right of it, in one view."""

import qt
import vtk

from .cover import Cover

_NEAR = 8  # device pixels on either side of the divider in which it can be taken
_FIRST = 10.0  # before Slicer's own mouse handling


class Wipe:
    """Draws `after` right of a divider that can be dragged, with the names of both sides, until `close()`."""

    def __init__(self, sliceWidget, after, names=("", ""), fraction=0.5):
        self._view = sliceWidget.sliceView()
        self._interactor = self._view.interactor()
        self._window = self._view.renderWindow()
        self._dragged = self._hovered = False
        self._cover = Cover(sliceWidget, after, fraction)
        self._line = vtk.vtkLineSource()
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputConnection(self._line.GetOutputPort())
        self._bar = vtk.vtkActor2D()
        self._bar.SetMapper(mapper)
        self._bar.GetProperty().SetColor(1.0, 0.8, 0.1)
        self._bar.GetProperty().SetLineWidth(2)
        self._renderer = self._window.GetRenderers().GetItemAsObject(0)
        self._renderer.AddViewProp(self._bar)
        self._names = [_text(name, side) for name, side in zip(names, ("Right", "Left"), strict=True)]
        self._above = self._window.GetRenderers().GetItemAsObject(1)
        for text in self._names:
            self._above.AddViewProp(text)
        handlers = {
            "LeftButtonPressEvent": self._onPress,
            "MouseMoveEvent": self._onMove,
            "LeftButtonReleaseEvent": self._onRelease,
        }
        self._tags = {event: self._interactor.AddObserver(event, f, _FIRST) for event, f in handlers.items()}
        self._sliceNode = sliceWidget.mrmlSliceNode()
        self._resized = self._sliceNode.AddObserver(vtk.vtkCommand.ModifiedEvent, self._drawBar)
        self._drawBar()

    @property
    def fraction(self):
        """Where the divider stands, 0 left … 1 right."""
        return self._cover.fraction

    @fraction.setter
    def fraction(self, fraction):
        self._cover.fraction = fraction
        self._drawBar()

    def setOriginal(self, original):
        """True: the original everywhere, without divider, for as long as a flip lasts."""
        self._cover.visible = not original
        for prop in (self._bar, *self._names):
            prop.SetVisibility(not original)
        self._view.scheduleRender()

    def close(self):
        """Takes the wipe out of the view."""
        for tag in self._tags.values():
            self._interactor.RemoveObserver(tag)
        self._tags = {}
        self._sliceNode.RemoveObserver(self._resized)
        self._renderer.RemoveViewProp(self._bar)
        for text in self._names:
            self._above.RemoveViewProp(text)
        self._cover.close()
        self._view.unsetViewCursor()

    def _drawBar(self, caller=None, event=None):
        x, height = self._cover.column(), self._window.GetSize()[1]
        self._line.SetPoint1(x, 0, 0)
        self._line.SetPoint2(x, height, 0)
        for text, gap in zip(self._names, (-_NEAR, _NEAR), strict=True):
            text.SetPosition(x + gap, height - _NEAR)
        self._view.scheduleRender()

    def _isNear(self):
        x, width = self._interactor.GetEventPosition()[0], self._window.GetSize()[0]
        return abs(x - self.fraction * width) < _NEAR and bool(self._bar.GetVisibility())

    def _keepFromSlicer(self, event):
        self._interactor.GetCommand(self._tags[event]).SetAbortFlag(1)  # no window/level change by the same drag

    def _onPress(self, caller, event):
        if self._isNear():
            self._dragged = True
            self._keepFromSlicer(event)

    def _onMove(self, caller, event):
        if self._dragged:
            self.fraction = self._interactor.GetEventPosition()[0] / max(self._window.GetSize()[0], 1)
            self._keepFromSlicer(event)
        elif self._isNear() != self._hovered:
            self._hovered = not self._hovered
            if self._hovered:
                self._view.setViewCursor(qt.QCursor(qt.Qt.SplitHCursor))
            else:
                self._view.unsetViewCursor()

    def _onRelease(self, caller, event):
        if self._dragged:
            self._dragged = False
            self._keepFromSlicer(event)


def _text(name, side):
    """A name whose upper `side` corner ("Left" or "Right") is where it is put."""
    text = vtk.vtkTextActor()
    text.SetInput(name)
    style = text.GetTextProperty()
    style.SetFontSize(14)
    style.SetBackgroundOpacity(0.5)
    style.SetVerticalJustificationToTop()
    getattr(style, f"SetJustificationTo{side}")()
    return text
