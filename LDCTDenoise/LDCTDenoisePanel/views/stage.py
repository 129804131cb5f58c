"""What is up while a comparison is shown: our views with their volumes, tied together; and its orderly end."""

from dataclasses import dataclass

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from ..user_error import UserError
from . import acquisition_plane, layouts
from .difference import isDifference
from .difference_display import showLegend
from .flip import Flip, HoldKey
from .labels import Label, describe
from .link import ViewLink
from .window_level import WindowLevelLink
from .wipe import Wipe


def requireInScene(volumes):
    """Raises UserError if one of them is not in the scene."""
    for volume in volumes:
        if volume is None or slicer.mrmlScene.GetNodeByID(volume.GetID() or "") is not volume:
            raise UserError(_("A volume to be shown is not in the scene (any more); choose another one."))


@dataclass
class Pane:
    """What one view shows."""

    volume: object  # vtkMRMLScalarVolumeNode in the background
    name: str | None = None  # None: what the volume's record says
    flips: bool = False  # shows the original while the flip is held
    over: object = None  # a volume in the foreground, or None
    opacity: float = 0.0  # of that
    wiped: object = None  # a volume right of a divider, or None


class Stage:
    """One layout of ours with its panes, from the constructor to `close()`.

    layoutId   one of `layouts`
    panes      one `Pane` a view, row by row; the first says plane and scale
    index      slice along the acquisition axis of the first pane's volume
    original   what a flip shows, or None
    keepView   the views are up already and keep their scale and centre (other volumes of the same patient)
    """

    def __init__(self, layoutId, panes, index, original=None, keepView=False):
        self.panes = panes
        self._flipped = False
        self.widgets = layouts.enterLayout(layoutId)
        requireInScene([pane.volume for pane in panes])  # the events of which the layout had need may have removed one
        composites = []
        for widget, pane in zip(self.widgets, panes, strict=True):
            composites.append(_show(widget, pane))
        nodes = [widget.mrmlSliceNode() for widget in self.widgets]
        first = self.widgets[0]
        if not keepView:
            acquisition_plane.toAcquisitionPlane(first, panes[0].volume, index)
            acquisition_plane.fit(first)
        elif acquisition_plane.visibleSlice(panes[0].volume) != index:
            nodes[0].JumpSliceByOffsetting(*acquisition_plane.sliceCentre(panes[0].volume, index))
        self._nodes = nodes
        link = ViewLink(nodes)
        link.spread(nodes[0])
        shared = WindowLevelLink(
            [
                volume
                for pane in panes
                for volume in (pane.volume, pane.wiped)
                if volume is not None and not isDifference(volume)
            ]
        )
        self.labels = [Label(widget, pane.volume, pane.name) for widget, pane in zip(self.widgets, panes, strict=True)]
        self._flips = [
            flip for widget, pane in zip(self.widgets, panes, strict=True) for flip in _flips(widget, pane, original)
        ]
        self._flipLabels = [label for label, pane in zip(self.labels, panes, strict=True) if pane.flips]
        self._legends = [
            showLegend(shown, node)
            for node, pane in zip(nodes, panes, strict=True)
            for shown in (pane.over, pane.volume)
            if shown is not None and (isDifference(shown) or shown is pane.over)
        ]
        self._guard = _VolumeGuard(composites, panes)
        self._hold = HoldKey(qt.Qt.Key_Space, self.flip)
        for widget in self.widgets:
            self._hold.watch(widget.sliceView().VTKWidget())
        self._parts = [link, shared, self._guard, *self._flips, *self.labels]

    def atEnd(self, part):
        """Something that is closed after everything else."""
        self._parts.append(part)

    def flip(self, original):
        """True shows the original wherever a denoised volume is."""
        if original == self._flipped:
            return
        self._flipped = original
        for part in self._flips:
            part.setOriginal(original)
        for label in self._flipLabels:
            label.showInstead(_("Original") if original else None)

    def setOverlayOpacity(self, opacity):
        """Of the volumes in the foreground, 0 … 1."""
        for widget, pane in zip(self.widgets, self.panes, strict=True):
            if pane.over is not None:
                widget.sliceLogic().GetSliceCompositeNode().SetForegroundOpacity(opacity)

    def shows(self, node):
        """Whether a node is part of what is shown: a volume, or one of our views."""
        return node in self._nodes or any(node in (pane.volume, pane.over, pane.wiped) for pane in self.panes)

    def close(self):
        """Unties everything. The views stay where they are, with their volumes."""
        self._hold.close()
        for legend in self._legends:
            if legend is not None and legend.GetScene() is not None:
                slicer.mrmlScene.RemoveNode(legend)
        for part in self._parts:
            part.close()
        self._parts, self._legends, self._flips, self._flipLabels = [], [], [], []
        self.widgets, self.labels, self.panes, self._nodes = [], [], [], []  # wrappers of views that will be destroyed


def _show(widget, pane):
    """Puts the volumes into a view of ours, and keeps Slicer from linking it or putting others there."""
    composite = widget.sliceLogic().GetSliceCompositeNode()
    modifying = composite.StartModify()
    composite.SetDoPropagateVolumeSelection(False)
    composite.SetLinkedControl(False)
    composite.SetBackgroundVolumeID(pane.volume.GetID())
    composite.SetForegroundVolumeID(pane.over.GetID() if pane.over is not None else None)
    composite.SetForegroundOpacity(pane.opacity)
    composite.SetLabelVolumeID(None)
    composite.EndModify(modifying)
    return composite


def _flips(widget, pane, original):
    """What a flip switches in this view by `setOriginal(bool)`."""
    if pane.wiped is not None:
        return [Wipe(widget, pane.wiped, (_("Original"), describe(pane.wiped)))]
    if pane.over is not None:
        return [_OverlayFlip(widget.sliceLogic().GetSliceCompositeNode())]
    return [Flip(widget, original)] if pane.flips and original is not None else []


class _OverlayFlip:
    """The original without the colours on it."""

    def __init__(self, composite):
        self._composite, self._opacity = composite, None

    def setOriginal(self, original):
        if original:
            self._opacity = self._composite.GetForegroundOpacity()
            self._composite.SetForegroundOpacity(0.0)
        elif self._opacity is not None:
            self._composite.SetForegroundOpacity(self._opacity)
            self._opacity = None

    def close(self):
        self.setOriginal(False)


class _VolumeGuard:
    """Keeps our views' volumes: Slicer's keys [ and ] and `setSliceViewerLayers` would put others under our names."""

    def __init__(self, composites, panes):
        self._wanted = {
            composite: (pane.volume.GetID(), pane.over.GetID() if pane.over is not None else None)
            for composite, pane in zip(composites, panes, strict=True)
        }
        self._busy = False
        self._tags = [(each, each.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onModified)) for each in composites]

    def close(self):
        for composite, tag in self._tags:
            composite.RemoveObserver(tag)
        self._tags = []

    def _onModified(self, composite, event):
        wanted = self._wanted[composite]
        if self._busy or (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()) == wanted:
            return
        if any(id and slicer.mrmlScene.GetNodeByID(id) is None for id in wanted):
            return  # it is being removed: the scene would take it out, the guard put it back, for ever
        self._busy = True
        try:
            composite.SetBackgroundVolumeID(wanted[0])
            composite.SetForegroundVolumeID(wanted[1])
        finally:
            self._busy = False
