"""ctkCollapsibleButton and ctkCollapsibleGroupBox: sections of a module panel that fold away."""

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QAbstractButton, QGroupBox, QSizePolicy, QStyle, QStyleOption, QWidget

from .standins import Property, SizeHint, standin, stored

_FREE_HEIGHT = 16777215  # Qt's own "no maximum"
_ARROW = 11  # pixels


class _Folding:
    """Hides the direct children while collapsed, and remembers which of them their owner wants to see."""

    def _fold(self, collapsed: bool) -> None:
        self._collapsed = collapsed
        self.setMaximumHeight(_header_height(self) if collapsed else _FREE_HEIGHT)
        for child in self.children():
            if child.isWidgetType():
                self._show_child(child)
        self.updateGeometry()

    def _show_child(self, child) -> None:
        wanted = child.property("hostWanted") is not False
        self._busy = True
        child.setVisible(wanted and not self._collapsed)
        self._busy = False

    def childEvent(self, event):
        child = event.child()
        if event.type() == QEvent.ChildAdded and isinstance(child, QWidget):
            if child.testAttribute(Qt.WA_WState_ExplicitShowHide) and child.testAttribute(Qt.WA_WState_Hidden):
                child.setProperty("hostWanted", False)
            child.installEventFilter(self)
            if self._collapsed:
                self._show_child(child)

    def eventFilter(self, child, event):
        """A child that its owner shows waits until the section is opened; one that he hides stays hidden then."""
        if not self._busy and event.type() in (QEvent.ShowToParent, QEvent.HideToParent):
            child.setProperty("hostWanted", event.type() == QEvent.ShowToParent)
            if event.type() == QEvent.ShowToParent and self._collapsed:
                self._show_child(child)
        return False


def _header_height(widget) -> int:
    return widget.fontMetrics().height() + 8


@standin
class ctkCollapsibleButton(_Folding, QAbstractButton):
    """A header with an arrow; its children lie below it. checked is the opposite of collapsed."""

    contentsCollapsed = Signal(bool)

    def __init__(self, *arguments):
        text = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        parent = next((a for a in arguments if isinstance(a, QWidget)), None)
        self._collapsed = self._busy = False
        QAbstractButton.__init__(self, parent)
        SizeHint.attach(self)
        self.setText(text)
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(0, _header_height(self), 0, 0)
        self.setSizePolicy(QSizePolicy.Minimum, QSizePolicy.Preferred)
        self.toggled.connect(self._on_toggled)

    def _on_toggled(self, checked):
        if self._collapsed == checked:
            self._fold(not checked)
            self.contentsCollapsed.emit(not checked)

    def _set_collapsed(self, collapsed):
        self.setChecked(not collapsed)

    collapsed = Property(bool, lambda self: self._collapsed, _set_collapsed, notify=contentsCollapsed)
    collapsedHeight = stored(int, "collapsedHeight", 14)
    flat = stored(bool, "flat", False, "update")
    contentsFrameShape = stored(int, "contentsFrameShape", 0)
    contentsFrameShadow = stored(int, "contentsFrameShadow", 16)
    contentsLineWidth = stored(int, "contentsLineWidth", 1)
    contentsMidLineWidth = stored(int, "contentsMidLineWidth", 0)
    buttonTextAlignment = stored(int, "buttonTextAlignment", int(Qt.AlignLeft | Qt.AlignVCenter))
    indicatorAlignment = stored(int, "indicatorAlignment", int(Qt.AlignLeft | Qt.AlignVCenter))

    def _header_size(self) -> QSize:
        text = self.fontMetrics().size(Qt.TextShowMnemonic, self.text or "XXXX")
        return QSize(text.width() + _ARROW + 18, _header_height(self))

    @SizeHint
    def minimumSizeHint(self):
        header = self._header_size()
        layout = self.layout()
        return header if self._collapsed or layout is None else layout.totalMinimumSize().expandedTo(header)

    @SizeHint
    def sizeHint(self):
        header = self._header_size()
        layout = self.layout()
        return header if self._collapsed or layout is None else layout.totalSizeHint().expandedTo(header)

    def hitButton(self, position):
        return position.y() < _header_height(self)

    def paintEvent(self, event):
        height, colors = _header_height(self), self.palette
        painter = QPainter(self)
        if self.underMouse():
            painter.fillRect(0, 0, self.width, height, colors.color(QPalette.Midlight))
        painter.setPen(colors.color(QPalette.Mid))
        painter.drawLine(0, height - 2, self.width, height - 2)
        arrow = QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QRect(4, (height - _ARROW) // 2 - 1, _ARROW, _ARROW)
        which = QStyle.PE_IndicatorArrowRight if self._collapsed else QStyle.PE_IndicatorArrowDown
        self.style().drawPrimitive(which, arrow, painter, self)
        painter.setPen(colors.color(QPalette.Active if self.enabled else QPalette.Disabled, QPalette.WindowText))
        where = QRect(_ARROW + 10, 0, self.width - _ARROW - 10, height - 2)
        painter.drawText(where, Qt.AlignLeft | Qt.AlignVCenter | Qt.TextShowMnemonic, self.text)
        painter.end()


@standin
class ctkCollapsibleGroupBox(_Folding, QGroupBox):
    """A group box that folds when its title is clicked; checked is the opposite of collapsed."""

    def __init__(self, *arguments):
        self._collapsed = self._busy = False
        QGroupBox.__init__(self, *arguments)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(lambda checked: self._fold(not checked))

    def _set_collapsed(self, collapsed):
        self.setChecked(not collapsed)

    collapsed = Property(bool, lambda self: self._collapsed, _set_collapsed)
    collapsedHeight = stored(int, "collapsedHeight", 14)

    def paintEvent(self, event):
        height = self.fontMetrics().height()
        painter = QPainter(self)
        painter.setPen(self.palette.color(QPalette.Mid))
        if not self._collapsed:
            painter.drawRect(0, height // 2, self.width - 1, self.height - height // 2 - 1)
        title = self.fontMetrics().horizontalAdvance(self.title)
        painter.fillRect(6, 0, title + _ARROW + 12, height + 2, self.palette.color(QPalette.Window))
        arrow = QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QRect(8, (height - _ARROW) // 2 + 1, _ARROW, _ARROW)
        which = QStyle.PE_IndicatorArrowRight if self._collapsed else QStyle.PE_IndicatorArrowDown
        self.style().drawPrimitive(which, arrow, painter, self)
        painter.setPen(self.palette.color(QPalette.WindowText))
        painter.drawText(QRect(_ARROW + 13, 0, title + 4, height + 2), Qt.AlignLeft | Qt.AlignVCenter, self.title)
        painter.end()
