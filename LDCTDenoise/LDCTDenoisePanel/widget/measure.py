"""Measure: noise before and after and shift of the HU, as a table; with a normal-dose volume PSNR and SSIM as well."""

from slicer.i18n import tr as _


class Measure:
    """`ui` has measureSection, measureButton, measureLabel, measureTable."""

    def __init__(self, ui, session):
        self._ui, self._session = ui, session
        ui.measureTable.verticalHeader().setVisible(False)  # numbers of rows mean nothing here, and the panel is narrow
        ui.measureButton.connect("clicked()", self._onMeasure)
        ui.measureSection.connect("contentsCollapsed(bool)", lambda collapsed: self._showWhatThereIs())
        self._showWhatThereIs()
        session.changed.connect(self.refresh)

    def refresh(self):
        session, ui = self._session, self._ui
        reason = "" if session.output is not None else _("Denoise a volume first, or choose a result in Compare.")
        if session.job is not None:
            reason = _("Wait until the work is done, or cancel it.")
        ui.measureButton.enabled = not reason
        ui.measureButton.toolTip = reason or _(
            "Noise before and after, and shift of the HU; with a normal-dose volume also PSNR and SSIM."
        )
        table = ui.measureTable.mrmlTableNode()
        if table is not None and table.GetScene() is None:  # its scene was closed
            self._show(None, "")

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
            lambda: session.logic.measure(before, after, reference, waitForCompletion=False, table=known),
            lambda job, table: self._show(table, title),
        )

    def _tableOf(self, after):
        """The table of that result which is shown already, to be renewed; None makes a new one."""
        table = self._ui.measureTable.mrmlTableNode()
        return table if table is not None and table.GetNodeReference("LDCTDenoise.denoised") is after else None

    def _show(self, table, title):
        self._ui.measureTable.setMRMLTableNode(table)
        if table is not None:
            self._ui.measureTable.resizeColumnsToContents()
            self._session.log(_("Measured. The table is a node of the scene: {name}.").format(name=table.GetName()))
        self._ui.measureLabel.text = title
        self._showWhatThereIs()

    def _showWhatThereIs(self):
        """Also after the section was opened, which shows everything in it."""
        self._ui.measureTable.visible = self._ui.measureTable.mrmlTableNode() is not None
        self._ui.measureLabel.visible = bool(self._ui.measureLabel.text)
