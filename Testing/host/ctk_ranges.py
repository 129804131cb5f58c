"""CTK's widgets for an interval: two values between a minimum and a maximum."""

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSizePolicy, QWidget

from .standins import Property, standin, stored

_HANDLE = 6  # half the width of a handle, pixels


class _Interval:
    """The four numbers and their signals."""

    def _start(self):
        self._low, self._high, self._minimum, self._maximum = 0.0, 99.0, 0.0, 99.0

    def setValues(self, low, high):
        """Both values at once; swapped if they come in the wrong order, moved into the range."""
        low, high = sorted(min(max(float(v), self._minimum), self._maximum) for v in (low, high))
        old, (self._low, self._high) = (self._low, self._high), (low, high)
        self._shown()
        if low != old[0]:
            self.minimumValueChanged.emit(low)
        if high != old[1]:
            self.maximumValueChanged.emit(high)
        if (low, high) != old:
            self.valuesChanged.emit(low, high)

    def setRange(self, minimum, maximum):
        """The ends of the range; the values are moved inside."""
        self._minimum, self._maximum = float(minimum), float(maximum)
        self.rangeChanged.emit(self._minimum, self._maximum)
        self.setValues(self._low, self._high)

    def _shown(self):
        self.update()

    def _properties():
        def end(attribute, other, order):
            return Property(
                float,
                lambda self: getattr(self, attribute),
                lambda self, value: self.setRange(*order(float(value), getattr(self, other))),
            )

        return (
            end("_minimum", "_maximum", lambda value, other: (value, max(value, other))),
            end("_maximum", "_minimum", lambda value, other: (min(value, other), value)),
            Property(float, lambda self: self._low, lambda self, value: self.setValues(value, max(value, self._high))),
            Property(float, lambda self: self._high, lambda self, value: self.setValues(min(value, self._low), value)),
        )


@standin
class ctkDoubleRangeSlider(_Interval, QWidget):
    """A slider with two handles."""

    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    valuesChanged = Signal(float, float)
    rangeChanged = Signal(float, float)

    minimum, maximum, minimumValue, maximumValue = _Interval._properties()
    singleStep = stored(float, "singleStep", 1.0)
    tracking = stored(bool, "tracking", True)
    orientation = stored(int, "orientation", int(Qt.Horizontal))
    tickInterval = stored(float, "tickInterval", 0.0)
    symmetricMoves = stored(bool, "symmetricMoves", False)

    def __init__(self, *arguments):
        self._start()
        self._held = None
        QWidget.__init__(self, next((a for a in arguments if isinstance(a, QWidget)), None))
        self.setMinimumSize(14, 20)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)

    def _place(self, value) -> float:
        span = self._maximum - self._minimum
        return _HANDLE + (self.width - 2 * _HANDLE) * (value - self._minimum) / span if span else _HANDLE

    def _value_at(self, x) -> float:
        fraction = (x - _HANDLE) / max(self.width - 2 * _HANDLE, 1)
        value = self._minimum + fraction * (self._maximum - self._minimum)
        return round(value / self.singleStep) * self.singleStep if self.singleStep else value

    def mousePressEvent(self, event):
        x = event.pos().x()
        self._held = "_low" if abs(x - self._place(self._low)) <= abs(x - self._place(self._high)) else "_high"

    def mouseMoveEvent(self, event):
        value = self._value_at(event.pos().x())
        if self._held == "_low":
            self.setValues(min(value, self._high), self._high)
        elif self._held == "_high":
            self.setValues(self._low, max(value, self._low))

    def mouseReleaseEvent(self, event):
        self._held = None

    def paintEvent(self, event):
        painter, middle = QPainter(self), self.height / 2
        painter.setRenderHint(QPainter.Antialiasing)
        low, high = self._place(self._low), self._place(self._high)
        painter.fillRect(QRectF(_HANDLE, middle - 2, self.width - 2 * _HANDLE, 4), self.palette.color(QPalette.Mid))
        painter.fillRect(QRectF(low, middle - 2, high - low, 4), self.palette.color(QPalette.Highlight))
        painter.setBrush(self.palette.color(QPalette.Button))
        painter.setPen(self.palette.color(QPalette.Dark))
        for x in (low, high):
            painter.drawEllipse(QPointF(x, middle), _HANDLE - 1, _HANDLE - 1)
        painter.end()


@standin
class ctkRangeWidget(_Interval, QWidget):
    """A range slider between two spin boxes."""

    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    minimumValueIsChanging = Signal(float)
    maximumValueIsChanging = Signal(float)
    valuesChanged = Signal(float, float)
    rangeChanged = Signal(float, float)

    minimum, maximum, minimumValue, maximumValue = _Interval._properties()
    singleStep = stored(float, "singleStep", 1.0, "_show_steps")
    decimals = stored(int, "decimals", 2, "_show_steps")
    prefix = stored(str, "prefix", "", "_show_steps")
    suffix = stored(str, "suffix", "", "_show_steps")
    tracking = stored(bool, "tracking", True)
    tickInterval = stored(float, "tickInterval", 0.0)
    symmetricMoves = stored(bool, "symmetricMoves", False)
    autoSpinBoxWidth = stored(bool, "autoSpinBoxWidth", True)
    spinBoxAlignment = stored(int, "spinBoxAlignment", int(Qt.AlignVCenter))
    spinBoxTextAlignment = stored(int, "spinBoxTextAlignment", int(Qt.AlignLeft))

    def __init__(self, parent=None):
        self._start()
        QWidget.__init__(self, parent)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._spins = (QDoubleSpinBox(self), QDoubleSpinBox(self))
        self._slider = ctkDoubleRangeSlider(self)
        for part in (self._spins[0], self._slider, self._spins[1]):
            layout.addWidget(part)
        self._slider.valuesChanged.connect(self.setValues)
        self._spins[0].valueChanged.connect(lambda value: self.setValues(value, max(value, self._high)))
        self._spins[1].valueChanged.connect(lambda value: self.setValues(min(value, self._low), value))
        self._show_steps()
        self._shown()

    def _shown(self):
        for part in (*self._spins, self._slider):
            part.blockSignals(True)
            part.setRange(max(self._minimum, -1e15), min(self._maximum, 1e15))
        self._spins[0].setValue(self._low)
        self._spins[1].setValue(self._high)
        self._slider.setValues(self._low, self._high)
        for part in (*self._spins, self._slider):
            part.blockSignals(False)

    def _show_steps(self):
        self._slider.singleStep = self.singleStep
        for spin in self._spins:
            spin.blockSignals(True)
            spin.decimals, spin.singleStep = self.decimals, self.singleStep
            spin.prefix, spin.suffix = self.prefix, self.suffix
            spin.blockSignals(False)
