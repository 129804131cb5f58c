"""Measure: noise, its texture, HU and structure before and after, as a table, a light, plots and files."""

import slicer
from slicer.i18n import tr as _

from ..measure.contents import contentsOf
from ..measure.job import DENOISED, documentOf
from ..measure.table import afterOf
from ..volumes import stateOf
from .export import askForFile

STRUCTURE = "structure"  # key of the verdict that is shown as a light
ROW_HEIGHT = 20  # pixels
REPORTS, FIGURES = "HTML (*.html)", "CSV (*.csv);;JSON (*.json)"


class Measure:
    """`ui` has measureSection, measureButton, measureLabel, structureLabel, measureTable, researchLabel,
    saveReportButton, saveFiguresButton.

    plots    PlotChoice
    install  install("matplotlib"): asks the user and installs it
    regions  regions() → those in which noise is to be measured, see `ConsoleLogic.measure`
    """

    def __init__(self, ui, session, plots, install, regions):
        self._ui, self._session, self._plots = ui, session, plots
        self._install, self._regions = install, regions
        self._title, self._measured = "", None  # what the table is about, and the state of its voxels
        narrow(ui.measureTable)
        ui.researchLabel.text = _("For research use only. Not for diagnosis.")
        ui.measureButton.connect("clicked()", self._onMeasure)
        ui.saveReportButton.connect("clicked()", self._onReport)
        ui.saveFiguresButton.connect("clicked()", self._onFigures)
        ui.measureSection.connect("contentsCollapsed(bool)", lambda collapsed: self._showWhatThereIs())
        self._showWhatThereIs()
        session.changed.connect(self.refresh)

    def refresh(self):
        session, ui = self._session, self._ui
        reason = "" if session.output is not None else _("Denoise a volume first, or choose a result in Compare.")
        if session.job is not None:
            reason = _("Wait until the work is done, or cancel it.")
        table = ui.measureTable.mrmlTableNode()
        if table is not None and table.GetScene() is None:  # it was removed, or its scene closed
            self._show(None, "")
            return  # which calls this again
        ui.measureLabel.text = self._title
        if table is not None and stateOf(table.GetNodeReference(DENOISED)) != self._measured:
            ui.measureLabel.text += "\n" + _("The result was changed since then: measure again.")
        report = _("Measure and save one HTML page with figures, plots and pictures.")
        if session.setup.matplotlib is None:
            report = _("A report needs matplotlib, which is not installed: this asks to install it.")
        for button, why, tip in (
            (
                ui.measureButton,
                reason,
                _("Noise and its texture, shift of the HU, edges; with a normal-dose volume also PSNR and SSIM."),
            ),
            (ui.saveReportButton, reason, report),
            (
                ui.saveFiguresButton,
                "" if documentOf(table) is not None else _("Measure first."),
                _("Save the figures with their errors as CSV, or the whole document as JSON."),
            ),
        ):
            button.enabled = not why
            button.toolTip = why or tip

    # measuring

    def _onMeasure(self):
        session, after = self._session, self._session.output
        if after is None:
            return
        before, reference = session.sourceOf(after), session.parameters.referenceVolume
        known = self._tableOf(after)
        title = _("{after} against {before}").format(after=after.GetName(), before=before.GetName())
        if reference is not None:
            title += _(", normal dose: {reference}").format(reference=reference.GetName())
        session.run(
            lambda: session.logic.measure(
                before, after, reference, waitForCompletion=False, table=known, regions=self._regions()
            ),
            lambda job, table: self._show(table, title),
        )

    def _tableOf(self, after):
        """The table of that result which is in the scene already, to be renewed; None makes a new one."""
        shown = self._ui.measureTable.mrmlTableNode()
        for table in [shown, *slicer.util.getNodesByClass("vtkMRMLTableNode")]:
            isFigures = table is not None and (table is shown or documentOf(table) is not None)
            if isFigures and table.GetNodeReference(DENOISED) is after:
                return table
        return None

    def _show(self, table, title):
        ui = self._ui
        ui.measureTable.setMRMLTableNode(table)
        document = documentOf(table)
        if table is not None:
            ui.measureTable.resizeColumnsToContents()
            self._session.log(_("Measured. The table is a node of the scene: {name}.").format(name=table.GetName()))
        if document is not None:
            slices = document["input"]
            title += "\n" + _("{number} of {total} slices were measured.").format(
                number=len(slices["slices"]), total=slices["slices_total"]
            )
        self._title = title
        ui.measureLabel.toolTip = "\n".join((document or {}).get("notices") or [_("What was measured.")])
        self._light(document)
        after = table.GetNodeReference(DENOISED) if table is not None else None
        self._measured = stateOf(after)
        self._plots.offer("measured", contentsOf(document) if document is not None else {}, after)
        self.refresh()
        self._showWhatThereIs()

    def _light(self, document):
        """The verdict on structure: a symbol, a word and a colour, and on hovering what it means."""
        verdict = None
        if document is not None:
            after = afterOf(document)
            verdicts = [each for each in document.get("verdicts") or () if each["image"] == after]
            verdict = next((each for each in verdicts if each["key"] == STRUCTURE), None)
        if verdict is None:
            self._ui.structureLabel.text = ""
            return
        symbol, words, colour = _lights().get(verdict["light"], _lights()["none"])
        self._ui.structureLabel.text = _coloured(symbol, colour) + words
        self._ui.structureLabel.toolTip = verdict["text"]

    # files

    def _onReport(self):
        session, after = self._session, self._session.output
        if after is None:
            return
        if session.setup.matplotlib is None:
            self._install("matplotlib")
            if session.setup.matplotlib is None:
                return
        before, reference = session.sourceOf(after), session.parameters.referenceVolume
        name = _("{name} report").format(name=after.GetName())
        path = askForFile(session, _("Save the report"), name, REPORTS, ".html")
        if path:
            session.run(
                lambda: session.logic.report(
                    before, after, path, reference, waitForCompletion=False, regions=self._regions()
                ),
                lambda job, file: session.say(_("Saved: {file}. For research use.").format(file=file.name)),
            )

    def _onFigures(self):
        table = self._ui.measureTable.mrmlTableNode()
        path = askForFile(self._session, _("Save the figures"), table.GetName(), FIGURES, ".csv")
        if path:
            self._session.complain("")
            self._session.attempt(lambda: self._write(table, path))

    def _write(self, table, path):
        self._session.logic.exportFigures(table, path)
        self._session.say(_("Saved: {file}").format(file=path.name))

    def _showWhatThereIs(self):
        """Also after the section was opened, which shows everything in it."""
        ui = self._ui
        ui.measureTable.visible = ui.measureTable.mrmlTableNode() is not None
        ui.measureLabel.visible = bool(ui.measureLabel.text)
        ui.structureLabel.visible = bool(ui.structureLabel.text)


def narrow(table):
    """A table view for a narrow panel: low rows, without numbers, which mean nothing here."""
    header = table.verticalHeader()
    header.setVisible(False)
    header.defaultSectionSize = ROW_HEIGHT


def _coloured(symbol, colour):
    return f'<span style="color: {colour}">{symbol}</span> '


def _lights():
    """light → (symbol, words, colour): readable without colours too."""
    return {
        "green": ("●", _("Structure is kept."), "#2E9E5B"),
        "amber": ("▲", _("Some structure is removed: look at the difference."), "#C98A00"),
        "red": ("■", _("Structure is removed."), "#D64545"),
        "none": ("○", _("Whether structure is kept cannot be told here."), "#888888"),
    }
