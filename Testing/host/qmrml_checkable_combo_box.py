"""qMRMLCheckableNodeComboBox: several nodes of the scene, each with a check mark."""

from PySide6.QtCore import Qt, Signal

from .qmrml_node_combo_box import qMRMLNodeComboBox
from .standins import standin


@standin
class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """Several nodes can be checked; the current node has no meaning of its own."""

    checkedNodesChanged = Signal()

    def _row_made(self, item):
        item.setCheckable(True)

    def _on_item_changed(self, item):
        self.checkedNodesChanged.emit()

    def _nodes(self, state):
        rows = range(self._rows.first_node_row(), self._rows.first_node_row() + self.nodeCount())
        return tuple(self._rows.node_at(r) for r in rows if self._rows.item(r).checkState() == state)

    def checkedNodes(self):
        return self._nodes(Qt.Checked)

    def uncheckedNodes(self):
        return self._nodes(Qt.Unchecked)

    def allChecked(self):
        return not self.uncheckedNodes()

    def noneChecked(self):
        return not self.checkedNodes()

    def checkState(self, node):
        return self._rows.item(self._rows.row_of(node.GetID())).checkState()

    def setCheckState(self, node, state):
        self._rows.item(self._rows.row_of(node.GetID())).setCheckState(Qt.CheckState(state))
