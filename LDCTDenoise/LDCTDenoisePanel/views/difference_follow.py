"""A difference stays true: when the voxels of its volumes change, it is computed anew."""

import logging

import qt
import slicer
import vtk

_followers = {}  # by node ID; an ID may be used again after a scene was closed, so the node is compared too


def followDifference(difference, update):
    """`update(difference)` is called after the voxels of its volumes changed; once, however often this is called."""
    known = _followers.get(difference.GetID())
    if known is not None and known.difference() is difference and known.refersRight():
        return
    if known is not None:
        known.close()
    _followers[difference.GetID()] = _Follower(difference, update)


class _Follower:
    """Watches before and after; many changes within one turn of the event loop become one update."""

    def __init__(self, difference, update):
        self._id, self._update = difference.GetID(), update
        self._difference = vtk.vtkWeakReference()
        self._difference.Set(difference)
        self._sources = self._referred(difference)
        self._seen = [_voxelsOf(volume) for volume in self._sources]
        self._tags = [(v, v.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onModified)) for v in self._sources]
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._onTimeout)

    def difference(self):
        """The node, None when it is gone from the scene."""
        node = self._difference.Get()
        return node if node is not None and node.GetScene() is not None else None

    def refersRight(self):
        """Whether the node still refers to the volumes that are watched."""
        return self._referred(self.difference()) == self._sources

    def close(self):
        for volume, tag in self._tags:
            volume.RemoveObserver(tag)
        self._tags, self._sources = [], []
        self._timer.stop()
        if _followers.get(self._id) is self:
            del _followers[self._id]

    @staticmethod
    def _referred(difference):
        found = [difference.GetNodeReference(role) for role in ("LDCTDenoise.source", "LDCTDenoise.denoised")]
        return [volume for volume in found if volume is not None]

    def _onModified(self, caller, event):
        difference = self.difference()
        if difference is None:
            self.close()
        elif [_voxelsOf(volume) for volume in self._sources] != self._seen and not slicer.mrmlScene.IsBatchProcessing():
            self._timer.start()

    def _onTimeout(self):
        difference = self.difference()
        if difference is None:
            return self.close()
        self._seen = [_voxelsOf(volume) for volume in self._sources]
        try:
            self._update(difference)
        except Exception as error:  # a user replaced the voxels by others that do not fit: the difference stays
            logging.warning("LDCTDenoise: the difference could not be renewed: %s", error)


def _voxelsOf(volume):
    """Changes whenever the voxels do, and not with name or display."""
    image = volume.GetImageData()
    scalars = image.GetPointData().GetScalars() if image is not None else None
    return (scalars.GetMTime(), image.GetDimensions()) if scalars is not None else None
