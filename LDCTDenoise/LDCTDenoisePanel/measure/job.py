"""Figures of whole volumes: asked of the worker, kept as a table node, or written as a report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _

from .. import handover, results
from ..jobs import Job
from ..parts import Asking, Steps
from ..remix import RECORD, SOURCE
from ..user_error import UserError
from ..views.labels import describe
from ..volumes import Voxels, checkSameGrid, geometryOf
from ..worker import Worker
from .regions import writeMask
from .table import renewTable, rowsOf

DENOISED = "LDCTDenoise.denoised"


class _Measuring(Job):
    """Volumes to the worker, its document back. `_take(document)` ends the job; `_wishes` are added to the request.

    regions  up to two pairs (vtkMRMLMarkupsROINode or vtkMRMLSegmentationNode, ID of the segment or ""): noise is
             measured in the first instead of in places that the library finds, contrast to noise against the second
    """

    def __init__(self, worker: Worker, before, after, reference=None, regions=()):
        super().__init__(worker)
        self._before, self._after, self._reference, self._regions = before, after, reference, list(regions)
        self._wishes: dict = {}

    def _begin(self) -> None:
        given = {"before": self._before, "after": self._after, "reference": self._reference}
        volumes = {role: volume for role, volume in given.items() if volume is not None or role != "reference"}
        self._voxels = {role: Voxels(volume) for role, volume in volumes.items()}
        for role, voxels in self._voxels.items():
            if role != "before":
                checkSameGrid(self._before, voxels.volume)
            self._watch.voxels(voxels)
        for node, _segmentID in self._regions:
            self._watch.node(node)
        self._run(Steps(self._write()), self._ask)

    def _write(self) -> Iterator[float]:
        for role, voxels in self._voxels.items():
            yield from handover.write(voxels, self._folder / f"{role}.npy")
        for number, (node, segmentID) in enumerate(self._regions):
            yield from writeMask(self._folder / f"region-{number}.npy", node, segmentID, self._before)

    def _ask(self) -> None:
        content = {
            "do": "measure",
            "reference": None,
            **{role: str(self._folder / f"{role}.npy") for role in self._voxels},
            **geometryOf(self._before).message(),
            "rois": [str(self._folder / f"region-{number}.npy") for number in range(len(self._regions))],
            "names": {role: describe(voxels.volume) for role, voxels in self._voxels.items()},
            "record": recordOf(self._after),
            **self._wishes,
        }
        part = Asking(self._worker, content)
        part.progressed.connect(self.progressed.emit)
        self._run(part, lambda event: self._take(event["document"]))

    def _take(self, document: dict) -> None:
        raise NotImplementedError


class MeasureJob(_Measuring):
    """Result: a vtkMRMLTableNode with the columns Quantity, Before, After, Change, Unit, all of them text; with a
    reference a sixth, "Normal dose".

    table   renewed in place; None makes a new node
    record  after the end: the worker's document with figures, definitions, curves and verdicts; the node has it as
            JSON in the attribute "LDCTDenoise.record", see `documentOf`
    """

    def __init__(self, worker: Worker, before, after, reference=None, table=None, regions=()):
        super().__init__(worker, before, after, reference, regions)
        self._table = table

    def _begin(self) -> None:
        if self._table is not None and not self._table.IsA("vtkMRMLTableNode"):
            raise UserError(_("{name} is not a table: choose a table node.").format(name=self._table.GetName()))
        self._watch.node(self._table)
        super()._begin()

    def _take(self, document: dict) -> None:
        self.record = document
        table = self._table
        node = table or results.newNode("vtkMRMLTableNode", _("{name} figures").format(name=self._after.GetName()))
        with slicer.util.NodeModify(node):
            if node.GetTable() is None:
                node.SetAndObserveTable(vtk.vtkTable())
            renewTable(node.GetTable(), rowsOf(document))
            node.SetAttribute(RECORD, json.dumps(document, ensure_ascii=False))
            measured = document["input"]
            node.SetAttribute("LDCTDenoise.slices", f"{len(measured['slices'])} of {measured['slices_total']}")
            if table is None:
                node.SetName(slicer.mrmlScene.GenerateUniqueName(node.GetName()))
                slicer.mrmlScene.AddNode(node)
            node.SetNodeReferenceID(SOURCE, self._before.GetID())
            node.SetNodeReferenceID(DENOISED, self._after.GetID())
        if table is None:
            results.placeBeside(self._after, node)
        self._succeed(node)


class ReportJob(_Measuring):
    """One HTML page with figures, plots and pictures. Result: its path. An existing file is replaced."""

    def __init__(self, worker: Worker, before, after, file, reference=None, regions=()):
        super().__init__(worker, before, after, reference, regions)
        self._file = Path(file)

    def _begin(self) -> None:
        if self._file.suffix.lower() not in (".html", ".htm"):
            text = _("{name} is no name for a report: let it end with .html.")
            raise UserError(text.format(name=self._file.name))
        self._wishes = {"report": str(self._file.absolute())}
        super()._begin()

    def _take(self, document: dict) -> None:
        self.record = document
        self._succeed(self._file)


def recordOf(node) -> dict | None:
    """How a node of ours was made, as the worker recorded it; None for one of another origin."""
    try:
        record = json.loads((node.GetAttribute(RECORD) if node is not None else None) or "null")
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def documentOf(table) -> dict | None:
    """The document of a table node of figures; None for another table, or one of an earlier version."""
    document = recordOf(table)
    parts = ("figures", "definitions", "curves", "images", "titles")
    return document if document is not None and all(part in document for part in parts) else None
