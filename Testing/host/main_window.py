"""A stand-in for Slicer's main window: module panel at the left, the views at the right."""

from __future__ import annotations

import ctk
import qt

PANEL_MARGIN = 55  # what Slicer's shell adds to the content of the module panel, pixels
PANEL_NARROWEST = 343


class ModulePanel(qt.QScrollArea):
    """Scrolls up and down only, is as wide as its content needs, and never shrinks after something wide was shown."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setObjectName("ModulePanel")
        self.helpAndAcknowledgmentVisible = False
        self.setWidgetResizable(True)
        self.setFrameShape(qt.QFrame.NoFrame)
        self.setHorizontalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
        self._widest = PANEL_NARROWEST
        self.setFixedWidth(self._widest)

    def showModule(self, widget):
        shown = self.takeWidget()
        if shown is not None:
            shown.hide()
        if widget is not None:
            self.setWidget(widget)
            widget.show()
        self.widenForContent()

    def forgetWidth(self):
        """Not Slicer's: as narrow as at the start (for tests)."""
        self._widest = PANEL_NARROWEST
        self.setFixedWidth(self._widest)

    def widenForContent(self):
        widget = self.widget()
        if widget is not None:
            self._widest = max(self._widest, widget.minimumSizeHint.width() + PANEL_MARGIN)
            self.setFixedWidth(self._widest)

    def event(self, event):
        if event.type() == qt.QEvent.LayoutRequest:
            self.widenForContent()
        return super().event(event)


class ModuleSelector(qt.QObject):
    """mainWindow().moduleSelector(): opening a module by name; the host does the work."""

    def __init__(self, parent, select):
        super().__init__(parent)
        self._select, self.selectedModule = select, ""

    def selectModule(self, name):
        self.selectedModule = name
        self._select(name)


class qSlicerMainWindow(qt.QMainWindow):
    def __init__(self, width=1200, height=800):
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self.windowTitle = "3D Slicer (stand-in)"
        self._modulePanel = ModulePanel()
        dock = qt.QDockWidget("Module", self)
        dock.setObjectName("PanelDockWidget")
        dock.setTitleBarWidget(qt.QWidget(dock))
        dock.setWidget(_framed(self._modulePanel))
        self.addDockWidget(qt.Qt.LeftDockWidgetArea, dock)
        self._viewport = qt.QWidget(self)
        self._viewport.setObjectName("CentralWidgetLayoutFrame")
        box = qt.QVBoxLayout(self._viewport)
        box.setContentsMargins(0, 0, 0, 0)
        self.setCentralWidget(self._viewport)
        self.statusBar().hide()
        self._selector = ModuleSelector(self, lambda name: None)
        self.resize(width, height)

    def onModuleSelected(self, call):
        self._selector._select = call

    def moduleSelector(self):
        return self._selector

    def modulePanel(self):
        return self._modulePanel

    def viewport(self):
        return self._viewport


def _framed(panel):
    """The panel between what Slicer shows above and below every module, both closed."""
    frame = qt.QWidget()
    column = qt.QVBoxLayout(frame)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for title, name in (
        ("Help & Acknowledgement", "HelpCollapsibleButton"),
        ("Data Probe", "DataProbeCollapsibleWidget"),
    ):
        section = ctk.ctkCollapsibleButton(title.replace("&", "&&"))
        section.setObjectName(name)
        section.setLayout(qt.QVBoxLayout())
        section.collapsed = True
        column.addWidget(section)
    column.insertWidget(1, panel, 1)
    return frame
