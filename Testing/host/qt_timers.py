"""`qt.QTimer.singleShot` as Slicer provides it: it keeps its callable, and `timer.singleShot` stays a property."""

from PySide6.QtCore import QCoreApplication, QTimer

from . import qt_signals


def single_shot(milliseconds, receiver, member=None) -> None:
    """Call a function, or a named slot of an object, once after that time."""
    timer = QTimer(QCoreApplication.instance())
    timer.setSingleShot(True)
    qt_signals.connect(timer, "timeout()", receiver, member)
    timer.timeout.connect(timer.deleteLater)
    timer.start(milliseconds)


def install() -> None:
    """The class gives the static function, an instance its property."""
    QTimer.__dict__["singleShot"].native = single_shot
