"""The strength of a result that is already there: re-mixed in place, at once. Residuals live as long as their nodes."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from .mixing import Residual, addScaledToAll
from .volumes import stateOf

SOURCE, STRENGTH, RECORD = "LDCTDenoise.source", "LDCTDenoise.strength", "LDCTDenoise.record"


@dataclass
class _Kept:
    """The residual of one output, and how its two volumes were when it was last right."""

    residual: Residual
    sourceID: str
    sourceState: tuple | None
    outputState: tuple | None


class Residuals:
    """The residuals of the output nodes of the scene."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}  # node ID → …
        self._observed: list[tuple] = []

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, output, source, residual: Residual) -> None:
        """Remember the residual of `output`, whose voxels were just computed from those of `source`."""
        self._kept[output.GetID()] = _Kept(residual, source.GetID(), stateOf(source), stateOf(output))
        self._observe()

    def forget(self, output) -> None:
        """`output` has no residual any more."""
        self._kept.pop(output.GetID(), None)
        if not self._kept:
            self._unobserve()

    def setStrength(self, output, strength: float) -> bool:
        """Mix `output` anew: original + strength · (denoised − original), one ModifiedEvent, a fraction of a second.

        False, and nothing is changed, if the residual is not at hand: the original is gone or was changed, or the
        output was changed by somebody else or comes from a saved scene with another strength than 1.
        """
        if output is None or output.GetScene() is None or not 0 <= strength <= 1:
            return False
        source = output.GetNodeReference(SOURCE)
        kept = self._kept.get(output.GetID()) or self._rebuilt(output, source)
        if kept is None or not _isStillRight(kept, output, source):
            return False
        if abs(recordedStrength(output) - strength) < 1e-9:
            return True
        _write(output, source, kept.residual.values, strength)
        kept.outputState = stateOf(output)
        return True

    def _rebuilt(self, output, source) -> _Kept | None:
        """From the nodes alone, after a scene was loaded: only a result at full strength tells the residual."""
        if source is None or stateOf(source) is None or stateOf(output) is None or recordedStrength(output) != 1:
            return None
        before, after = slicer.util.arrayFromVolume(source), slicer.util.arrayFromVolume(output)
        if before.shape != after.shape or before.dtype != after.dtype:
            return None
        checksum = zlib.crc32(np.ascontiguousarray(before))
        if recordOf(output).get("source_crc32", checksum) != checksum:
            return None
        residual = Residual(before.shape, before.dtype)
        for k in range(len(before)):
            residual.keep(k, before[k], after[k])
        residual.sourceChecksum = checksum
        self.keep(output, source, residual)
        return self._kept[output.GetID()]

    def _observe(self) -> None:
        if self._observed:
            return
        scene = slicer.mrmlScene
        for event, slot in ((scene.NodeRemovedEvent, self._nodeRemoved), (scene.EndCloseEvent, self._sceneClosed)):
            self._observed.append((scene, scene.AddObserver(event, slot)))

    def _unobserve(self) -> None:
        for scene, tag in self._observed:
            scene.RemoveObserver(tag)
        self._observed = []

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _nodeRemoved(self, scene, event, node) -> None:
        if node is not None and node.GetID() in self._kept:
            self.forget(node)

    def _sceneClosed(self, scene, event) -> None:
        self._kept.clear()
        self._unobserve()


_shared: Residuals | None = None


def sharedResiduals() -> Residuals:
    """The residuals of this application."""
    global _shared
    if _shared is None:
        _shared = Residuals()
    return _shared


def recordedStrength(output) -> float:
    """The strength at which the voxels of `output` are now; nan if it is no result of ours."""
    try:
        return float(output.GetAttribute(STRENGTH))
    except (TypeError, ValueError):
        return float("nan")


def recordOf(output) -> dict:
    """The record of a result node; empty if it is no result of ours."""
    try:
        record = json.loads(output.GetAttribute(RECORD) or "{}")
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _isStillRight(kept: _Kept, output, source) -> bool:
    if source is None or source.GetID() != kept.sourceID or stateOf(output) != kept.outputState:
        return False
    if stateOf(source) == kept.sourceState:
        return True
    if stateOf(source) is None or kept.residual.sourceChecksum is None:
        return False
    before = slicer.util.arrayFromVolume(source)  # said to be modified: are they other values?
    if before.shape != kept.residual.values.shape:
        return False
    if zlib.crc32(np.ascontiguousarray(before)) != kept.residual.sourceChecksum:
        return False
    kept.sourceState = stateOf(source)
    return True


def _write(output, source, residual: np.ndarray, strength: float) -> None:
    before, out = slicer.util.arrayFromVolume(source), slicer.util.arrayFromVolume(output)
    with slicer.util.NodeModify(output):
        addScaledToAll(before, residual, strength, out)
        output.SetAttribute(STRENGTH, f"{strength:g}")
        output.SetAttribute(RECORD, json.dumps({**recordOf(output), "strength": strength}, ensure_ascii=False))
        slicer.util.arrayFromVolumeModified(output)
