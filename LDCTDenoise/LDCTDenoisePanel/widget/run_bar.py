"""The row that is always visible: Denoise, which becomes Cancel, Preview, progress, and what happened."""

import json

import qt
from slicer.i18n import tr as _

from ..catalogue import whyNotReady
from ..parameters import saneNumbers
from ..wording import finished, secondsPerSlice


class RunBar:
    """`ui` has denoiseButton, previewButton, progressBar, statusLabel, errorLabel.

    inputs   the section Inputs: what to denoise
    compare  the section Compare: shows results and previews
    """

    def __init__(self, ui, session, inputs, compare):
        self._ui, self._session, self._inputs, self._compare = ui, session, inputs, compare
        self._notices = []
        self._wasBusy = False
        self._told = None  # the result of which the status line speaks
        ui.denoiseButton.connect("clicked()", self._onDenoise)
        ui.previewButton.connect("clicked()", self._onPreview)
        session.changed.connect(self.refresh)
        session.progressed.connect(self._onProgress)
        session.said.connect(self._onSaid)
        session.complained.connect(self._onComplained)
        self._onSaid("")
        self._onComplained("")

    # buttons

    def refresh(self):
        ui, session = self._ui, self._session
        busy = session.job is not None
        reason = self._inputs.whyNot() or self._whyMethodNot()
        ui.denoiseButton.text = _("Cancel") if busy else _("Denoise")
        ui.denoiseButton.enabled = busy or not reason
        ui.denoiseButton.toolTip = (
            _("Stop the work; nothing half-made is left behind.")
            if busy
            else reason or _("Denoise the whole volume; the slice that you look at comes first.")
        )
        ui.previewButton.enabled = not busy and not reason
        ui.previewButton.toolTip = (
            _("Wait until the work is done, or cancel it.")
            if busy
            else reason or _("Denoise only the slice that you look at, and show it.")
        )
        if not busy:
            ui.progressBar.visible = False
            self._tellOfResult()
        self._wasBusy = busy

    def _whyMethodNot(self):
        method = self._session.method
        if method is None:
            return _("There is no method: install the extension again.")
        return whyNotReady(method)

    def _onDenoise(self):
        session = self._session
        if session.job is not None:
            self._ui.denoiseButton.enabled = False  # once is enough
            session.say(_("Cancelling …"))
            session.cancel()
        elif not (self._inputs.whyNot() or self._whyMethodNot()):
            self._start(self._startDenoising, self._onDenoised)

    def _onPreview(self):
        if self._session.job is None and not (self._inputs.whyNot() or self._whyMethodNot()):
            self._start(self._startPreview, lambda job, node: self._onPreviewed(node, job.record))

    # the work

    def _start(self, start, onFinished):
        self._notices = []
        job = self._session.run(start, onFinished)
        if job is not None:
            job.noticed.connect(self._notices.append)
            self._onProgress(None, _("Starting …"))

    def _startDenoising(self):
        session, isVolume = self._session, not self._inputs.isWholeSequence()
        job = session.logic.denoise(
            session.input,
            **self._options(),
            waitForCompletion=False,
            outputVolume=self._resultToRenew() if isVolume else None,
            previewSlice=session.logic.comparison.visibleSlice(session.input) if isVolume else None,
            wholeSequence=not isVolume,
        )
        job.previewed.connect(lambda node: session.attempt(lambda: self._compare.showPreview(node)))
        return job

    def _startPreview(self):
        session = self._session
        index = session.logic.comparison.visibleSlice(session.input)
        return session.logic.previewSlice(
            session.input,
            index,
            **self._options(),
            waitForCompletion=False,
            outputVolume=self._compare.formerPreview(session.input),
        )

    def _options(self):
        session = self._session
        strength, seed, draws = saneNumbers(session.parameters)
        return {
            "model": session.method.id,
            "seed": seed,
            "strength": strength,
            "draws": draws if session.method.isRandom else 1,
            "device": session.settings.device,
            "precision": session.settings.precision,
        }

    def _resultToRenew(self):
        """The former result of the same method on the same input; another method makes a new node."""
        output = self._session.output
        if output is None or output.GetNodeReference("LDCTDenoise.source") is not self._session.input:
            return None
        return output if output.GetAttribute("LDCTDenoise.model") == self._session.method.id else None

    def _onDenoised(self, job, result):
        session = self._session
        record = job.record or {}
        self._tell(record)
        seconds = secondsPerSlice(record)
        if seconds is not None:
            session.settings.setSecondsPerSlice(record.get("model"), record.get("device", "cpu"), seconds)
        self._compare.takeResult(result)
        self._told = session.output
        session.changed.emit()

    def _onPreviewed(self, node, record):
        self._tell(record or {})
        self._compare.showPreview(node)

    def _tellOfResult(self):
        """After other work, or when another result is chosen, the line says again how the result was made."""
        output = self._session.output
        if not self._wasBusy and output is self._told:
            return
        self._told = output
        record = output.GetAttribute("LDCTDenoise.record") if output is not None else None
        try:
            record = json.loads(record or "{}")
        except ValueError:  # a scene from elsewhere
            record = {}
        self._showStatus(self._sentences(record) if record.get("model") else "")

    def _tell(self, record):
        self._session.say(self._sentences({**record, "notices": [*self._notices, *(record.get("notices") or ())]}))

    def _sentences(self, record):
        method = self._session.catalogue.get(record["model"]) if record.get("model") else None
        lines = [finished(method, record, self._session.setup.devices), *(record.get("notices") or ())]
        return "\n".join(dict.fromkeys(lines))

    # what the user sees

    def _onProgress(self, fraction, text):
        bar = self._ui.progressBar
        bar.visible = self._session.job is not None
        bar.setRange(0, 0 if fraction is None else 100)
        if fraction is not None:
            bar.value = round(100 * fraction)
        self._showStatus(text)

    def _onSaid(self, text):
        self._showStatus(text)

    def _showStatus(self, text):
        self._ui.statusLabel.text = text
        self._ui.statusLabel.visible = bool(text)

    def _onComplained(self, sentence):
        label = self._ui.errorLabel
        label.text = sentence
        label.styleSheet = f"color: {red(label)}"
        label.visible = bool(sentence)
        if sentence:
            self._showStatus("")


def red(label):
    """A red that can be read on the background of the user's theme, dark or light."""
    palette = label.palette  # kept while it is asked: PythonQt's colour points into it
    return "#ff8a80" if palette.color(qt.QPalette.Window).lightness() < 128 else "#b3261e"
