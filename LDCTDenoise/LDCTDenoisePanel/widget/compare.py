"""Compare: side by side, wipe, overlay, flip, and the window of the difference map."""

import qt
from slicer.i18n import tr as _

from ..results import removeNode
from ..sequences import proxyOf
from ..views.difference import DENOISED_ROLE, SOURCE_ROLE, halfWindowFromNoise, makeDifference
from ..wording import tipOf

MODES = {"three": "threeButton", "wipe": "wipeButton", "overlay": "overlayButton"}


class Compare:
    """`ui` has resultSelector, threeButton, wipeButton, overlayButton, flipButton, differenceSlider,
    differenceAutoCheckBox, backButton."""

    def __init__(self, ui, session):
        self._ui, self._session = ui, session
        self._comparison = session.logic.comparison
        self._isFilling = False
        self._previewed = None  # the difference of the latest preview
        self._later = qt.QTimer()  # a preview is not removed in the middle of the scene's own event
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.connect("timeout()", self._forgetPreview)
        ui.resultSelector.addAttribute("vtkMRMLScalarVolumeNode", "LDCTDenoise.model")
        ui.threeButton.connect("clicked()", lambda: self._onMode("three"))
        ui.wipeButton.connect("clicked()", lambda: self._onMode("wipe"))
        ui.overlayButton.connect("clicked()", lambda: self._onMode("overlay"))
        ui.flipButton.connect("pressed()", lambda: self._comparison.flip(True))
        ui.flipButton.connect("released()", lambda: self._comparison.flip(False))
        ui.differenceSlider.connect("valueChanged(double)", self._onWindow)
        ui.differenceAutoCheckBox.connect("clicked()", self._onAuto)
        ui.backButton.connect("clicked()", self._comparison.leave)
        self._comparison.modeChanged.connect(self.refresh)
        session.changed.connect(self.refresh)

    @property
    def selectors(self):
        return (self._ui.resultSelector,)

    # results

    def takeResult(self, result):
        """A run has ended: its result is the one that the panel speaks of, and is shown if the module is open.

        result  the volume, or a sequence of volumes
        """
        session = self._session
        volume = shownFrame(result)
        if volume is None or session.parameters is None:
            return
        session.parameters.outputVolume = volume
        if session.isEntered:
            self.show("three")
        else:
            self._difference()

    def formerPreview(self, source):
        """The preview of that input which is there already and can be renewed, or None."""
        node = self._previewed.GetNodeReference(DENOISED_ROLE) if inScene(self._previewed) else None
        return node if node is not None and node.GetNodeReference(SOURCE_ROLE) is source else None

    def showPreview(self, node):
        """One denoised slice, beside the original and its difference. Nothing of it is kept in a saved scene."""
        source = self._session.sourceOf(node)
        if node is None or source is None:
            return
        if not self._session.isEntered:
            removeNode(node)  # nobody looks; of a whole run only the first look is lost
            return
        halfWindow = self._halfWindow(source)
        former, self._previewed = self._previewed, makeDifference(source, node, halfWindow)
        self._comparison.showThree(source, node, self._previewed, afterName=_("Preview"))
        self._showWindow(halfWindow)
        self._removePreview(former, keep=node)

    def show(self, mode):
        """Shows the chosen result in one of MODES."""
        before, after = self._pair()
        if after is None:
            return
        if mode == "wipe":
            self._comparison.showWipe(before, after)
        elif mode == "overlay":
            self._comparison.showOverlay(before, self._difference())
        else:
            self._comparison.showThree(before, after, self._difference())
        self._applyWindow()
        former, self._previewed = self._previewed, None
        self._removePreview(former)

    def _forgetPreview(self):
        """After a run without a result, and when the views are given back."""
        if self._session.job is None and self._comparison.mode is None:
            former, self._previewed = self._previewed, None
            self._removePreview(former)

    def _removePreview(self, difference, keep=None):
        """A preview that nobody sees any more goes, with its difference."""
        if inScene(difference):
            node = difference.GetNodeReference(DENOISED_ROLE)
            removeNode(difference)
            if node is not keep:
                removeNode(node)

    def _pair(self):
        after = self._session.output
        before = self._session.sourceOf(after) if after is not None else None
        return (before, after) if before is not None else (None, None)

    def _difference(self):
        """The difference of the chosen result, made anew only where it is another's."""
        before, after = self._pair()
        parameters = self._session.parameters
        known = parameters.differenceVolume
        if known is not None and known.GetNodeReference(DENOISED_ROLE) is after:
            return known
        made = self._session.logic.difference(before, after)
        parameters.differenceVolume = made
        return made

    # the difference window

    def _halfWindow(self, before):
        chosen = self._session.parameters.differenceHalfWindow if self._session.parameters is not None else 0
        return chosen if chosen > 0 else halfWindowFromNoise(before)

    def _applyWindow(self):
        before, _after = self._pair()
        if before is None:
            return
        halfWindow = self._halfWindow(before)
        self._comparison.setDifferenceWindow(halfWindow)
        self._showWindow(halfWindow)

    def _showWindow(self, halfWindow):
        self._isFilling = True
        self._ui.differenceSlider.value = round(halfWindow)
        self._isFilling = False

    def _onWindow(self, halfWindow):
        if self._isFilling or self._session.parameters is None:
            return
        self._session.parameters.differenceHalfWindow = float(halfWindow)
        self._ui.differenceAutoCheckBox.checked = False
        self._comparison.setDifferenceWindow(halfWindow)

    def _onAuto(self):
        if self._session.parameters is None:
            return
        isAuto = self._ui.differenceAutoCheckBox.checked
        self._session.parameters.differenceHalfWindow = 0.0 if isAuto else float(self._ui.differenceSlider.value)
        self._session.attempt(self._applyWindow)

    # buttons

    def _onMode(self, mode):
        self._session.complain("")
        self._session.attempt(lambda: self.show(mode))
        self.refresh()

    def refresh(self):
        ui, mode = self._ui, self._comparison.mode
        ui.resultSelector.toolTip = tipOf(
            self._session.output, _("The result that is compared, measured and exported.")
        )
        reason = "" if self._pair()[1] is not None else _("Denoise a volume first, or choose a result.")
        for name, button in ((name, getattr(ui, button)) for name, button in MODES.items()):
            button.checked = mode == name
            button.enabled = not reason
            button.toolTip = reason or _TIPS[name]()
        ui.flipButton.enabled = mode is not None
        ui.flipButton.toolTip = (
            _("While the button is held the original is shown in place of the result; so does the space key in a view.")
            if mode is not None
            else _("Show a comparison first.")
        )
        ui.backButton.enabled = mode is not None
        ui.backButton.toolTip = (
            _("Give back the layout, views and window/level as they were before the comparison.")
            if mode is not None
            else _("The views are your own: no comparison is shown.")
        )
        if mode is None and inScene(self._previewed):
            self._later.start()
        if self._session.parameters is not None:
            ui.differenceAutoCheckBox.checked = self._session.parameters.differenceHalfWindow <= 0


_TIPS = {
    "three": lambda: _("Original, denoised and their difference, linked."),
    "wipe": lambda: _("Original and denoised in one view with a line to drag."),
    "overlay": lambda: _("The difference in colour over the original."),
}


def shownFrame(result):
    """The volume itself, or the one that shows the current frame of a sequence; None if there is none."""
    return result if result is None or result.IsA("vtkMRMLScalarVolumeNode") else proxyOf(result)


def inScene(node):
    return node is not None and node.GetScene() is not None
