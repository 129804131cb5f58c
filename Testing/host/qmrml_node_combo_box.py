"""qMRMLNodeComboBox: choosing a node of the scene, with the surprises of the real one.

- The widget is disabled until it has a scene. Without `noneEnabled` it then selects the first node by itself.
- Removing the selected node selects the row above, which may be another node, also with `noneEnabled`.
- After a scene was imported or closed with the widget open nothing is selected, whatever the parameter node says.
- currentNodeChanged comes more often than one expects, also with None and with the node that was selected before.
"""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QInputDialog, QSizePolicy, QWidget

from .ctk_buttons import ctkComboBox
from .qmrml_scene_rows import ACTION, SceneRows
from .standins import Property, forwarded, standin, stored


@standin
class qMRMLNodeComboBox(QWidget):
    cpp_signals = (
        "currentNodeChanged(vtkMRMLNode*)",
        "nodeActivated(vtkMRMLNode*)",
        "nodeAdded(vtkMRMLNode*)",
        "nodeAddedByUser(vtkMRMLNode*)",
        "nodeAddedByUserAction(vtkMRMLNode*)",
        "nodeAboutToBeRemoved(vtkMRMLNode*)",
        "nodeAboutToBeEdited(vtkMRMLNode*)",
    )
    currentNodeChanged = Signal((object,), (bool,))
    currentNodeIDChanged = Signal(str)
    currentNodeRenamed = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAddedByUserAction = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    nodeAboutToBeEdited = Signal(object)

    def __init__(self, parent=None):
        self._quiet, self._requested, self._labels, self._menu_actions = False, None, {}, []
        self._attributes, self._base_names = {}, {}
        QWidget.__init__(self, parent)
        self._combo = ctkComboBox(self)
        self._rows = SceneRows(self)
        self._combo.setModel(self._rows)
        self._combo.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Expanding)
        self.setSizePolicy(QSizePolicy.Preferred, QSizePolicy.Fixed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._combo)
        self.setEnabled(False)
        rows = self._rows
        self.destroyed.connect(lambda *_: rows.forget_scene())
        self._combo.currentIndexChanged.connect(self._on_index)
        self._combo.activated.connect(self._on_activated)
        rows.itemChanged.connect(self._on_item_changed)
        rows.rowsInserted.connect(self._on_rows_inserted)

    # the scene
    def mrmlScene(self):
        return self._rows.scene()

    def setMRMLScene(self, scene):
        """Show the nodes of this scene, and select the node that was asked for before, or was selected."""
        if scene is self.mrmlScene():
            return
        wanted = self._requested or self.currentNodeID
        self._quiet, self._requested = True, None
        self._rows.set_scene(scene)
        self._show_extra_rows()
        if self._rows.row_of(wanted) < 0 and not self.noneEnabled:
            first = self._rows.node_at(0)
            wanted = first.GetID() if first is not None else ""
        self._select(wanted)
        self._quiet = False
        self.setEnabled(scene is not None)
        self._on_index()

    # the selection
    def currentNode(self):
        return self._rows.node_at(self._combo.currentIndex)

    def setCurrentNode(self, node):
        """Select a node, or with None nothing. Before there is a scene the wish is remembered."""
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, node_id):
        if self.mrmlScene() is None:
            self._requested = node_id
        else:
            self._select(node_id)

    def setCurrentNodeIndex(self, index):
        self._combo.setCurrentIndex(-1 if index >= self.nodeCount() else index + self._rows.first_node_row())

    def _select(self, node_id):
        row = self._rows.row_of(node_id)
        self._combo.setCurrentIndex(row if row >= 0 else (0 if self.noneEnabled else -1))

    def _on_index(self, *_):
        if self._quiet:
            return
        node, index = self.currentNode(), self._combo.currentIndex
        if node is None and index != (0 if self.noneEnabled else -1):  # an action or the line above the actions
            last = self.nodeFromIndex(self.nodeCount() - 1)
            if last is not None:
                self.setCurrentNode(last)
            return
        self.currentNodeChanged.emit(node)
        self.currentNodeChanged[bool].emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    def _on_item_changed(self, item):
        if item.row() == self._combo.currentIndex:
            self._on_index()

    def _on_rows_inserted(self, _parent, first, last):
        for row in range(first, last + 1):
            node = self._rows.node_at(row)
            if node is not None and not self._quiet:
                self.nodeAdded.emit(node)

    def _take_out(self, first, count):
        """Remove rows; if the selected one is among them, the row above is selected, as a combo box of Qt 5 does."""
        for row in range(first, first + count):
            node = self._rows.node_at(row)
            if node is not None and not self._quiet:
                self.nodeAboutToBeRemoved.emit(node)
        before = self._combo.currentIndex
        self._combo.blockSignals(True)
        self._rows.removeRows(first, count)
        after = before if before < first else before - (count if before >= first + count else 1)
        self._combo.setCurrentIndex(after if after < self._combo.count else -1)
        self._combo.blockSignals(False)
        if after != before:
            self._on_index()
        if self.currentNode() is None:
            self._select("")

    # the nodes
    def nodeCount(self):
        return self._rows.node_count() if self.mrmlScene() is not None else 0

    def nodeFromIndex(self, index):
        return self._rows.node_at(index + self._rows.first_node_row())

    def _is_of_type(self, node) -> bool:
        return not self.nodeTypes or any(node.IsA(kind) for kind in self.nodeTypes)

    def _accepts(self, node) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        for kind in self.nodeTypes:
            if not node.IsA(kind) or (not self.showChildNodeTypes and node.GetClassName() != kind):
                continue
            if self.showChildNodeTypes and any(node.IsA(hidden) for hidden in self.hideChildNodeTypes):
                return False
            name, value = self._attributes.get(kind, (None, None))
            found = node.GetAttribute(name) if name else None
            return name is None or (found is not None and value in (None, found))
        return not self.nodeTypes

    def _row_made(self, item):
        pass

    def addAttribute(self, node_type, name, value=None):
        """Offer only nodes of this type whose attribute has the value (None: has any value). New nodes get it, too."""
        self._attributes[node_type] = (name, None if value is None else str(value))
        self._rows.refilter()

    def removeAttribute(self, node_type, name):
        self._attributes.pop(node_type, None)
        self._rows.refilter()

    # actions
    def addNode(self, node_type=None):
        """Make a node of this type (the first of nodeTypes) and select it unless selectNodeUponCreation is off."""
        node_type = node_type or (self.nodeTypes[0] if self.nodeTypes else None)
        if node_type not in self.nodeTypes:
            return None
        scene = self.mrmlScene()
        node = scene.CreateNodeByClass(node_type)
        node.UnRegister(None)
        base = self._base_names.get(node_type) or node.GetName() or node.GetDefaultNodeNamePrefix()
        node.SetName(scene.GetUniqueNameByString(base))
        for name, value in self._attributes.values():
            node.SetAttribute(name, value or "")
        node = scene.AddNode(node)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self):
        self.mrmlScene().RemoveNode(self.currentNode())

    def editCurrentNode(self):
        self.nodeAboutToBeEdited.emit(self.currentNode())

    def renameCurrentNode(self):
        node = self.currentNode()
        name = node and QInputDialog.getText(self, f"Rename {self.nodeTypeLabel(node.GetClassName())}", "New name:")
        if name:
            node.SetName(name)
            self.currentNodeRenamed.emit(name)

    def addMenuAction(self, action):
        self._menu_actions.append(action)
        self._show_extra_rows()

    def _on_activated(self, index):
        key = self._rows.item(index).data(ACTION) if index >= 0 else None
        if key is None:
            self.nodeActivated.emit(self.currentNode())
        elif isinstance(key, int):
            self._menu_actions[key].trigger()
        elif key.startswith("vtkMRML"):
            self.nodeAddedByUserAction.emit(self.addNode(key))
        else:
            getattr(self, key)()

    def nodeTypeLabel(self, node_type):
        """The word for this type in the actions: "Volume"."""
        scene = self.mrmlScene()
        return self._labels.get(node_type) or (scene and scene.GetTypeDisplayNameByClassName(node_type)) or "node"

    def setNodeTypeLabel(self, label, node_type):
        self._labels[node_type] = label
        self._show_extra_rows()

    def _show_extra_rows(self):
        self._rows.show_none(self.noneDisplay if self.noneEnabled else None)
        types, actions = self.nodeTypes, []
        label = self.nodeTypeLabel(types[0]) if len(types) == 1 else "node"
        if self.mrmlScene() is not None:
            if self.renameEnabled:
                actions.append((f"Rename current {label}", "renameCurrentNode"))
            if self.editEnabled:
                actions.append((f"Edit current {label}", "editCurrentNode"))
            if self.addEnabled:
                actions += [(f"Create new {self.nodeTypeLabel(kind)}", kind) for kind in types]
            if self.removeEnabled:
                actions.append((f"Delete current {label}", "removeCurrentNode"))
            actions += [(action.text, index) for index, action in enumerate(self._menu_actions)]
        self._combo.setDefaultText(f"Select a {self.nodeTypeLabel(types[0] if types else '')}")
        current = self._combo.currentIndex
        self._rows.show_actions(actions)
        self._combo.setCurrentIndex(current)

    def _filter_changed(self):
        self._show_extra_rows()
        self._rows.refilter()

    def setBaseName(self, name, node_type=""):
        """New nodes of this type (of all nodeTypes) get this name, made unique."""
        for kind in [node_type] if node_type else self.nodeTypes:
            self._base_names[kind] = name

    currentNodeID = Property(
        str, lambda self: n.GetID() if (n := self.currentNode()) is not None else "", setCurrentNodeID
    )
    nodeTypes = stored("QStringList", "nodeTypes", (), "_filter_changed")
    hideChildNodeTypes = stored("QStringList", "hideChildNodeTypes", (), "_filter_changed")
    showHidden = stored(bool, "showHidden", False, "_filter_changed")
    showChildNodeTypes = stored(bool, "showChildNodeTypes", True, "_filter_changed")
    noneEnabled = stored(bool, "noneEnabled", False, "_show_extra_rows")
    noneDisplay = stored(str, "noneDisplay", "None", "_show_extra_rows")
    addEnabled = stored(bool, "addEnabled", True, "_show_extra_rows")
    removeEnabled = stored(bool, "removeEnabled", True, "_show_extra_rows")
    editEnabled = stored(bool, "editEnabled", False, "_show_extra_rows")
    renameEnabled = stored(bool, "renameEnabled", False, "_show_extra_rows")
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    interactionNodeSingletonTag = stored(str, "interactionNodeSingletonTag", "Singleton")
    baseName = Property(
        str, lambda self: self._base_names.get(self.nodeTypes[0] if self.nodeTypes else "", ""), setBaseName
    )
    sizeAdjustPolicy = forwarded(QComboBox.SizeAdjustPolicy, "_combo", "sizeAdjustPolicy")
