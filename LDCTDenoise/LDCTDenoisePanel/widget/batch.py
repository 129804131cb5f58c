"""Batch: every CT series below a folder. It goes on whatever else is done in Slicer, until it is done or cancelled."""

from pathlib import Path

import ctk
import qt
from slicer.i18n import tr as _

from ..batch_job import LOG
from ..parameters import saneNumbers
from ..user_error import UserError
from .batch_status import BatchStatus


class BatchSection:
    """`ui` has batchSection, batchInputEdit, batchOutputEdit, batchFormatCombo, batchMethodsList, batchResumeCheckBox,
    batchPrivateCheckBox, findSeriesButton, batchButton, openLogButton, openFolderButton, and those of BatchStatus.

    Its job is not that of the session: volumes can be denoised and measured meanwhile.
    """

    def __init__(self, ui, session):
        self._ui, self._session = ui, session
        self.job = None
        self._listed = None
        self._status = BatchStatus(ui, self._title)
        for edit, folder in zip((ui.batchInputEdit, ui.batchOutputEdit), session.settings.batchFolders, strict=True):
            edit.filters = ctk.ctkPathLineEdit.Dirs
            edit.currentPath = folder
            edit.connect("currentPathChanged(QString)", lambda path: self.refresh())
        for id, title in (
            ("same", _("As the input")),
            ("dicom", _("DICOM series")),
            ("nrrd", _("NRRD files")),
            ("nii.gz", _("NIfTI files")),
            ("mha", _("MetaImage files")),
        ):
            ui.batchFormatCombo.addItem(title, id)
        ui.batchMethodsList.connect("itemChanged(QListWidgetItem*)", lambda item: self.refresh())
        ui.findSeriesButton.connect("clicked()", self._onFind)
        ui.batchButton.connect("clicked()", self._onStart)
        ui.openLogButton.connect("clicked()", lambda: self._open(self._output() / LOG))
        ui.openFolderButton.connect("clicked()", lambda: self._open(self._output()))
        ui.batchSection.connect("contentsCollapsed(bool)", lambda isCollapsed: self.refresh())
        session.changed.connect(self.refresh)

    @property
    def isBusy(self):
        return self.job is not None

    def stop(self):
        """The panel ends: the batch ends tidily, and can be gone on with."""
        job, self.job = self.job, None
        if job is not None:
            job.cancel()

    # choices

    def ticked(self):
        """Ids of the methods in the order of the list."""
        items = [self._ui.batchMethodsList.item(row) for row in range(self._ui.batchMethodsList.count)]
        return [item.data(qt.Qt.UserRole) for item in items if item.checkState() == qt.Qt.Checked]

    def _fillMethods(self):
        """The methods that are ready; what was ticked stays so, at first it is the method that the panel proposes."""
        methods = [(method.id, method.title) for method in self._session.catalogue.ready()]
        if methods == self._listed:
            return
        default = self._session.method
        wanted = self.ticked() if self._listed else [default.id if default is not None else ""]
        self._listed = methods
        items = self._ui.batchMethodsList
        items.blockSignals(True)
        items.clear()
        for id, title in methods:
            item = qt.QListWidgetItem(title)
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsSelectable)
            item.setData(qt.Qt.UserRole, id)
            item.setCheckState(qt.Qt.Checked if id in wanted else qt.Qt.Unchecked)
            items.addItem(item)
        items.blockSignals(False)

    def _input(self):
        return Path(self._ui.batchInputEdit.currentPath.strip())

    def _output(self):
        return Path(self._ui.batchOutputEdit.currentPath.strip())

    def _title(self, id):
        method = self._session.catalogue.get(id)
        return method.title if method is not None else id

    def _whyNotFind(self):
        if not self._ui.batchInputEdit.currentPath.strip():
            return _("Choose the input folder first.")
        return "" if self.ticked() else _("Tick a method first.")

    def _whyNotStart(self):
        reason = self._whyNotFind()
        if not reason and not self._ui.batchOutputEdit.currentPath.strip():
            reason = _("Choose the output folder first.")
        return reason

    # buttons

    def refresh(self):
        if self._ui.batchSection.collapsed:  # this looks at files, which may lie on a slow network drive
            return
        self._fillMethods()
        ui, busy = self._ui, self.isBusy
        for widget in (ui.batchInputEdit, ui.batchOutputEdit, ui.batchFormatCombo, ui.batchMethodsList,
                       ui.batchResumeCheckBox, ui.batchPrivateCheckBox):  # fmt: skip
            widget.enabled = not busy
        reason = _("Wait until the batch is done, or cancel it.") if busy else self._whyNotFind()
        ui.findSeriesButton.enabled = not reason
        ui.findSeriesButton.toolTip = reason or _("Look through the input folder and list what is there.")
        reason = "" if busy else self._whyNotStart()
        ui.batchButton.text = _("Cancel batch") if busy else _("Start batch")
        ui.batchButton.enabled = not reason
        tip = _("Denoise every series that is found. You can go on working, and come back later.")
        if busy:
            tip = _("Stop the batch; what is done stays, and the rest can be done later.")
        ui.batchButton.toolTip = reason or tip
        hasOutput = bool(ui.batchOutputEdit.currentPath.strip())
        for button, path, tip in (
            (ui.openLogButton, self._output() / LOG, _("Open batch.csv, with a line for each series and method.")),
            (ui.openFolderButton, self._output(), _("Open the output folder.")),
        ):
            button.enabled = hasOutput and path.exists()
            button.toolTip = tip if button.enabled else _("There is none yet: start a batch first.")

    def _onFind(self):
        folder = self._output() if self._ui.batchOutputEdit.currentPath.strip() else None
        self._start(
            lambda: self._session.logic.findSeries(
                self._input(), folder, self.ticked(), format=self._format(), waitForCompletion=False
            ),
            self._status.tellFound,
        )

    def _onStart(self):
        session = self._session
        if self.isBusy:
            self._ui.batchButton.enabled = False  # once is enough
            self._status.tell(_("Cancelling …"))
            self.job.cancel()
            return
        strength, seed, draws = saneNumbers(session.parameters) if session.parameters is not None else (1.0, 0, 1)
        self._start(
            lambda: session.logic.denoiseFolder(
                self._input(),
                self._output(),
                self.ticked(),
                resume=self._ui.batchResumeCheckBox.checked,
                format=self._format(),
                private=self._ui.batchPrivateCheckBox.checked,
                seed=seed,
                strength=strength,
                draws=draws,
                device=session.settings.device,
                precision=session.settings.precision,
                waitForCompletion=False,
            ),
            self._onDone,
        )

    def _format(self):
        return self._ui.batchFormatCombo.itemData(self._ui.batchFormatCombo.currentIndex)

    def _open(self, path):
        if not self._session.dialogs.show(path):
            self._status.complain(_("{path} cannot be opened from here.").format(path=path))

    # the job

    def _start(self, start, onFinished):
        session, status = self._session, self._status
        status.complain("")
        try:
            job = start()
        except UserError as error:
            status.complain(str(error))
            return
        self.job = job
        session.settings.batchFolders = (self._input(), self._ui.batchOutputEdit.currentPath.strip())
        status.begin()
        job.found.connect(status.show)
        job.rowAdded.connect(self._onRow)
        job.progressed.connect(lambda *what: status.progress(*what) if job is self.job else None)
        job.noticed.connect(session.log)
        job.finished.connect(lambda result: self._end(job, lambda: onFinished(result)))
        job.failed.connect(lambda sentence: self._end(job, lambda: self._fail(sentence)))
        job.cancelled.connect(lambda: self._end(job, self._onCancelled))
        self.refresh()

    def _end(self, job, then):
        if job is not self.job:
            return
        self.job = None
        self._status.hideBar()
        self.refresh()
        self._session.attempt(then)

    def _onRow(self, row):
        self._status.add(row)
        if not self._ui.openLogButton.enabled:
            self.refresh()

    def _onDone(self, rows):
        self._session.log(self._status.tellDone(rows))

    def _onCancelled(self):
        self._ui.batchResumeCheckBox.checked = (self._output() / LOG).exists()
        self._status.tell(_("Cancelled; what is done stays. Start it again to go on."))

    def _fail(self, sentence):
        self._status.tell("")
        self._status.complain(sentence)
        self._session.log(sentence)
        if not self._session.isEntered:  # the user is in another module and would miss it
            self._session.dialogs.error(sentence)
