"""CTK's small variations of Qt's buttons, combo box and message box."""

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QComboBox,
    QMessageBox,
    QPushButton,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
)

from .standins import Property, standin, stored


@standin
class ctkCheckBox(QCheckBox):
    """A check box; the indicator icon is not imitated."""


@standin
class ctkComboBox(QComboBox):
    """A combo box with a text for "nothing chosen"."""

    defaultText = stored(str, "defaultText", "", "update")
    elideMode = stored(int, "elideMode", int(Qt.ElideNone))
    forceDefault = stored(bool, "forceDefault", False)
    scrollWheelEffect = stored(int, "scrollWheelEffect", 1)

    def paintEvent(self, event):  # not Qt's placeholder text: that would keep a first item from being selected
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        if self.currentIndex < 0:
            option.currentText = self.defaultText
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode(self.elideMode), max(self.width - 34, 20)
        )
        painter.drawComplexControl(QStyle.CC_ComboBox, option)
        painter.drawControl(QStyle.CE_ComboBoxLabel, option)
        painter.end()

    @Property(str)
    def currentUserDataAsString(self):
        return str(self.currentData or "")


@standin
class ctkPushButton(QPushButton):
    """A push button whose text can be aligned and elided; only its width knows about the elision."""

    buttonTextAlignment = stored(int, "buttonTextAlignment", int(Qt.AlignCenter))
    iconAlignment = stored(int, "iconAlignment", int(Qt.AlignLeft | Qt.AlignVCenter))
    elideMode = stored(int, "elideMode", int(Qt.ElideNone), "_narrow")

    def _narrow(self):
        self.setMinimumWidth(0 if self.elideMode == Qt.ElideNone else 20)


@standin
class ctkMenuButton(QPushButton):
    """A push button with a menu beside it: pressing the button does not open the menu."""

    def setMenu(self, menu):
        self._menu = menu

    def menu(self):
        return self.__dict__.get("_menu")


@standin
class ctkCheckablePushButton(ctkPushButton):
    """A push button with a check box in it."""

    checkBoxToggled = Signal(bool)

    indicatorAlignment = stored(int, "indicatorAlignment", int(Qt.AlignLeft | Qt.AlignVCenter))
    checkBoxControlsButton = stored(bool, "checkBoxControlsButton", True)
    checkBoxControlsButtonToggleState = stored(bool, "checkBoxControlsButtonToggleState", True)
    checkBoxUserCheckable = stored(bool, "checkBoxUserCheckable", True)
    checkState = stored(int, "checkState", int(Qt.Unchecked), "_check_changed")

    def _check_changed(self):
        checked = self.checkState == int(Qt.Checked)
        if self.checkBoxControlsButtonToggleState:
            self.setCheckable(checked)
            self.setChecked(checked)
        self.checkBoxToggled.emit(checked)


@standin
class ctkColorPickerButton(QPushButton):
    """A button that shows a colour and asks for another."""

    colorChanged = Signal(QColor)
    colorNameChanged = Signal(str)

    def __init__(self, *arguments):
        self._color = QColor(0, 0, 0)
        QPushButton.__init__(self, *[a for a in arguments if not isinstance(a, QColor)])
        self._paint_icon()
        self.clicked.connect(self.changeColor)

    def changeColor(self):
        """Ask for a colour."""
        chosen = QColorDialog.getColor(self._color, self)
        if chosen.isValid():
            self._set_color(chosen)

    def _set_color(self, color):
        color = QColor(color)
        if color != self._color:
            self._color = color
            self._paint_icon()
            self.colorChanged.emit(color)
            self.colorNameChanged.emit(color.name())

    def _paint_icon(self):
        pixmap = QPixmap(16, 16)
        pixmap.fill(self._color)
        self.setIcon(QIcon(pixmap))
        if self.displayColorName:
            self.setText(self._color.name())

    color = Property(QColor, lambda self: self._color, _set_color, notify=colorChanged)
    colorName = Property(str, lambda self: self._color.name(), lambda self, name: self._set_color(QColor(name)))
    displayColorName = stored(bool, "displayColorName", True, "_paint_icon")
    dialogOptions = stored(int, "dialogOptions", 0)


@standin
class ctkMessageBox(QMessageBox):
    """A message box with "don't show again", which is remembered in QSettings."""

    dontShowAgain = stored(bool, "dontShowAgain", False, "_remember")
    dontShowAgainVisible = stored(bool, "dontShowAgainVisible", False)
    dontShowAgainSettingsKey = stored(str, "dontShowAgainSettingsKey", "")

    def _remember(self):
        if self.dontShowAgainSettingsKey:
            QSettings().setValue(self.dontShowAgainSettingsKey, self.dontShowAgain)
