"""slicer.app.layoutManager(): Slicer's real layout logic makes the view nodes, this makes and places their widgets."""

from __future__ import annotations

import zlib

import qt
import slicer
import vtk
from PySide6.QtCore import Signal

from . import layout_xml
from .plain_views import PlainView
from .plot_view import qMRMLPlotWidget
from .slice_widget import qMRMLSliceWidget
from .vtk_widget import PROVISIONAL

SLICE, THREE_D, PLOT, TABLE = "vtkMRMLSliceNode", "vtkMRMLViewNode", "vtkMRMLPlotViewNode", "vtkMRMLTableViewNode"

STANDARD = ("Red", "Green", "Yellow")


class LayoutManager(qt.QObject):
    layoutChanged = Signal(int)

    def __init__(self, scene, applicationLogic, viewport):
        super().__init__()
        self._scene, self._applicationLogic, self._viewport = scene, applicationLogic, viewport
        self._widgets = {}  # (class, node id) → widget, for every view node of the scene
        self._container, self._arranged = None, None
        self._timer = qt.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._arrange)
        for event, call in ((scene.NodeAddedEvent, self._onAdded), (scene.NodeRemovedEvent, self._onRemoved)):
            scene.AddObserver(event, call)
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(applicationLogic)
        self._logic.SetMRMLScene(scene)
        node = self._logic.GetLayoutNode()
        node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._onLayoutModified())
        self.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    # layouts
    def layoutLogic(self):
        return self._logic

    def setLayout(self, layout):
        """An unknown number gives the conventional layout; the present one changes nothing, whatever is maximized."""
        node = self._logic.GetLayoutNode()
        if layout != self._getLayout():
            known = node.IsLayoutDescription(layout)
            node.RemoveAllMaximizedViewNodes()
            node.SetViewArrangement(layout if known else node.SlicerLayoutConventionalView)
        self._onLayoutModified()

    def _getLayout(self):
        return self._logic.GetLayoutNode().GetViewArrangement()

    layout = property(_getLayout, lambda self, layout: self.setLayout(layout))

    def _description(self):
        node = self._logic.GetLayoutNode()
        root = node.GetCurrentLayoutDescription() or ""
        for index in range(node.GetNumberOfMaximizedViewNodes()):
            root = self._logic.GetMaximizedViewLayoutDescription(node.GetMaximizedViewNode(index), root)
        return root

    def _onLayoutModified(self):
        wanted = (self._getLayout(), self._description())
        if wanted == self._arranged:
            return
        self._arranged = wanted
        shown = set(self._shown())
        for widget in self._widgets.values():
            if widget not in shown:
                widget.hide()
        # as in Slicer the views exist at once, and get their place and size when events are processed
        self._timer.start(0)
        self.layoutChanged.emit(self._getLayout())

    def _shown(self):
        for className, tag in layout_xml.view_keys(self._description()):
            widget = self._widgetFor(className, tag)
            if widget is not None:
                yield widget

    def _arrange(self):
        for widget in self._widgets.values():
            widget.hide()
            widget.setParent(self._viewport)
        if self._container is not None:
            self._container.setParent(None)
            self._container.deleteLater()
        self._container = layout_xml.build(self._description(), self._widgetFor)
        self._viewport.layout().addWidget(self._container)
        for widget in self._shown():
            widget.show()
        self._container.show()
        self._viewport.layout().activate()
        for part in [*self._container.findChildren(qt.QWidget), self._container]:
            if part.layout() is not None:
                part.layout().activate()
        for widget in self._shown():
            if isinstance(widget, qMRMLSliceWidget):
                widget.sliceView().scheduleRender()

    # views
    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onAdded(self, scene, event, node):
        for className in (SLICE, THREE_D, PLOT, TABLE):
            if node.IsA(className):
                self._widgets[className, node.GetID()] = self._make(className, node)

    def _make(self, className, node):
        if className == SLICE:
            widget = qMRMLSliceWidget(node, self._applicationLogic, self._viewport)
        elif className == PLOT:
            widget = qMRMLPlotWidget(node, self._viewport)
        else:
            widget = PlainView(node, self._viewport)
        widget.resize(*PROVISIONAL)
        widget.hide()
        return widget

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onRemoved(self, scene, event, node):
        for key, widget in list(self._widgets.items()):
            if key[1] == node.GetID() and widget.mrmlAbstractViewNode() is node:
                del self._widgets[key]
                if key[0] in (SLICE, PLOT):
                    widget.close_view()
                else:
                    widget.setParent(None)
                    widget.deleteLater()

    def _widgetFor(self, className, tag):
        node = self._scene.GetSingletonNode(tag, className)
        return self._widgets.get((className, node.GetID())) if node is not None else None

    def _of(self, className):
        return [widget for (kind, _), widget in self._widgets.items() if kind == className]

    def sliceViewNames(self):
        """Every slice view that has a node, shown or not; Slicer keeps them in a hash, so in no useful order."""
        names = [widget.mrmlSliceNode().GetLayoutName() for widget in self._of(SLICE)]
        return tuple(sorted(names, key=lambda name: zlib.crc32(name.encode())))

    def sliceWidget(self, name):
        found = [widget for widget in self._of(SLICE) if widget.mrmlSliceNode().GetLayoutName() == name]
        return found[0] if found else None

    def shownSliceViewNames(self):
        """Not Slicer's: the slice views of the present layout, in its order (for pictures)."""
        return [w.mrmlSliceNode().GetLayoutName() for w in self._shown() if isinstance(w, qMRMLSliceWidget)]

    def removeOtherViews(self):
        """Not Slicer's: remove the slice views that a module has made, node and widget."""
        for widget in self._of(SLICE):
            node, composite = widget.mrmlSliceNode(), widget.mrmlSliceCompositeNode()
            if node.GetLayoutName() not in STANDARD:
                self._scene.RemoveNode(node)
                self._scene.RemoveNode(composite)

    def mrmlSliceLogics(self):
        return self._applicationLogic.GetSliceLogics()

    def resetSliceViews(self):
        for widget in self._of(SLICE):
            widget.fitSliceToBackground()

    def resetThreeDViews(self):
        pass

    def viewport(self):
        return self._viewport

    def _nth(self, className, index):
        widgets = self._of(className)
        if isinstance(index, str):
            return next((w for w in widgets if w.mrmlAbstractViewNode().GetLayoutName() == index), None)
        return widgets[index] if 0 <= index < len(widgets) else None

    def threeDWidget(self, index):
        return self._nth(THREE_D, index)

    def plotWidget(self, index):
        return self._nth(PLOT, index)

    def tableWidget(self, index):
        return self._nth(TABLE, index)

    threeDViewCount = property(lambda self: len(self._of(THREE_D)))
    plotViewCount = property(lambda self: len(self._of(PLOT)))
    tableViewCount = property(lambda self: len(self._of(TABLE)))
