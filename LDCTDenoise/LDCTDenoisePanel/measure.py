"""Figures of before and after as a table node."""

from __future__ import annotations

import json
from collections.abc import Iterator

import slicer
import vtk
from slicer.i18n import tr as _

from . import handover, results
from .jobs import Job
from .parts import Asking, Steps
from .remix import RECORD, SOURCE
from .user_error import UserError
from .volumes import Voxels, checkSameGrid, geometryOf
from .worker import Worker

COLUMNS = ("Quantity", "Before", "After", "Change", "Unit")


class MeasureJob(Job):
    """Result: a vtkMRMLTableNode with the columns Quantity, Before, After, Change, Unit, all of them text.

    table   renewed in place; None makes a new node
    record  after the end: {"slices": "40 of 300", "rows": [{"quantity", "unit", "before", "after", "change"}, …]} with
            numbers, None where there is none; the node has it as JSON in the attribute "LDCTDenoise.record"
    """

    def __init__(self, worker: Worker, before, after, reference=None, table=None):
        super().__init__(worker)
        self._before, self._after, self._reference, self._table = before, after, reference, table

    def _begin(self) -> None:
        if self._table is not None and not self._table.IsA("vtkMRMLTableNode"):
            raise UserError(_("{name} is not a table: choose a table node.").format(name=self._table.GetName()))
        given = {"before": self._before, "after": self._after, "reference": self._reference}
        volumes = {role: volume for role, volume in given.items() if volume is not None or role != "reference"}
        self._voxels = {role: Voxels(volume) for role, volume in volumes.items()}
        for role, voxels in self._voxels.items():
            if role != "before":
                checkSameGrid(self._before, voxels.volume)
            self._watch.voxels(voxels)
        self._watch.node(self._table)
        self._run(Steps(self._write()), self._ask)

    def _write(self) -> Iterator[float]:
        for role, voxels in self._voxels.items():
            yield from handover.write(voxels, self._folder / f"{role}.npy")

    def _ask(self) -> None:
        files = {role: str(self._folder / f"{role}.npy") for role in self._voxels}
        content = {"do": "measure", "reference": None, **files, **geometryOf(self._before).message()}
        part = Asking(self._worker, content)
        part.progressed.connect(self.progressed.emit)
        self._run(part, self._finish)

    def _finish(self, event: dict) -> None:
        self.record = {"slices": event.get("slices", ""), "rows": event.get("rows") or []}
        node = self._table or results.newNode(
            "vtkMRMLTableNode", _("{name} figures").format(name=self._after.GetName())
        )
        with slicer.util.NodeModify(node):
            node.SetAndObserveTable(tableOf(self.record["rows"]))
            node.SetAttribute(RECORD, json.dumps(self.record, ensure_ascii=False))
            node.SetAttribute("LDCTDenoise.slices", self.record["slices"])
            if self._table is None:
                node.SetName(slicer.mrmlScene.GenerateUniqueName(node.GetName()))
                slicer.mrmlScene.AddNode(node)
            node.SetNodeReferenceID(SOURCE, self._before.GetID())
            node.SetNodeReferenceID("LDCTDenoise.denoised", self._after.GetID())
        if self._table is None:
            results.placeBeside(self._after, node)
        self._succeed(node)


def tableOf(rows: list[dict]):
    """A vtkTable of the worker's rows, as people read them."""
    table = vtk.vtkTable()
    for column in COLUMNS:
        values = vtk.vtkStringArray()
        values.SetName(column)
        for row in rows:
            values.InsertNextValue(_text(row.get(column.lower())))
        table.AddColumn(values)
    return table


def _text(value) -> str:
    """A number with three or four figures; nothing for nothing."""
    if value is None:
        return ""
    if not isinstance(value, (int, float)):
        return str(value)
    digits = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}".replace("-", "−")
