"""Export as DICOM: the result as a derived series, beside the one it was made from."""

from pathlib import Path

from slicer.i18n import tr as _

from ..dicom_source import isFromDatabase
from .export import fileName


class ExportDICOM:
    """`ui` has saveDICOMButton, intoDatabaseCheckBox, privateTagsCheckBox."""

    def __init__(self, ui, session):
        self._ui, self._session = ui, session
        ui.intoDatabaseCheckBox.checked = session.settings.intoDatabase
        ui.intoDatabaseCheckBox.connect("toggled(bool)", self._onIntoDatabase)
        ui.saveDICOMButton.connect("clicked()", self._onSave)
        session.changed.connect(self.refresh)

    def refresh(self):
        ui, session = self._ui, self._session
        busy, output = session.job is not None, session.output
        tip = _("Write the result as a derived DICOM series that overlays the series it was made from.")
        if busy:
            tip = _("Wait until the work is done, or cancel it.")
        elif output is None:
            tip = _("Denoise a volume first, or choose a result in Compare.")
        ui.saveDICOMButton.enabled = output is not None and not busy
        ui.saveDICOMButton.toolTip = tip
        for box in (ui.intoDatabaseCheckBox, ui.privateTagsCheckBox):
            box.enabled = not busy

    def _onIntoDatabase(self, isWanted):
        self._session.settings.intoDatabase = isWanted

    def _onSave(self):
        session = self._session
        session.complain("")
        source = session.output.GetNodeReference("LDCTDenoise.source")
        original = None
        if source is not None and not isFromDatabase(source):
            title = _("Folder of the DICOM series of {name}").format(name=source.GetName())
            original = session.dialogs.openFolder(title, session.settings.exportFolder)
            if not original:
                return
        folder = self._target()
        if folder is None:
            return
        options = {
            "private": self._ui.privateTagsCheckBox.checked,
            "overwrite": folder.exists(),
            "addToDatabase": self._ui.intoDatabaseCheckBox.checked,
            "sourceFolder": original,
        }
        session.run(
            lambda: session.logic.exportDICOM(session.output, folder, **options, waitForCompletion=False),
            lambda job, written: self._onSaved(job.record or {}, written, options["addToDatabase"]),
        )

    def _target(self):
        """The folder of the new series, within the one that the user chooses; None if he changed his mind."""
        session = self._session
        chosen = session.dialogs.openFolder(_("Folder for the new DICOM series"), session.settings.exportFolder)
        if not chosen:
            return None
        session.settings.exportFolder = chosen
        folder = Path(chosen) / fileName(session.output.GetName())
        question = _("{folder} exists already. Replace the DICOM files in it?").format(folder=folder.name)
        if folder.exists() and any(folder.iterdir()) and not session.dialogs.confirm(question):
            return None
        return folder

    def _onSaved(self, record, folder, isInDatabase):
        text = _("Saved: {folder}, {images} DICOM images.")
        if isInDatabase:
            text = _("Saved: {folder}, {images} DICOM images, also in Slicer's DICOM database.")
        text = text.format(folder=Path(folder).name, images=record.get("images", 0))
        self._session.say(text + " " + _("For research use."))
