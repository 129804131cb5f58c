"""3D and table views that only take up their place: their nodes are real, their pictures are not drawn."""

from __future__ import annotations

import qt


class PlainView(qt.QWidget):
    """A titled dark rectangle bound to a view node."""

    def __init__(self, viewNode, parent=None):
        super().__init__(parent)
        self._node = viewNode
        self._picture = qt.QLabel(viewNode.GetLayoutLabel() or viewNode.GetLayoutName(), self)
        self._picture.setAlignment(qt.Qt.AlignCenter)
        self._picture.setStyleSheet("background: #30343a; color: #8a9099")
        self._bar = qt.QWidget(self)
        box = qt.QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._bar)
        box.addWidget(self._picture)
        box.setStretch(1, 1)

    def mrmlAbstractViewNode(self):
        return self._node

    mrmlViewNode = mrmlTableViewNode = mrmlAbstractViewNode

    def _view(self):
        return self._picture

    def _controller(self):
        return self._bar

    threeDView = tableView = viewWidget = _view
    threeDController = tableController = controllerWidget = _controller
