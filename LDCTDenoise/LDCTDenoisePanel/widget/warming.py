"""The chosen method is loaded before anyone presses Denoise, so that the first slice comes soon."""

import contextlib

import qt

from ..user_error import UserError

PAUSE_MS = 400  # a hand that runs through the list of methods shall not load each of them


class Warming:
    """Follows what is chosen, while the module is open, nothing runs and the worker has told that it works.

    whyNot()  why the input cannot be denoised, empty if it can
    """

    def __init__(self, session, whyNot):
        self._session, self._whyNot = session, whyNot
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.connect("timeout()", self._warm)
        session.changed.connect(self.refresh)

    def refresh(self):
        if self._isWanted():
            self._timer.start()
        else:
            self._timer.stop()

    def stop(self):
        """The panel ends."""
        self._timer.stop()

    def _isWanted(self):
        session = self._session
        return (
            session.isEntered
            and session.job is None
            and session.setup.confirmed
            and session.method is not None
            and session.method.ready
            and not self._whyNot()
        )

    def _warm(self):
        session = self._session
        if not self._isWanted():
            return
        chosen = {"device": session.settings.device, "precision": session.settings.precision}
        with contextlib.suppress(UserError):  # Denoise will say it; nobody asked for this
            session.logic.warm(session.input, session.method.id, **chosen)
