"""Follows regions and a line while they are moved, and everything that could make their figures untrue."""

from __future__ import annotations

import time

import numpy as np
import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from ..signal import Signal
from ..ticks import sentenceOf
from ..user_error import UserError
from ..volumes import checkSameGrid, checkVolume
from .by_hand import Images, measureContrast, measureLine, measureRegion
from .regions import regionOf

AT_ONCE_MS = 20  # events of one movement within this time make one measurement
AT_REST_MS = 300  # after the last movement the measurement is made anew, with all that the region holds
MOVING_ROIS = 24  # squares of a noise power spectrum meanwhile, for a hand must not wait
REGIONS = ("A", "B")


class Live(VTKObservationMixin):
    """Measures again, a moment after a change, what `follow` was told; nothing while there is nothing to follow.

    While something moves a noise power spectrum is taken from a part of the region; the full one follows at rest.
    measured  (document, sentences about what could not be measured); a document of None: nothing is followed
    """

    def __init__(self):
        VTKObservationMixin.__init__(self)
        self.measured = Signal()
        self._volumes, self._titles, self._drawn, self._line = {}, {}, {}, None
        self._known: dict[str, object] = {}  # regions as voxels, as long as they and the volume stay where they are
        self._asked = None
        self._timer = _timer(AT_ONCE_MS, lambda: self._measure(MOVING_ROIS))
        self._atRest = _timer(AT_REST_MS, lambda: self._measure(None))

    def follow(self, volumes: dict, titles: dict[str, str], drawn: dict[str, tuple], line=None) -> None:
        """What to measure from now on; the same again changes nothing.

        volumes  name → node: "input", "after", perhaps "reference"
        drawn    "A", "B" → (vtkMRMLMarkupsROINode or vtkMRMLSegmentationNode, ID of the segment or "")
        line     vtkMRMLMarkupsLineNode or None
        """
        asked = (dict(volumes), dict(titles), dict(drawn), line)
        if asked == self._asked:
            return
        hadSomething = self._asked is not None
        self._forget()
        if not (drawn or line is not None) or not {"input", "after"} <= set(volumes):
            if hadSomething:
                self.measured.emit(None, [])
            return
        self._asked = asked
        self._volumes, self._titles, self._drawn, self._line = asked
        self._observe()
        self._timer.start()

    def stop(self) -> None:
        """Nothing is followed or observed any longer."""
        self.follow({}, {}, {})

    def _forget(self) -> None:
        self._timer.stop()
        self._atRest.stop()
        self.removeObservers()
        self._asked, self._line = None, None
        self._volumes, self._titles, self._drawn, self._known = {}, {}, {}, {}

    # watching

    def _observe(self) -> None:
        scene, modified = slicer.mrmlScene, vtk.vtkCommand.ModifiedEvent
        moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneCloses)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeLeaves)
        for volume in set(self._volumes.values()):
            for event in (modified, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, moved):
                self.addObserver(volume, event, self._onVolume)
        for node in {node for node, _segment in self._drawn.values()}:
            if node.IsA("vtkMRMLSegmentationNode"):
                inside = node.GetSegmentation()
                self.addObserver(node, moved, self._onDrawn)
                for event in (
                    inside.RepresentationModified,
                    inside.SourceRepresentationModified,
                    inside.SegmentModified,
                    inside.SegmentAdded,
                    inside.SegmentRemoved,
                ):
                    self.addObserver(inside, event, self._onDrawn)
            else:
                self._observeMarkups(node, self._onDrawn)
        if self._line is not None:
            self._observeMarkups(self._line, self._onLine)

    def _observeMarkups(self, node, slot) -> None:
        kind = slicer.vtkMRMLMarkupsNode
        for event in (
            vtk.vtkCommand.ModifiedEvent,
            kind.PointModifiedEvent,
            kind.PointPositionDefinedEvent,
            kind.PointPositionUndefinedEvent,
            kind.PointRemovedEvent,
            kind.TransformModifiedEvent,
        ):
            self.addObserver(node, event, slot)

    def _onDrawn(self, caller, event) -> None:
        for letter, (node, _segment) in self._drawn.items():
            if caller is node or (node.IsA("vtkMRMLSegmentationNode") and caller is node.GetSegmentation()):
                self._known.pop(letter, None)
        self._soon()

    def _onLine(self, caller, event) -> None:
        self._soon()

    def _onVolume(self, caller, event) -> None:
        self._known.clear()  # it may have been moved
        self._soon()

    def _onSceneCloses(self, caller, event) -> None:
        self._forget()
        self.measured.emit(None, [])

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeLeaves(self, caller, event, node) -> None:
        if node is self._line:
            line, drawn = None, self._drawn
        elif any(node is each for each, _segment in self._drawn.values()):
            line = self._line
            drawn = {letter: what for letter, what in self._drawn.items() if what[0] is not node}
        elif node in self._volumes.values():
            line, drawn = None, {}
        else:
            return
        self.follow(self._volumes, self._titles, drawn, line)

    def _soon(self) -> None:
        self._atRest.stop()
        if not self._timer.isActive():
            self._timer.start()

    # measuring

    def _measure(self, mostRois: int | None) -> None:
        if self._asked is None:
            return
        began = time.perf_counter()
        self.measured.emit(*self._document(mostRois))
        if mostRois is not None and "A" in self._known:
            self._atRest.start()
        # a large region may cost more than a moment: the application gets as much time as the measurement takes
        self._timer.setInterval(max(AT_ONCE_MS, round(1000 * (time.perf_counter() - began))))

    def _document(self, mostRois: int | None) -> tuple[dict | None, list[str]]:
        problems: list[str] = []

        def tried(action, *arguments):
            try:
                return action(*arguments)
            except (UserError, ArithmeticError, ValueError) as error:
                problems.append(sentenceOf(error))
                return None

        images = tried(self._images)
        if images is None:
            return None, problems
        document = images.document(self._titles)
        for letter in REGIONS:
            if letter in self._drawn and letter not in self._known:
                region = tried(regionOf, *self._drawn[letter], self._volumes["input"])
                if region is not None:
                    self._known[letter] = region
        for letter in REGIONS:
            if letter in self._known:
                problems += tried(measureRegion, document, images, self._known[letter], letter, mostRois) or []
        if len(self._known) == len(REGIONS):
            told = tried(measureContrast, document, images, *(self._known[letter] for letter in REGIONS)) or []
            problems += [sentence for sentence in told if sentence not in problems]
        if self._line is not None:
            tried(measureLine, document, images, self._line)
        return document, problems

    def _images(self) -> Images:
        for volume in self._volumes.values():
            checkVolume(volume)
            checkSameGrid(self._volumes["input"], volume)
        voxels = {name: slicer.util.arrayFromVolume(volume) for name, volume in self._volumes.items()}
        return Images(self._volumes, {name: np.asarray(array) for name, array in voxels.items()})


def _timer(milliseconds: int, slot):
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.connect("timeout()", slot)
    return timer
