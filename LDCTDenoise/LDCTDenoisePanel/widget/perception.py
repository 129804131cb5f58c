"""The line that tells what dose and anatomy the input looks like; asked for by a button, and never acted upon alone."""

from slicer.i18n import tr as _

from ..perception_text import perceived, suggested, whereFrom
from ..user_error import UserError
from ..volumes import stateOf


class Perception:
    """`ui` has perceptionLabel, perceiveButton, useSuggestionButton, methodCombo, strengthSlider, methodSection.

    whyNot()  why nothing can be done with the input, one sentence; empty if all is well

    Its job runs beside the panel's one: a look at a few slices must not keep anybody from denoising.
    """

    def __init__(self, ui, session, whyNot):
        self._ui, self._session, self._whyNot = ui, session, whyNot
        self._job = None
        self._seen = None  # the input, as it was, that the answer is about
        self._answer = None
        self._text = ""
        ui.perceiveButton.connect("clicked()", self._onPerceive)
        ui.useSuggestionButton.connect("clicked()", self._onUse)
        session.changed.connect(self.refresh)

    @property
    def isBusy(self):
        return self._job is not None

    def stop(self):
        """The look that is being taken is given up; nothing of it is told."""
        job, self._job = self._job, None
        if job is not None:
            job.cancel()

    def refresh(self):
        ui, session = self._ui, self._session
        seen = (session.input, stateOf(session.input))
        if seen != self._seen:
            self._seen = seen
            self.stop()
            self._answer, self._text = None, ""
        method = session.catalogue.perceiving()
        isRunning = self.isBusy
        reason = self._whyNot() or (_("Wait until the work is done, or cancel it.") if session.job is not None else "")
        button = ui.perceiveButton
        button.visible = (method is not None or isRunning) and self._answer is None and session.input is not None
        button.enabled = isRunning or not reason
        button.text = _("Stop looking") if isRunning else _("Estimate dose and anatomy")
        button.toolTip = (
            _("Give up the estimate.")
            if isRunning
            else reason or _("Let a model look at a few slices: how much dose, and which anatomy. Nothing is changed.")
        )
        ui.perceptionLabel.text = self._text
        ui.perceptionLabel.visible = bool(self._text)
        ui.perceptionLabel.toolTip = whereFrom(self._answer) if self._answer else self._text
        self._refreshSuggestion()

    def _refreshSuggestion(self):
        button, method = self._ui.useSuggestionButton, self._suggestedMethod()
        button.visible = method is not None
        if method is None:
            return
        suggestion = self._answer["suggestion"]
        isSet = self._session.method is method and self._percent() == round(self._ui.strengthSlider.value)
        button.enabled = self._session.job is None and not isSet
        button.toolTip = (
            _("Method and strength are as suggested.")
            if isSet
            else _("Set method and strength to what is suggested, since {reason}.").format(reason=suggestion["reason"])
        )

    def _suggestedMethod(self):
        """None where there is no answer, or the method that it suggests is not ready here."""
        method = self._session.catalogue.get(self._answer["suggestion"]["model"]) if self._answer else None
        return method if method is not None and method.ready else None

    def _percent(self):
        return round(100 * self._answer["suggestion"]["strength"])

    # the look

    def _onPerceive(self):
        if self._job is not None:
            self.stop()
            self._tell(None, _("The estimate was given up."))
            return
        session, method = self._session, self._session.catalogue.perceiving()
        if method is None or self._whyNot():
            return
        try:
            job = session.logic.perceive(
                session.input, method.id, device=session.settings.device, waitForCompletion=False
            )
        except UserError as error:
            self._tell(None, str(error))
            return
        self._job = job
        job.noticed.connect(session.log)
        job.finished.connect(lambda answer: self._ended(job, lambda: self._tell(answer)))
        job.failed.connect(lambda sentence: self._ended(job, lambda: self._tell(None, sentence)))
        job.cancelled.connect(lambda: self._ended(job, lambda: self._tell(None)))
        self._tell(None, _("Looking at a few slices …"))

    def _ended(self, job, then):
        if job is self._job:
            self._job = None
            self._session.attempt(then)

    def _tell(self, answer, text=""):
        self._answer, self._text = answer, text
        if answer is not None:
            method = self._suggestedMethod()
            lines = [perceived(answer), suggested(answer["suggestion"], method.title) if method else ""]
            self._text = " ".join(line for line in lines if line)
            self._session.log(self._text)
        self.refresh()

    def _onUse(self):
        """As the user's own hand would set them: where it is seen."""
        method = self._suggestedMethod()
        if method is None or self._session.job is not None:
            return
        ui = self._ui
        ui.methodSection.collapsed = False
        ui.methodCombo.setCurrentIndex(ui.methodCombo.findData(method.id))
        ui.strengthSlider.value = self._percent()
        self._session.say(
            _("Method and strength are set as suggested: {title}, {percent} %.").format(
                title=method.title, percent=self._percent()
            )
        )
        self._session.changed.emit()
