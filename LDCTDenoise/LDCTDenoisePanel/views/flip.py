"""Hold to see the original where the denoised volume is."""

import qt

from .cover import Cover


class Flip:
    """Shows `original` all over a view while it is on. What the view itself shows does not change."""

    def __init__(self, sliceWidget, original):
        self._cover = Cover(sliceWidget, original, fraction=0.0, visible=False)

    def setOriginal(self, original):
        """True: the original; False: the view's own picture."""
        self._cover.visible = original

    def close(self):
        """Ends it; the view shows its own picture."""
        self._cover.close()


class HoldKey(qt.QObject):
    """Event filter: `changed(True)` when a key goes down, `changed(False)` when it is released or the focus leaves.

    Qt events and not VTK's: in those a held key comes as press and release over and over.
    """

    def __init__(self, key, changed):
        qt.QObject.__init__(self)
        self._key, self._changed, self._held = key, changed, False
        self._watched = []

    def watch(self, widget):
        """Hears the keys of this widget until `close()`."""
        widget.installEventFilter(self)
        self._watched.append(widget)

    def close(self):
        """Releases the key and hears no more."""
        for widget in self._watched:
            widget.removeEventFilter(self)
        self._watched = []
        self.release()

    def release(self):
        """As if the key had been released."""
        if self._held:
            self._held = False
            self._changed(False)

    def eventFilter(self, watched, event):
        kind = event.type()
        if kind in (qt.QEvent.FocusOut, qt.QEvent.WindowDeactivate):
            self.release()
            return False
        if kind not in (qt.QEvent.KeyPress, qt.QEvent.KeyRelease) or event.key() != self._key:
            return False
        if not event.isAutoRepeat():
            if kind == qt.QEvent.KeyRelease:
                self.release()
            elif not self._held:
                self._held = True
                self._changed(True)
        return True
