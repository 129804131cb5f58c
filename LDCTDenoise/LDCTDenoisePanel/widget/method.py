"""Method: which one, what is known of it, how strong, and what must be installed for it."""

import contextlib

import qt
from slicer.i18n import tr as _

from ..catalogue import NEEDS_PACKAGE, NEEDS_WEIGHTS, whyNotReady
from ..wording import estimate, facts


class Method:
    """`ui` has methodCombo, descriptionLabel, factsLabel, strengthSlider, setupLabel, setupButton.

    slices()            how many slices the work has, for the estimate
    installPackage(name), importWeights(id)   what the set-up button does
    strengthChanged(s)  called once per turn of the event loop while the slider moves
    """

    def __init__(self, ui, session, *, slices, installPackage, importWeights, strengthChanged):
        self._ui, self._session, self._slices = ui, session, slices
        self._installPackage, self._importWeights = installPackage, importWeights
        self._strengthChanged = strengthChanged
        self._listed = None
        self._result = None  # the result whose strength the slider shows
        self._isFilling = False
        self._later = qt.QTimer()  # many steps of the slider, one re-mix
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.connect("timeout()", self._passStrengthOn)
        ui.methodCombo.connect("currentIndexChanged(int)", self._onChosen)
        ui.strengthSlider.connect("valueChanged(double)", self._onStrength)
        ui.setupButton.connect("clicked()", self._onSetup)
        session.changed.connect(self.refresh)

    def refresh(self):
        self._fill()
        session, ui = self._session, self._ui
        method = session.method
        ui.methodCombo.enabled = session.job is None
        ui.descriptionLabel.text = method.description if method else ""
        ui.descriptionLabel.toolTip = _("Licence: {licence}").format(licence=method.licence) if method else ""
        known = [facts(method), self._estimate(method)] if method else []
        ui.factsLabel.text = "\n".join(line for line in known if line)
        ui.factsLabel.visible = bool(ui.factsLabel.text)
        if session.parameters is not None:
            self._followResult()
            self._showStrength(session.parameters.strength)
        ui.setupLabel.text = session.setup.sentence(len(session.catalogue.ready()), len(session.catalogue))
        self._refreshSetupButton(method)

    def _refreshSetupButton(self, method):
        button, setup = self._ui.setupButton, self._session.setup
        if method is not None and method.state == NEEDS_WEIGHTS:
            button.text = _("Import weights…")
            button.toolTip = method.why
        elif method is not None and method.state == NEEDS_PACKAGE and "torch" not in method.missing:
            button.text = _("Install scikit-image…")
            button.toolTip = whyNotReady(method)
        elif (method is not None and method.state == NEEDS_PACKAGE) or setup.torch is None:
            button.text = _("Install PyTorch…")
            button.toolTip = (
                _("PyTorch makes the networks work. It comes through Slicer's PyTorch extension, after you agree.")
                if setup.torchExtension
                else _(
                    "Slicer's PyTorch extension is installed first; Slicer restarts, and the set-up goes on by itself."
                )
            )
        else:
            button.visible = False
            return
        button.enabled = self._session.job is None
        button.visible = True

    def _onSetup(self):
        method = self._session.method
        if method is not None and method.state == NEEDS_WEIGHTS:
            self._importWeights(method.id)
        elif method is not None and method.state == NEEDS_PACKAGE:
            self._installPackage("torch" if "torch" in method.missing else method.missing[0])
        else:
            self._installPackage("torch")

    def _estimate(self, method):
        session = self._session
        device = session.settings.device
        if device == "auto" or not method.isRandom:  # classical filters know no device
            device = session.setup.bestDevice() if method.isRandom else "cpu"
        measured = session.settings.secondsPerSlice(method.id, device)
        draws = session.parameters.draws if session.parameters is not None and method.isRandom else 1
        return estimate(method, self._slices() * draws, device, session.setup.devices, measured)

    # the list of methods

    def _fill(self):
        combo, catalogue = self._ui.methodCombo, self._session.catalogue
        entries = [(method.id, method.title, whyNotReady(method), method.state) for method in catalogue]
        self._isFilling = True
        if entries != self._listed:
            self._listed = entries
            combo.clear()
            for id, title, why, state in entries:
                combo.addItem(title + _SUFFIX.get(state, lambda: "")(), id)
                combo.setItemData(combo.count - 1, why or catalogue.get(id).description, qt.Qt.ToolTipRole)
        method = self._session.method
        if method is not None:
            combo.setCurrentIndex(combo.findData(method.id))
        self._isFilling = False

    def _onChosen(self, index):
        if self._isFilling or index < 0 or self._session.parameters is None:
            return
        self._session.parameters.model = self._ui.methodCombo.itemData(index)
        self._session.changed.emit()

    # strength

    def _followResult(self):
        """When another result is chosen, the slider speaks of that one."""
        result = self._session.output
        if result is self._result:
            return
        self._result = result
        with contextlib.suppress(TypeError, ValueError):  # no result, or none of ours
            strength = float(result.GetAttribute("LDCTDenoise.strength") if result is not None else None)
            self._session.parameters.strength = min(max(strength, 0.0), 1.0)

    def _showStrength(self, strength):
        percent = round(100 * strength)
        if round(self._ui.strengthSlider.value) != percent:
            self._isFilling = True
            self._ui.strengthSlider.value = percent
            self._isFilling = False

    def _onStrength(self, percent):
        if self._isFilling or self._session.parameters is None:
            return
        self._session.parameters.strength = min(max(percent / 100, 0.0), 1.0)
        self._later.start()

    def _passStrengthOn(self):
        if self._session.parameters is not None:
            self._strengthChanged(self._session.parameters.strength)


_SUFFIX = {
    NEEDS_WEIGHTS: lambda: " " + _("(import weights…)"),
    NEEDS_PACKAGE: lambda: " " + _("(not installed)"),
}
