"""qMRMLWidget, qSlicerWidget and the qMRML variants of CTK's number widgets."""

from PySide6.QtCore import QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHeaderView, QTableView, QWidget

from .ctk_ranges import ctkRangeWidget
from .ctk_sliders import ctkDoubleSpinBox, ctkSliderWidget
from .standins import standin, stored


class SceneHolder:
    """mrmlScene() and setMRMLScene() of widgets that only keep the scene. PythonQt knows mrmlScene as a method."""

    cpp_signals = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def mrmlScene(self):
        return self.__dict__.get("_scene")

    def setMRMLScene(self, scene):
        if scene is not self.mrmlScene():
            self.__dict__["_scene"] = scene
            if hasattr(self, "mrmlSceneChanged"):
                self.mrmlSceneChanged.emit(scene)


@standin
class qMRMLWidget(SceneHolder, QWidget):
    mrmlSceneChanged = Signal(object)


@standin
class qSlicerWidget(SceneHolder, QWidget):
    mrmlSceneChanged = Signal(object)


@standin
class qMRMLSliderWidget(SceneHolder, ctkSliderWidget):
    """A slider with a unit. Slicer takes suffix and decimals from the scene's unit node; here they stay as set."""

    quantity = stored(str, "quantity", "")
    unitAwareProperties = stored(int, "unitAwareProperties", 0)
    orientation = stored(int, "orientation", int(Qt.Horizontal))


@standin
class qMRMLSpinBox(SceneHolder, ctkDoubleSpinBox):
    quantity = stored(str, "quantity", "")
    unitAwareProperties = stored(int, "unitAwareProperties", 0)


@standin
class qMRMLRangeWidget(SceneHolder, ctkRangeWidget):
    quantity = stored(str, "quantity", "")


@standin
class qMRMLTableView(SceneHolder, QTableView):
    """Shows a vtkMRMLTableNode and follows its changes; a locked table cannot be edited."""

    cpp_signals = ("mrmlSceneChanged(vtkMRMLScene*)",)
    mrmlSceneChanged = Signal(object)
    selectionChanged = Signal()

    def __init__(self, parent=None):
        self._node = self._tag = None
        QTableView.__init__(self, parent)
        self._model = QStandardItemModel(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._model)
        self.setModel(self._sorted)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeToContents)
        model = self._model
        model.itemChanged.connect(self._on_edited)
        self._filling = False

    transposed = stored(bool, "transposed", False, "_fill")
    firstRowLocked = stored(bool, "firstRowLocked", False, "_fill")
    firstColumnLocked = stored(bool, "firstColumnLocked", False, "_fill")

    def mrmlTableNode(self):
        return self._node

    def setMRMLTableNode(self, node):
        """Show this table; None shows nothing."""
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        if node is not None:
            self._tag = node.AddObserver("ModifiedEvent", lambda *_: self._fill())
            self.destroyed.connect(lambda *_, node=node, tag=self._tag: node.RemoveObserver(tag))
        self._fill()

    def tableModel(self):
        return self._model

    def sortFilterProxyModel(self):
        return self._sorted

    def _fill(self):
        self._filling = True
        self._model.clear()
        table = self._node.GetTable() if self._node is not None else None
        if table is not None:
            columns, rows = table.GetNumberOfColumns(), table.GetNumberOfRows()
            editable = not self._node.GetLocked()
            cells = [[self._cell(table, r, c, editable) for c in range(columns)] for r in range(rows)]
            names = [table.GetColumnName(c) or "" for c in range(columns)]
            if self.transposed:
                cells = [list(column) for column in zip(*cells, strict=True)]
                self._model.setVerticalHeaderLabels(names)
            else:
                self._model.setHorizontalHeaderLabels(names)
            for row in cells:
                self._model.appendRow(row)
        self._filling = False

    def _cell(self, table, row, column, editable):
        item = QStandardItem(table.GetValue(row, column).ToString())
        locked = (self.firstRowLocked and row == 0) or (self.firstColumnLocked and column == 0)
        item.setEditable(editable and not locked)
        return item

    def _on_edited(self, item):
        if not self._filling and self._node is not None:
            row, column = (item.column(), item.row()) if self.transposed else (item.row(), item.column())
            self._node.SetCellText(row, column, item.text())
