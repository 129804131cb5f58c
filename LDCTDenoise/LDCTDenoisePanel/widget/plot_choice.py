"""Which chart is shown below the three views: those of the measurement, and those that follow a region or a line."""

from slicer.i18n import tr as _

from ..measure.charts import chartOf
from ..measure.plots import plot


class PlotChoice:
    """`ui` has plotCombo. showThree() brings up the three views, where a plot has its place."""

    def __init__(self, ui, session, showThree):
        self._ui, self._session, self._showThree = ui, session, showThree
        self._offers = {}  # who offers → (contents by key, the result that they are about)
        self._listed = None
        self._chosen, self._wanted = "", ""  # keys; one that is wanted is chosen as soon as it is offered
        self._isAsked = False  # somebody waits for what is wanted, and wants to see it
        ui.plotCombo.connect("activated(int)", lambda index: self.choose(ui.plotCombo.itemData(index) or ""))
        self._fill()

    def offer(self, who, contents, after=None):
        """What can be drawn now. Charts that are in the scene already are renewed."""
        self._offers[who] = (contents, after)
        for key, content in contents.items():
            if chartOf(key) is not None:
                plot(content, after)
        if self._chosen and self._find(self._chosen) is None:
            self._wanted, self._chosen = self._chosen, ""  # it may come back, as a region that was out of the volume
            self._isAsked = False
            self._session.logic.comparison.setPlot(None)
        self._fill()
        if self._wanted and self._find(self._wanted) is not None:
            self._take(self._wanted, self._isAsked)

    def choose(self, key):
        """Shows that chart, with the three views, as soon as there is something to draw; an empty key shows none."""
        self._take(key, isAsked=True)

    def _take(self, key, isAsked):
        found = self._find(key)
        self._wanted, self._chosen = (key, "") if found is None else ("", key)
        self._isAsked = isAsked
        comparison = self._session.logic.comparison
        comparison.setPlot(plot(*found, beside=found[1]) if found is not None else None)
        if found is not None and isAsked and comparison.mode != "three" and self._session.isEntered:
            self._session.attempt(self._showThree)
        self._fill()

    def _find(self, key):
        return next(((contents[key], after) for contents, after in self._offers.values() if key in contents), None)

    def _fill(self):
        combo = self._ui.plotCombo
        titles = {key: each.title for contents, _after in self._offers.values() for key, each in contents.items()}
        if titles != self._listed:
            self._listed = titles
            combo.clear()
            combo.addItem(_("No plot"), "")
            for key, title in titles.items():
                combo.addItem(title, key)
        combo.setCurrentIndex(max(combo.findData(self._chosen), 0))
        combo.enabled = bool(titles)
        combo.toolTip = (
            _("What is plotted below the three views; the plots are also nodes of the scene.")
            if titles
            else _("Measure first, or draw a region or a line.")
        )
