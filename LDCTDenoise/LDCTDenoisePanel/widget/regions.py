"""Regions and a line that somebody draws: figures and plots that follow them."""

import slicer
import vtk
from slicer.i18n import tr as _

from .. import results
from ..measure.contents import contentsOf
from ..measure.live import Live
from ..measure.table import renewTable, rowsOf
from ..views import drawing
from ..views.labels import describe
from .measure import narrow

FOLLOWING = "LDCTDenoise.regions"  # attribute of the table of figures that follow the regions
CURVES = {"A": "nps_region", "line": "profile"}


class Regions:
    """`ui` has regionsSection, regionASelector, segmentACombo, drawAButton, the same of B, lineSelector,
    drawLineButton, inRegionCheckBox, liveLabel, liveTable.

    plots  PlotChoice
    """

    def __init__(self, ui, session, plots):
        self._ui, self._session, self._plots = ui, session, plots
        self.live = Live()
        self.live.measured.connect(self._show)
        self._segments = {"A": ui.segmentACombo, "B": ui.segmentBCombo}
        self._listed = {}
        narrow(ui.liveTable)
        ui.drawAButton.connect("clicked()", lambda: self._draw("A"))
        ui.drawBButton.connect("clicked()", lambda: self._draw("B"))
        ui.drawLineButton.connect("clicked()", lambda: self._draw("line"))
        ui.segmentACombo.connect("activated(int)", lambda index: self._onSegment("A"))
        ui.segmentBCombo.connect("activated(int)", lambda index: self._onSegment("B"))
        for section in (ui.regionsSection, ui.measureSection):  # opening one shows everything in it
            section.connect("contentsCollapsed(bool)", lambda collapsed: self._showWhatThereIs())
        session.changed.connect(self.refresh)
        self._show(None, [])

    @property
    def selectors(self):
        return (self._ui.regionASelector, self._ui.regionBSelector, self._ui.lineSelector)

    def refresh(self):
        """Follows what is chosen; nothing while another module is open."""
        session, parameters = self._session, self._session.parameters
        reason = "" if session.output is not None else _("Denoise a volume first, or choose a result in Compare.")
        for button, tip in (
            (self._ui.drawAButton, _("Put a new region into the middle of the view; drag its handles.")),
            (self._ui.drawBButton, _("Put a second region beside it: both give the contrast-to-noise ratio.")),
            (self._ui.drawLineButton, _("Put a new line across the middle of the view; drag its ends.")),
        ):
            button.enabled = not reason
            button.toolTip = reason or tip
        volumes, drawn, line = {}, {}, None
        if parameters is not None and session.isEntered:
            self._fillSegments("A", parameters.regionA, parameters.segmentA)
            self._fillSegments("B", parameters.regionB, parameters.segmentB)
            volumes, drawn, line = self._volumes(), self._drawn(), parameters.profileLine
        self._ui.inRegionCheckBox.enabled = "A" in drawn
        self._ui.inRegionCheckBox.toolTip = (
            _("Measure and Report take the noise in region A, instead of in places found automatically.")
            if "A" in drawn
            else _("Choose region A first, or draw it.")
        )
        titles = {
            "input": _("Original"),
            "after": describe(session.output) if session.output is not None else "",
            "reference": _("Normal dose"),
        }
        self.live.follow(volumes, titles, drawn, line)
        self._showWhatThereIs()

    def stop(self):
        """Another module is opened, or the panel ends."""
        self.live.stop()

    def toMeasure(self):
        """The regions in which Measure and Report are to look for noise; none: places found automatically."""
        drawn = self._drawn() if self._session.parameters is not None else {}
        if "A" not in drawn or not self._ui.inRegionCheckBox.checked:
            return []
        return [drawn[letter] for letter in sorted(drawn)]

    def _drawn(self):
        """letter → (node, segment ID), of what is chosen."""
        parameters = self._session.parameters
        chosen = {"A": (parameters.regionA, parameters.segmentA), "B": (parameters.regionB, parameters.segmentB)}
        return {
            letter: (node, segment or self._segments[letter].currentData or "")
            for letter, (node, segment) in chosen.items()
            if node is not None
        }

    def _volumes(self):
        after = self._session.output
        before, reference = self._session.sourceOf(after), self._session.parameters.referenceVolume
        if after is None or before is None:
            return {}
        volumes = {"input": before, "after": after}
        if reference is not None and _dimensions(reference) == _dimensions(before):
            volumes["reference"] = reference
        return volumes

    # drawing

    def _draw(self, what):
        session = self._session
        if session.output is None or session.parameters is None:
            return
        volume, parameters = session.sourceOf(session.output), session.parameters
        session.complain("")
        node = session.attempt(lambda: drawing.newLine(volume) if what == "line" else drawing.newRegion(volume, what))
        if node is None:
            return
        if what in CURVES:
            self._plots.choose(CURVES[what])
        if what == "line":
            parameters.profileLine = node
        elif what == "A":
            parameters.regionA = node
        else:
            parameters.regionB = node

    def _onSegment(self, letter):
        parameters, segment = self._session.parameters, self._segments[letter].currentData or ""
        if parameters is None:
            return
        if letter == "A":
            parameters.segmentA = segment
        else:
            parameters.segmentB = segment

    def _fillSegments(self, letter, node, chosen):
        combo = self._segments[letter]
        found = []
        if node is not None and node.IsA("vtkMRMLSegmentationNode"):
            inside = node.GetSegmentation()
            ids = [inside.GetNthSegmentID(index) for index in range(inside.GetNumberOfSegments())]
            found = [(inside.GetSegment(id).GetName(), id) for id in ids]
        if found != self._listed.get(letter):
            self._listed[letter] = found
            combo.clear()
            for name, id in found:
                combo.addItem(name, id)
        combo.setCurrentIndex(combo.findData(chosen) if chosen else 0)  # of one that is gone none is shown

    # figures

    def _show(self, document, problems):
        self._ui.liveLabel.text = "\n".join(problems)
        after, parameters = self._session.output, self._session.parameters
        if parameters is not None:  # segments come, go and are renamed
            self._fillSegments("A", parameters.regionA, parameters.segmentA)
            self._fillSegments("B", parameters.regionB, parameters.segmentB)
        if document is None:
            self._plots.offer("live", {})
            if self._ui.liveTable.mrmlTableNode() is not None:
                self._ui.liveTable.setMRMLTableNode(None)
        else:
            self._plots.offer("live", contentsOf(document), after)
            self._renewTable(rowsOf(document), after)
        self._showWhatThereIs()

    def _renewTable(self, rows, after):
        view, node = self._ui.liveTable, _tableOfRegions()
        if not rows and node is None:
            return
        if node is None:
            node = results.newNode("vtkMRMLTableNode", _("Region figures"))
            node.SetAttribute(FOLLOWING, "1")
            node.SetAndObserveTable(vtk.vtkTable())
            slicer.mrmlScene.AddNode(node)
            if after is not None:
                results.placeBeside(after, node)
        isLonger = node.GetNumberOfRows() != len(rows)
        with slicer.util.NodeModify(node):
            renewTable(node.GetTable(), rows)
            node.SetNodeReferenceID("LDCTDenoise.denoised", after.GetID() if after is not None else None)
            node.Modified()
        if view.mrmlTableNode() is not node:
            view.setMRMLTableNode(node)
        if isLonger:
            view.resizeColumnsToContents()

    def _showWhatThereIs(self):
        ui = self._ui
        table = ui.liveTable.mrmlTableNode()
        ui.liveTable.visible = table is not None and table.GetNumberOfRows() > 0
        ui.liveLabel.visible = bool(ui.liveLabel.text)
        for letter, combo in self._segments.items():
            combo.visible = bool(self._listed.get(letter))


def _tableOfRegions():
    for node in slicer.util.getNodesByClass("vtkMRMLTableNode"):
        if node.GetAttribute(FOLLOWING) == "1":
            return node
    return None


def _dimensions(volume):
    return volume.GetImageData().GetDimensions() if volume.GetImageData() is not None else None
