"""The comparison of an application: original, denoised, difference and variants, each way of showing them."""

import slicer
import vtk
from slicer.i18n import tr as _

from ..signal import Signal
from ..user_error import UserError
from . import acquisition_plane, capture, layouts, plots
from .blind import Blinding
from .difference import SOURCE_ROLE, isDifference, sourcesOf, updateDifference
from .difference_display import setHalfWindow
from .difference_follow import followDifference
from .one_at_a_time import oneAtATime
from .overlay import Overlay
from .session import Session
from .stage import Pane, requireInScene


class Comparison:
    """Shows volumes in views of our own, and gives the user his own layout, views, window and level back.

    mode         None, "three", "wipe", "overlay" or "variants"
    modeChanged  emitted without arguments after every change of what is shown
    """

    def __init__(self):
        self.modeChanged = Signal()
        self.mode = None
        self._volumes, self._names, self._blinding = [], [], None
        self._chart, self._afterName = None, None
        self.registerLayouts()
        self._session = Session(ended=self._onEnded, wake=self._wake)

    @property
    def volumes(self):
        """The volumes that were asked for, in that order; of blinded variants it does not tell which is where."""
        return list(self._volumes)

    @property
    def blinded(self):
        """Whether variants are up under neutral names."""
        return self._blinding is not None

    @property
    def seed(self):
        """The seed of the order of blinded variants; None when there are none."""
        return self._blinding.seed if self._blinding is not None else None

    def registerLayouts(self):
        """Makes our layouts known, so that scenes saved with one of them load."""
        layouts.registerLayouts()

    def visibleSlice(self, volume):
        """Index along the acquisition axis of the slice that the user looks at now."""
        return acquisition_plane.visibleSlice(volume)

    @oneAtATime
    def showThree(self, before, after, difference, afterName=None):
        """Original, denoised and signed difference side by side; below them the chart of `setPlot`, if there is one."""
        volumes = _checked([before, after, difference])
        _keepTrue(difference)
        panes = [Pane(before, _("Original")), Pane(after, afterName, flips=True), Pane(difference)]
        chart = self.plot
        self._session.show(layouts.THREE if chart is None else layouts.THREE_AND_PLOT, panes, volumes, original=before)
        plots.showChart(chart)
        self._afterName = afterName
        self._became("three", volumes)

    @oneAtATime
    def showWipe(self, before, after):
        """Original left and denoised right of a divider that can be dragged."""
        volumes = _checked([before, after])
        pane = Pane(before, "", flips=True, wiped=after)  # the wipe names both sides itself
        self._session.show(layouts.SINGLE, [pane], volumes)
        self._became("wipe", volumes)

    @oneAtATime
    def showOverlay(self, before, difference, opacity=0.4):
        """The difference in colour on the original; small changes stay clear."""
        volumes = _checked([before, difference])
        _keepTrue(difference)
        over = Overlay(difference)
        pane = Pane(before, _("Difference on the original"), flips=True, over=over.node, opacity=opacity)
        self._session.show(layouts.SINGLE, [pane], volumes).atEnd(over)
        self._became("overlay", volumes)

    @oneAtATime
    def showVariants(self, volumes, names, blinded=False, seed=None):
        """Two to six volumes in a grid. Blinded: neutral names and an order that `seed` makes reproducible."""
        volumes = _checked(volumes)
        if not 2 <= len(volumes) <= layouts.MOST_VARIANTS or len(names) != len(volumes):
            raise UserError(
                _("Choose 2 to {most} volumes to compare, each with a name.").format(most=layouts.MOST_VARIANTS)
            )
        original = next(filter(None, (volume.GetNodeReference(SOURCE_ROLE) for volume in volumes)), None)
        blinding = Blinding(volumes, names, seed) if blinded else None
        shown = zip(blinding.nodes, blinding.neutralNames, strict=True) if blinded else zip(volumes, names, strict=True)
        panes = [Pane(volume, name, flips=volume is not original) for volume, name in shown]
        stage = self._session.show(layouts.FIRST_VARIANTS + len(volumes), panes, volumes, original)
        if blinding is not None:
            stage.atEnd(blinding)
        self._became("variants", volumes, names, blinding)

    @property
    def plot(self):
        """The chart below the three views, None if there is none (any more)."""
        chart = self._chart.Get() if self._chart is not None else None
        return chart if chart is not None and chart.GetScene() is not None else None

    def setPlot(self, chart):
        """Shows a vtkMRMLPlotChartNode below the three views, now if they are up, and from now on; None: no plot."""
        self._chart = vtk.vtkWeakReference()
        self._chart.Set(chart)
        if self.mode != "three":
            return
        if self._session.layoutId == (layouts.THREE if self.plot is None else layouts.THREE_AND_PLOT):
            plots.showChart(self.plot)
        else:
            self.showThree(*self._volumes, afterName=self._afterName)

    def reveal(self):
        """Shows the variants under their true names; returns these in the order of the views."""
        blinding = self._blinding
        if blinding is not None:
            blinding.keepWindowLevel()
            self.showVariants(blinding.volumes, blinding.names)
        return list(self._names) if self.mode == "variants" else []

    def flip(self, original):
        """True shows the original wherever a denoised volume is, until False."""
        if self._session.stage is not None:
            self._session.stage.flip(bool(original))

    def setDifferenceWindow(self, halfWindowHU):
        """Full colour of the difference at ±halfWindowHU."""
        panes = self._session.stage.panes if self._session.stage is not None else []
        for volume in [*self._volumes, *(pane.over for pane in panes)]:
            if volume is not None and (isDifference(volume) or volume not in self._volumes):
                setHalfWindow(volume, halfWindowHU)

    def setOverlayOpacity(self, opacity):
        """Of the difference on the original, 0 … 1."""
        if self._session.stage is not None:
            self._session.stage.setOverlayOpacity(opacity)

    def picture(self):
        """Our views side by side with their names: uint8 [height, width, 3]. Raises UserError when none is up."""
        if self._session.stage is None:
            raise UserError(_("There is no comparison to take a picture of; show one first."))
        widgets = iter(self._session.stage.widgets)
        return capture.picture([[next(widgets) for _view in row] for row in layouts.rowsOf(self._session.layoutId)])

    @oneAtATime
    def leave(self):
        """Gives back layout, views, window and level as they were found. Safe at any time."""
        self._session.leave()
        if self.mode is not None:
            self._became(None, [])

    def shutdown(self):
        """Leaves and stops watching the scene, until something is shown again."""
        self._session.shutdown()
        self._became(None, [])

    def _became(self, mode, volumes, names=(), blinding=None):
        self.mode = mode
        self._volumes, self._names, self._blinding = list(volumes), list(names), blinding
        self.modeChanged.emit()

    def _onEnded(self):
        self._became(None, [])

    def _wake(self):
        """After loading a scene that was saved with three views up: they are tied together again."""
        if slicer.app.layoutManager().layout not in (layouts.THREE, layouts.THREE_AND_PLOT):
            return False
        logic = slicer.app.layoutManager().sliceWidget(layouts.DIFFERENCE.tag).sliceLogic()
        difference = slicer.mrmlScene.GetNodeByID(logic.GetSliceCompositeNode().GetBackgroundVolumeID() or "")
        volumes = sourcesOf(difference) if isDifference(difference) else None
        if volumes is None:
            return False
        self.setPlot(plots.chartShown())
        self.showThree(*volumes, difference)
        return True


def _keepTrue(difference):
    """A difference from a saved scene follows its volumes again."""
    if isDifference(difference):
        followDifference(difference, updateDifference)


def _checked(volumes):
    requireInScene(volumes)
    for volume in volumes:
        if volume.GetImageData() is None:
            raise UserError(_("{name} has no voxels yet; choose another volume.").format(name=volume.GetName()))
        if volume.GetDisplayNode() is None:
            volume.CreateDefaultDisplayNodes()
    return list(volumes)
