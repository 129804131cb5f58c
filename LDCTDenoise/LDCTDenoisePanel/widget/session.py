"""What the sections of the panel share: the scene's parameters, the methods, and the one job that runs."""

import logging

from slicer.i18n import tr as _

from ..catalogue import Catalogue, readCatalogue
from ..setup_state import SetupState, look
from ..signal import Signal
from ..user_error import UserError


class Session:
    """The sections talk to this and not to each other.

    logic      see `LDCTDenoisePanel.logic.ConsoleLogic`
    settings   MachineSettings
    dialogs    see `dialogs.Dialogs`
    """

    def __init__(self, logic, settings, dialogs, lookAround=look, readMethods=readCatalogue):
        self.logic, self.settings, self.dialogs = logic, settings, dialogs
        self._look, self._readMethods = lookAround, readMethods
        self.parameters = None  # None while the scene is closed or loaded
        self.setup = SetupState()
        self.catalogue = Catalogue()
        self.job = None
        self.isEntered = False
        self.changed = Signal()  # () parameters, methods, set-up or the job are others now
        self.progressed = Signal()  # (fraction or None, text) of the job
        self.said = Signal()  # (text) the status line
        self.complained = Signal()  # (sentence) the error line; empty: all is well again
        self.logged = Signal()  # (line)

    # what is there

    def readSetup(self):
        """Looks at what is installed and which methods there are; quick, imports nothing."""
        self.setup = self._look()
        self.catalogue = self._readMethods()
        self.changed.emit()

    def refineSetup(self, answer):
        """Corrects it by what a worker told, which has really tried."""
        if not isinstance(answer, dict):
            return
        self.setup = self.setup.refined(answer)
        self.catalogue = self.catalogue.refined(answer)
        for problem in self.setup.problems:
            self.log(problem)
        self.changed.emit()

    @property
    def method(self):
        """The chosen method, or the default; None only if there are no methods at all."""
        chosen = self.catalogue.get(self.parameters.model) if self.parameters is not None else None
        return chosen or self.catalogue.default()

    @property
    def input(self):
        return self.parameters.inputVolume if self.parameters is not None else None

    @property
    def output(self):
        return self.parameters.outputVolume if self.parameters is not None else None

    def sourceOf(self, result):
        """What a result was made from, or the input if it does not say."""
        source = result.GetNodeReference("LDCTDenoise.source") if result is not None else None
        return source or self.input

    # the job

    def run(self, start, onFinished):
        """Starts a job and follows it. start() -> running job, may raise UserError; onFinished(job, result)."""
        if self.job is not None:
            return None
        self.complain("")
        try:
            job = start()
        except UserError as error:
            self.complain(str(error))
            return None
        self.job = job
        job.progressed.connect(self.progressed.emit)
        job.noticed.connect(self.log)
        job.finished.connect(lambda result: self._end(job, lambda: onFinished(job, result)))
        job.failed.connect(lambda sentence: self._end(job, lambda: self.complain(sentence)))
        job.cancelled.connect(lambda: self._end(job, lambda: self.say(_("Cancelled; nothing was changed."))))
        self.changed.emit()
        return job

    def cancel(self):
        if self.job is not None:
            self.job.cancel()

    def close(self):
        """The panel ends. A job that ends later tells it nothing: its widgets may be destroyed by then."""
        self.cancel()
        self.job = None
        for signal in (self.changed, self.progressed, self.said, self.complained, self.logged):
            signal.clear()

    def _end(self, job, then):
        if job is not self.job:
            return
        self.job = None
        self.changed.emit()
        self.attempt(then)

    def attempt(self, action):
        """Calls action(); a UserError becomes the error line. Returns what it returns, None after an error."""
        try:
            return action()
        except UserError as error:
            self.complain(str(error))
        except Exception as error:
            logging.exception("LDCTDenoise")
            self.complain(
                _("Something unexpected went wrong ({error}); the log in Advanced has more.").format(error=error)
            )
        return None

    # what the user reads

    def say(self, text):
        self.said.emit(text)
        if text:
            self.log(text)

    def complain(self, sentence):
        """Shows what went wrong; in a window of its own if the user is in another module and would miss it."""
        self.complained.emit(sentence)
        if sentence:
            self.log(sentence)
            if not self.isEntered:
                self.dialogs.error(sentence)

    def log(self, line):
        logging.info("LDCTDenoise: %s", line)
        self.logged.emit(line)
