"""A hand in one slice view: mouse and wheel go to the view's interactor, keys to its widget, as a person's would."""

from __future__ import annotations

import qt


class ViewHand:
    """Positions are device pixels from the lower left corner, as VTK counts them; as float, fractions of the size."""

    def __init__(self, sliceWidget):
        if sliceWidget is None:
            raise AssertionError("There is no slice view of that name.")
        self.widget, self.sliceView = sliceWidget, sliceWidget.sliceView()
        self.interactor = self.sliceView.interactor()

    @property
    def size(self) -> tuple[int, int]:
        return tuple(self.sliceView.renderWindow().GetSize())

    def _pixel(self, x, y):
        width, height = self.size
        return (
            round(x * (width - 1)) if isinstance(x, float) else x,
            round(y * (height - 1)) if isinstance(y, float) else y,
        )

    def mouse(self, event, x, y, ctrl=False, shift=False):
        """One VTK event, for instance "LeftButtonPressEvent"."""
        x, y = self._pixel(x, y)
        self.interactor.SetEventInformation(x, y, int(ctrl), int(shift), "\0", 0, None)
        self.interactor.InvokeEvent(event)

    def move(self, x, y, **modifiers):
        self.mouse("MouseMoveEvent", x, y, **modifiers)

    def press(self, x, y, button="Left", **modifiers):
        self.mouse("EnterEvent", x, y)
        self.move(x, y, **modifiers)
        self.mouse(f"{button}ButtonPressEvent", x, y, **modifiers)

    def release(self, x, y, button="Left", **modifiers):
        self.mouse(f"{button}ButtonReleaseEvent", x, y, **modifiers)

    def drag(self, start, end, button="Left", steps=5, **modifiers):
        """Press at start, move to end in some steps, release."""
        (x0, y0), (x1, y1) = self._pixel(*start), self._pixel(*end)
        self.press(x0, y0, button, **modifiers)
        for step in range(1, steps + 1):
            x, y = x0 + (x1 - x0) * step // steps, y0 + (y1 - y0) * step // steps
            self.move(x, y, **modifiers)
        self.release(x1, y1, button, **modifiers)

    def wheel(self, notches=1, x=0.5, y=0.5, **modifiers):
        """Positive is forward (away from the hand)."""
        self.mouse("EnterEvent", x, y)
        self.move(x, y, **modifiers)
        for _ in range(abs(notches)):
            self.mouse(f"MouseWheel{'Forward' if notches > 0 else 'Backward'}Event", x, y, **modifiers)

    def key(self, key, down=None, repeat=False):
        """``key`` is a name such as "Space" or "S"; only a widget in a visible view gets keys."""
        code = getattr(qt.Qt, f"Key_{key}")
        text = " " if key == "Space" else (key.lower() if len(key) == 1 else "")
        target = self.sliceView.VTKWidget()
        target.setFocus()
        kinds = {True: [qt.QEvent.KeyPress], False: [qt.QEvent.KeyRelease]}.get(
            down, [qt.QEvent.KeyPress, qt.QEvent.KeyRelease]
        )
        for kind in kinds:
            qt.QApplication.sendEvent(target, qt.QKeyEvent(kind, code, qt.Qt.NoModifier, text, repeat))
