"""The rows of a node selector: "None", the nodes of the scene that it accepts, and actions ("Create new Volume")."""

import weakref

import vtk
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel

NODE_ID = Qt.UserRole + 1
ACTION = Qt.UserRole + 2


class SceneRows(QStandardItemModel):
    """Follows a scene as qMRMLSceneModel does.

    Nodes come in the scene's order. Nothing is added while a scene is imported and nothing removed while it is closed:
    at the end of either all node rows are taken out and made anew, so that a selection is lost.
    The selector decides: `_is_of_type(node)`, which nodes are watched for changes; `_accepts(node)`, which of them have
    a row; `_row_made(item)` may furnish a new row; `_take_out(first, count)` removes rows and minds the selection.
    """

    def __init__(self, selector):
        QStandardItemModel.__init__(self, selector)
        self._selector = selector
        self._scene, self._scene_tags, self._node_tags = None, [], {}
        self._none, self._actions = None, []

    # rows
    def show_none(self, text) -> None:
        """The first row is "None" with this text; None: there is no such row."""
        if self._none is not None and text is not None:
            self.item(0).setText(text)
        elif text is not None:
            self.insertRow(0, QStandardItem(text))
        elif self._none is not None:
            self.removeRow(0)
        self._none = text

    def show_actions(self, actions) -> None:
        """The last rows: (text, key) of each action, after a separator."""
        if self._actions:
            self.removeRows(self.rowCount() - len(self._actions) - 1, len(self._actions) + 1)
        self._actions = list(actions)
        if self._actions:
            line = QStandardItem()
            line.setData("separator", Qt.AccessibleDescriptionRole)  # what a combo box draws as a line
            line.setFlags(Qt.NoItemFlags)
            self.appendRow(line)
        for text, key in self._actions:
            item = QStandardItem(text)
            item.setData(key, ACTION)
            self.appendRow(item)

    def first_node_row(self) -> int:
        return 0 if self._none is None else 1

    def node_count(self) -> int:
        return self.rowCount() - self.first_node_row() - (len(self._actions) + 1 if self._actions else 0)

    def row_of(self, node_id) -> int:
        """The row of a node, or −1."""
        first = self.first_node_row()
        rows = range(first, first + self.node_count())
        return next((r for r in rows if node_id and self.item(r).data(NODE_ID) == node_id), -1)

    def node_at(self, row):
        node_id = self.item(row).data(NODE_ID) if 0 <= row < self.rowCount() else None
        return self._scene.GetNodeByID(node_id) if node_id and self._scene is not None else None

    # the scene
    def scene(self):
        return self._scene

    def set_scene(self, scene) -> None:
        """Follow another scene, or none."""
        self.forget_scene()
        self._scene = scene
        if scene is not None:
            this = weakref.ref(self)
            for event, act in (
                (scene.NodeAddedEvent, SceneRows._on_added),
                (scene.NodeAboutToBeRemovedEvent, SceneRows._on_about_to_be_removed),
                (scene.EndImportEvent, SceneRows.rebuild),
                (scene.EndCloseEvent, SceneRows.rebuild),
            ):
                self._scene_tags.append(_observe(scene, event, this, act))
        self.rebuild()

    def forget_scene(self) -> None:
        """Remove every observer; also when the widget is destroyed."""
        if self._scene is not None:
            for tag in self._scene_tags:
                self._scene.RemoveObserver(tag)
        for node, tag in self._node_tags.values():
            node.RemoveObserver(tag)
        self._scene, self._scene_tags, self._node_tags = None, [], {}

    def rebuild(self, _node=None) -> None:
        """Take all node rows out and make them anew."""
        if self.node_count():
            self._selector._take_out(self.first_node_row(), self.node_count())
        for node, tag in self._node_tags.values():
            node.RemoveObserver(tag)
        self._node_tags = {}
        self.refilter()

    def refilter(self, leaving=None) -> None:
        """Take out and add single rows until they are the accepted nodes in the scene's order, and renew the names."""
        nodes = [node for node in _nodes_of(self._scene) if self._selector._is_of_type(node)]
        for node in nodes:
            if node.GetID() not in self._node_tags:
                tag = _observe(node, "ModifiedEvent", weakref.ref(self), SceneRows._on_modified)
                self._node_tags[node.GetID()] = (node, tag)
        wanted = [n for n in nodes if n is not leaving and self._selector._accepts(n)]
        ids = {n.GetID() for n in wanted}
        first = self.first_node_row()
        for row in reversed(range(first, first + self.node_count())):
            if self.item(row).data(NODE_ID) not in ids:
                self._selector._take_out(row, 1)
        for row, node in enumerate(wanted, first):
            if self.row_of(node.GetID()) < 0:
                item = QStandardItem(node.GetName() or "")
                item.setData(node.GetID(), NODE_ID)
                item.setToolTip(node.GetName() or "")
                self._selector._row_made(item)
                self.insertRow(row, item)
            elif self.item(row).text() != (node.GetName() or ""):
                self.item(row).setText(node.GetName() or "")

    def _on_added(self, _node):
        if not self._scene.IsImporting():
            self.refilter()

    def _on_about_to_be_removed(self, node):
        if not self._scene.IsClosing():
            self.refilter(leaving=node)
        kept = self._node_tags.pop(node.GetID(), None)
        if kept is not None:
            node.RemoveObserver(kept[1])

    def _on_modified(self, node):
        scene = self._scene
        if scene is None or scene.IsImporting() or scene.IsClosing():
            return
        row, accepted = self.row_of(node.GetID()), self._selector._accepts(node)
        if accepted != (row >= 0):
            self.refilter()
        elif accepted and self.item(row).text() != (node.GetName() or ""):
            self.item(row).setText(node.GetName() or "")


def _nodes_of(scene) -> list:
    if scene is None:
        return []
    nodes = scene.GetNodes()
    return [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]


def _observe(subject, event, this, act):
    """Call `act(rows, node)` at the event, as long as the rows are alive; returns the observer's tag."""

    def called(caller, _event, node=None):
        rows = this()
        if rows is not None:
            act(rows, caller if node is None else node)

    if event != "ModifiedEvent":
        called.CallDataType = vtk.VTK_OBJECT  # the scene's events carry the node
    return subject.AddObserver(event, called)
