"""CTK's sliders and spin boxes for floating-point numbers."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSizePolicy, QSlider, QWidget

from .standins import Property, forwarded, standin, stored

_TICKS = 10000  # positions of the inner slider
_LARGEST = 1e15  # a spin box cannot be infinite


class _Ranged:
    """minimum, maximum, singleStep and pageStep of a widget; `_range_changed` follows each change."""

    def _set_minimum(self, value):
        self.setRange(value, max(float(value), self._maximum))

    def _set_maximum(self, value):
        self.setRange(min(float(value), self._minimum), value)

    def setRange(self, minimum, maximum):
        """Both ends at once; the value is moved inside."""
        self._minimum, self._maximum = float(minimum), float(maximum)
        self._range_changed()


@standin
class ctkDoubleSlider(_Ranged, QWidget):
    """A slider whose value is a float. A program's value is kept exactly, a user's moves go in single steps."""

    valueChanged = Signal(float)
    sliderMoved = Signal(float)
    sliderPressed = Signal()
    sliderReleased = Signal()
    rangeChanged = Signal(float, float)

    def __init__(self, *arguments):
        self._minimum, self._maximum, self._value, self._busy = 0.0, 99.0, 0.0, False
        orientation = arguments[0] if arguments and isinstance(arguments[0], int) else Qt.Horizontal
        QWidget.__init__(self, next((a for a in arguments if isinstance(a, QWidget)), None))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._slider = QSlider(Qt.Orientation(orientation), self)
        self._slider.setRange(0, _TICKS)
        layout.addWidget(self._slider)
        self.setSizePolicy(self._slider.sizePolicy)
        self._slider.valueChanged.connect(self._on_slider)
        self._slider.sliderMoved.connect(lambda tick: self.sliderMoved.emit(self._of_tick(tick)))
        self._slider.sliderPressed.connect(self.sliderPressed.emit)
        self._slider.sliderReleased.connect(self.sliderReleased.emit)

    def _of_tick(self, tick) -> float:
        value = self._minimum + (self._maximum - self._minimum) * tick / _TICKS
        steps = round((value - self._minimum) / self.singleStep) if self.singleStep else 0
        return min(self._minimum + steps * self.singleStep, self._maximum) if self.singleStep else value

    def _on_slider(self, tick):
        if not self._busy:
            self._take(self._of_tick(tick))

    def _take(self, value):
        value = min(max(float(value), self._minimum), self._maximum)
        changed, self._value = value != self._value, value
        self._busy = True
        span = self._maximum - self._minimum
        self._slider.setValue(round(_TICKS * (value - self._minimum) / span) if 0 < span < _LARGEST else 0)
        self._busy = False
        if changed:
            self.valueChanged.emit(value)

    def _range_changed(self):
        self.rangeChanged.emit(self._minimum, self._maximum)
        self._take(self._value)

    value = Property(float, lambda self: self._value, _take, notify=valueChanged)
    sliderPosition = Property(float, lambda self: self._value, _take)
    minimum = Property(float, lambda self: self._minimum, _Ranged._set_minimum)
    maximum = Property(float, lambda self: self._maximum, _Ranged._set_maximum)
    singleStep = stored(float, "singleStep", 1.0)
    pageStep = stored(float, "pageStep", 10.0)
    tickInterval = stored(float, "tickInterval", 0.0)
    tickPosition = forwarded(int, "_slider", "tickPosition")
    tracking = forwarded(bool, "_slider", "tracking")
    orientation = forwarded(int, "_slider", "orientation")
    handleToolTip = stored(str, "handleToolTip", "")
    invertedAppearance = forwarded(bool, "_slider", "invertedAppearance")
    invertedControls = forwarded(bool, "_slider", "invertedControls")


@standin
class ctkDoubleSpinBox(QWidget):
    """A spin box inside a widget of its own, so it is no QDoubleSpinBox."""

    valueChanged = Signal(float)
    decimalsChanged = Signal(int)
    editingFinished = Signal()

    SetIfDifferent, SetAlways = 0, 1

    def __init__(self, *arguments):
        QWidget.__init__(self, next((a for a in arguments if isinstance(a, QWidget)), None))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._spin = QDoubleSpinBox(self)
        layout.addWidget(self._spin)
        self.setSizePolicy(QSizePolicy.Minimum, QSizePolicy.Fixed)
        self._spin.valueChanged.connect(self.valueChanged.emit)
        self._spin.editingFinished.connect(self.editingFinished.emit)

    def _set_minimum(self, value):
        self._spin.setMinimum(max(float(value), -_LARGEST))

    def _set_maximum(self, value):
        self._spin.setMaximum(min(float(value), _LARGEST))

    def _set_decimals(self, value):
        self._spin.setDecimals(int(value))
        self.decimalsChanged.emit(int(value))

    def setRange(self, minimum, maximum):
        """Both ends at once."""
        self._set_minimum(minimum)
        self._set_maximum(maximum)

    value = forwarded(float, "_spin", "value")
    minimum = Property(float, lambda self: self._spin.minimum, _set_minimum)
    maximum = Property(float, lambda self: self._spin.maximum, _set_maximum)
    singleStep = forwarded(float, "_spin", "singleStep")
    decimals = Property(int, lambda self: self._spin.decimals, _set_decimals, notify=decimalsChanged)
    prefix = forwarded(str, "_spin", "prefix")
    suffix = forwarded(str, "_spin", "suffix")
    alignment = forwarded(int, "_spin", "alignment")
    frame = forwarded(bool, "_spin", "frame")
    readOnly = forwarded(bool, "_spin", "readOnly")
    cleanText = Property(str, lambda self: self._spin.cleanText)
    setMode = stored(int, "setMode", 0)
    invertedControls = stored(bool, "invertedControls", False)


@standin
class ctkSliderWidget(_Ranged, QWidget):
    """A slider and a spin box side by side.

    valueChanged comes at every step while tracking, else when the mouse button is released; without tracking
    valueIsChanging comes at every step and `value` remains the old one until then.
    """

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)

    def __init__(self, parent=None):
        self._minimum, self._maximum, self._before = 0.0, 99.0, None
        QWidget.__init__(self, parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._slider, self._spin = ctkDoubleSlider(self), QDoubleSpinBox(self)
        self._slider.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self._spin.setSizePolicy(QSizePolicy.Minimum, QSizePolicy.Preferred)
        layout.addWidget(self._slider)
        layout.addWidget(self._spin)
        self._range_changed()
        self._slider.valueChanged.connect(self._on_slider)
        self._spin.valueChanged.connect(self._on_spin)
        self._slider._slider.installEventFilter(self)

    def eventFilter(self, source, event):
        if not self.tracking and event.type() == QEvent.MouseButtonPress:
            self._before = self._slider.value
        elif self._before is not None and event.type() == QEvent.MouseButtonRelease:
            before, self._before = self._before, None
            if before != self._slider.value:
                self.valueChanged.emit(self._slider.value)
        return False

    def _on_spin(self, value):
        if round(self._slider.value, self._spin.decimals) != value:
            self._slider.setValue(value)

    def _on_slider(self, value):
        self._spin.blockSignals(True)
        self._spin.setValue(value)
        self._spin.blockSignals(False)
        (self.valueIsChanging if self._before is not None else self.valueChanged).emit(value)

    def _range_changed(self):
        self._spin.setRange(max(self._minimum, -_LARGEST), min(self._maximum, _LARGEST))
        self._slider.setRange(self._minimum, self._maximum)

    def _set_decimals(self, value):
        self._spin.setDecimals(int(value))
        self.decimalsChanged.emit(int(value))

    def _set_value(self, value):
        self._slider.setValue(value)

    def _get_value(self):
        return self._slider.value if self._before is None else self._before

    def _set_single_step(self, value):
        self._slider.singleStep = value
        self._spin.singleStep = value

    def reset(self):
        """Back to zero, or the end of the range nearest to it."""
        self._slider.setValue(0.0)

    value = Property(float, _get_value, _set_value, notify=valueChanged)
    minimum = Property(float, lambda self: self._minimum, _Ranged._set_minimum)
    maximum = Property(float, lambda self: self._maximum, _Ranged._set_maximum)
    singleStep = Property(float, lambda self: self._slider.singleStep, _set_single_step)
    pageStep = forwarded(float, "_slider", "pageStep")
    decimals = Property(int, lambda self: self._spin.decimals, _set_decimals, notify=decimalsChanged)
    prefix = forwarded(str, "_spin", "prefix")
    suffix = forwarded(str, "_spin", "suffix")
    tickInterval = forwarded(float, "_slider", "tickInterval")
    tickPosition = forwarded(int, "_slider", "tickPosition")
    tracking = stored(bool, "tracking", True)
    spinBoxVisible = Property(bool, lambda self: not self._spin.isHidden(), lambda self, on: self._spin.setVisible(on))
    spinBoxAlignment = stored(int, "spinBoxAlignment", int(Qt.AlignRight | Qt.AlignVCenter))
    popupSlider = stored(bool, "popupSlider", False)
    synchronizeSiblings = stored(int, "synchronizeSiblings", 0)
    invertedAppearance = forwarded(bool, "_slider", "invertedAppearance")
    invertedControls = forwarded(bool, "_slider", "invertedControls")
