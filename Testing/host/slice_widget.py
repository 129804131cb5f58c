"""A slice view with its bar and its real vtkMRMLSliceLogic: what layoutManager().sliceWidget(name) returns."""

from __future__ import annotations

import qt
import slicer
import vtk

from .slice_controller import qMRMLSliceControllerWidget
from .slice_view import qMRMLSliceView
from .vtk_widget import PROVISIONAL


class qMRMLSliceWidget(qt.QWidget):
    def __init__(self, sliceNode, applicationLogic, parent=None):
        super().__init__(parent)
        self.setObjectName(f"qMRMLSliceWidget{sliceNode.GetLayoutName()}")
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLApplicationLogic(applicationLogic)
        self._logic.SetMRMLScene(sliceNode.GetScene())
        self._logic.SetSliceNode(sliceNode)
        applicationLogic.GetSliceLogics().AddItem(self._logic)  # before the view: the colour legend looks for it there
        self._view = qMRMLSliceView(self)
        self._controller = qMRMLSliceControllerWidget(self._logic, self)
        column = qt.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._controller)
        column.addWidget(self._view, 1)
        self._view.setSliceLogic(self._logic)
        self._view.setMRMLSliceNode(sliceNode)
        self._controller.observe(sliceNode)
        self._view.VTKWidget().onResized(self._logic.ResizeSliceNode)
        self._tag = self._logic.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onLogicModified)
        self._logic.ResizeSliceNode(*PROVISIONAL)
        self._onLogicModified()

    def _onLogicModified(self, *_):
        self._view.setImageDataConnection(self._logic.GetImageDataConnection())

    def close_view(self):
        """The slice node was removed: let go of everything that watches the scene."""
        self._logic.GetMRMLApplicationLogic().GetSliceLogics().RemoveItem(self._logic)
        self._logic.RemoveObserver(self._tag)
        self._controller.forget()
        self._view.setMRMLSliceNode(None)
        self._view.setImageDataConnection(None)
        self._logic.SetSliceNode(None)
        self._logic.SetMRMLScene(None)
        self.setParent(None)
        self.deleteLater()

    # the face that modules use
    def sliceLogic(self):
        return self._logic

    logic = sliceLogic

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    mrmlAbstractViewNode = mrmlSliceNode

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()

    def sliceView(self):
        return self._view

    viewWidget = sliceView

    def sliceController(self):
        return self._controller

    controllerWidget = sliceController

    def interactorStyle(self):
        return self._view.interactorObserver()

    def overlayCornerAnnotation(self):
        return self._view.cornerAnnotation()

    def imageDataConnection(self):
        return self._logic.GetImageDataConnection()

    def fitSliceToBackground(self):
        self._controller.fitSliceToBackground()

    def setSliceOrientation(self, orientation):
        self.mrmlSliceNode().SetOrientation(orientation)

    @property
    def sliceOrientation(self):
        return self.mrmlSliceNode().GetOrientation()

    @property
    def sliceViewName(self):
        return self.mrmlSliceNode().GetLayoutName()
