"""Names in the pictures themselves."""

import vtk
from slicer.i18n import tr as _

from .difference import isDifference
from .difference_display import halfWindowOf

UPPER_EDGE = 7  # the Data Probe writes positions 0 to 3 at every slice change, texts of others vanish there
LOWER_EDGE = 4
DATA_PROBE_POSITIONS = (0, 1, 2, 3)


class Label:
    """A name at the upper edge of a view until `close()`; without one it says what the volume's record says."""

    def __init__(self, sliceWidget, volume, name=None):
        self._view, self._volume, self._name, self._instead = sliceWidget.sliceView(), volume, name, None
        self._tags = []
        if name is None:  # the strength of a denoised volume and the window of a difference change
            watched = [node for node in (volume, volume.GetDisplayNode()) if node is not None]
            self._tags = [(node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._update)) for node in watched]
        # the map of a difference is white: without a ground behind the letters nobody reads them
        text = self._view.cornerAnnotation().GetTextProperty()
        text.SetBackgroundColor(0.0, 0.0, 0.0)
        text.SetBackgroundOpacity(0.5)
        self._update()

    def text(self):
        """What stands there now."""
        if self._instead is not None:
            return self._instead
        return self._name if self._name is not None else describe(self._volume)

    def showInstead(self, text):
        """Another text for a while; None: the name again."""
        self._instead = text
        self._update()

    def close(self):
        """Takes the name out of the view."""
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        self._tags = []
        self._write("")

    def _update(self, caller=None, event=None):
        self._write(self.text())

    def _write(self, text):
        annotation = self._view.cornerAnnotation()
        if annotation.GetText(UPPER_EDGE) != text:
            annotation.SetText(UPPER_EDGE, text)
            self._view.scheduleRender()


def describe(volume):
    """A volume in a few words: a denoised one by its record ("RDDM Balanced, 80 %"), a difference by its window."""
    if isDifference(volume):
        return _("Difference, ±{hu} HU").format(hu=round(halfWindowOf(volume)))
    model = volume.GetAttribute("LDCTDenoise.model")
    if not model:
        return volume.GetName()
    strength = volume.GetAttribute("LDCTDenoise.strength")
    try:
        percent = round(100 * float(strength))
    except (TypeError, ValueError):
        return modelTitle(model)
    return _("{model}, {percent} %").format(model=modelTitle(model), percent=percent)


def modelTitle(model):
    """The title on the model's card; the id itself when there is no such card (any more)."""
    if model not in _titles:
        try:
            from LDCTDenoiseLib.weights.store import find_card

            _titles[model] = find_card(model).title
        except Exception:  # a damaged card, or a scene from another installation: a name is no reason to fail
            _titles[model] = model
    return _titles[model]


_titles = {}
