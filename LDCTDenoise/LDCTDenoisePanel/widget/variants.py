"""Several methods at once: tick two to six, see them in a grid, with or without their names."""

import qt
import slicer
from slicer.i18n import tr as _

from ..views.layouts import LETTERS, MOST_VARIANTS

ORIGINAL = ""  # the tick for the volume as it is


class Variants:
    """`ui` has variantsSection, variantsList, blindedCheckBox, variantsButton, revealButton, revealLabel.

    whyNotInput()  why the input cannot be denoised; empty if it can
    """

    def __init__(self, ui, session, whyNotInput):
        self._ui, self._session, self._whyNotInput = ui, session, whyNotInput
        self._comparison = session.logic.comparison
        self._listed = None
        self._isFilling = False
        self._told = ""  # which variant is which, after Reveal
        ui.variantsList.connect("itemChanged(QListWidgetItem*)", self._onTicked)
        ui.variantsButton.connect("clicked()", self._onCompare)
        ui.revealButton.connect("clicked()", self._onReveal)
        ui.blindedCheckBox.connect("toggled(bool)", lambda checked: self.refresh())
        ui.variantsSection.connect("contentsCollapsed(bool)", lambda collapsed: self._tell(self._told))
        self._tell("")
        self._comparison.modeChanged.connect(self.refresh)
        session.changed.connect(self.refresh)

    # the list

    def ticked(self):
        """Ids in the order of the list, ORIGINAL among them."""
        items = [self._ui.variantsList.item(row) for row in range(self._ui.variantsList.count)]
        return [item.data(qt.Qt.UserRole) for item in items if item.checkState() == qt.Qt.Checked]

    def _fill(self):
        ready = [(ORIGINAL, _("Original"))] + [(m.id, m.title) for m in self._session.catalogue.ready()]
        wanted = tuple(self._session.parameters.variants) if self._session.parameters is not None else ()
        if (ready, wanted) == self._listed:
            return
        self._listed = (ready, wanted)
        self._isFilling = True
        self._ui.variantsList.clear()
        for id, title in ready:
            item = qt.QListWidgetItem(title)
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsSelectable)
            item.setData(qt.Qt.UserRole, id)
            item.setCheckState(qt.Qt.Checked if id in wanted else qt.Qt.Unchecked)
            self._ui.variantsList.addItem(item)
        self._isFilling = False

    def _onTicked(self, item):
        if self._isFilling or self._session.parameters is None:
            return
        ticked = self.ticked()
        self._listed = (self._listed[0], tuple(ticked))  # the list shows it already
        self._session.parameters.variants = ticked
        self.refresh()

    # buttons

    def refresh(self):
        self._fill()
        ui, busy = self._ui, self._session.job is not None
        number = len(self.ticked())
        reason = self._whyNotInput()
        if not reason and not 2 <= number <= MOST_VARIANTS:
            reason = _("Tick two to six (now {number}).").format(number=number)
        if busy:
            reason = _("Wait until the work is done, or cancel it.")
        ui.variantsButton.enabled = not reason
        ui.variantsButton.toolTip = reason or _(
            "Show the ticked variants in a grid; those not computed yet are computed."
        )
        ui.variantsList.enabled = not busy
        isShown = self._comparison.mode == "variants"
        canReveal = isShown and self._comparison.blinded
        ui.revealButton.enabled = canReveal
        ui.revealButton.toolTip = (
            _("Tell which variant is which.")
            if canReveal
            else _("Show blinded variants first; their names are then hidden.")
        )
        if not isShown:
            self._tell("")

    def _onCompare(self):
        session, ids = self._session, self.ticked()
        known = {id: self._result(id) for id in ids}
        missing = [id for id in ids if known[id] is None]
        if not missing:
            session.complain("")
            session.attempt(lambda: self._show(ids, known))
            return

        def start():
            return session.logic.compare(session.input, missing, **self._options(), waitForCompletion=False)

        def finish(job, volumes):
            known.update((volume.GetAttribute("LDCTDenoise.model"), volume) for volume in volumes)
            titles = ", ".join(session.catalogue.get(id).title for id in missing if known[id] is not None)
            session.say(_("Computed: {methods}. For research use.").format(methods=titles))
            done = [id for id in ids if known[id] is not None]  # what failed was told
            if session.output is None and session.parameters is not None:  # so that Compare and Measure have something
                session.parameters.outputVolume = next((known[id] for id in done if id != ORIGINAL), None)
            if session.isEntered and len(done) >= 2:
                self._show(done, known)

        session.run(start, finish)

    def _options(self):
        from ..parameters import saneNumbers

        _strength, seed, draws = saneNumbers(self._session.parameters)
        settings = self._session.settings
        return {"seed": seed, "draws": draws, "device": settings.device, "precision": settings.precision}

    def _result(self, id):
        """What is there already: the full effect of that method on the input with the chosen seed; else None."""
        source = self._session.input
        if id == ORIGINAL:
            return source
        method = self._session.catalogue.get(id)
        options = self._options()
        for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
            isIt = volume.GetAttribute("LDCTDenoise.model") == id and not volume.GetHideFromEditors()
            if not isIt or volume.GetNodeReference("LDCTDenoise.source") is not source:
                continue
            sameSeed = (
                method is None or not method.isRandom or volume.GetAttribute("LDCTDenoise.seed") == str(options["seed"])
            )
            if sameSeed and float(volume.GetAttribute("LDCTDenoise.strength") or 0) == 1.0:
                return volume
        return None

    def _show(self, ids, known):
        titles = {id: self._session.catalogue.get(id).title for id in ids if id != ORIGINAL}
        names = [titles.get(id, _("Original")) for id in ids]
        self._tell("")
        blinded = self._session.parameters is not None and self._session.parameters.blinded
        self._comparison.showVariants([known[id] for id in ids], names, blinded=blinded)
        self.refresh()

    def _onReveal(self):
        names = self._session.attempt(self._comparison.reveal) or []
        pairs = [f"{letter}: {name}" for letter, name in zip(LETTERS, names, strict=False)]
        self._session.log(", ".join(pairs))
        self.refresh()
        self._tell("\n".join(pairs))

    def _tell(self, text):
        self._told = text
        self._ui.revealLabel.text = text
        self._ui.revealLabel.visible = bool(text)
