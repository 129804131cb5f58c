"""A layout's description (Slicer's XML) becomes nested Qt containers that hold the view widgets."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import qt


def view_keys(description: str) -> list[tuple[str, str]]:
    """(class of the view node, its tag), in the order of the description."""
    if not description:
        return []
    root = ElementTree.fromstring(description)
    return [(view.get("class"), view.get("singletontag") or "") for view in root.iter("view")]


def build(description: str, view_for) -> qt.QWidget:
    """Arrange the widgets that ``view_for(class, tag)`` returns (None is left out) as the description says."""
    return _layout(ElementTree.fromstring(description), view_for) if description else qt.QWidget()


def _layout(element, view_for) -> qt.QWidget:
    kind = element.get("type")
    children = [(item, _child(item, view_for)) for item in element.findall("item")]
    children = [(item, widget) for item, widget in children if widget is not None]
    if kind == "tab":
        tabs = qt.QTabWidget()
        for item, widget in children:
            tabs.addTab(widget, item.get("name") or "")
        return tabs
    if kind == "grid":
        return _grid(children)
    orientation = qt.Qt.Vertical if kind == "vertical" else qt.Qt.Horizontal
    splitter = qt.QSplitter(orientation)
    splitter.setHandleWidth(4 if element.get("split") == "true" else 1)
    splitter.setChildrenCollapsible(False)
    sizes = []
    for item, widget in children:
        widget.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Ignored)  # equal shares unless splitSize says else
        splitter.addWidget(widget)
        sizes.append(int(item.get("splitSize") or 500))
    splitter.setSizes(sizes)
    return splitter


def _child(item, view_for):
    for child in item:
        if child.tag == "layout":
            return _layout(child, view_for)
        if child.tag == "view":
            return view_for(child.get("class"), child.get("singletontag") or "")
    return None


def _grid(children) -> qt.QWidget:
    widget = qt.QWidget()
    grid = qt.QGridLayout(widget)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setSpacing(2)
    for item, child in children:
        row, column = int(item.get("row") or 0), int(item.get("column") or 0)
        grid.addWidget(child, row, column, int(item.get("rowspan") or 1), int(item.get("colspan") or 1))
        grid.setRowStretch(row, 1)
        grid.setColumnStretch(column, 1)
    return widget
