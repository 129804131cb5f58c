"""Advanced: device, precision, imported models, the worker, and the log."""

from pathlib import Path

import qt
from slicer.i18n import tr as _

from ..settings import defaultModelFolder

LONGEST_LOG = 500  # lines
CHECKPOINTS = "Weights (*.pth *.pt *.safetensors *.json)"


class Advanced:
    """`ui` has deviceCombo, precisionCombo, seedSpinBox, drawsSpinBox, modelFolderButton, importButton,
    defaultFolderButton, stopWorkerButton, logText.

    renew()  called when other models may be there now
    """

    def __init__(self, ui, session, renew):
        self._ui, self._session, self._renew = ui, session, renew
        self._isFilling = False
        self._devices = None
        for name, title in (
            ("auto", _("Automatic")),
            ("float32", _("float32 (reference)")),
            ("bfloat16", "bfloat16"),
            ("float16", "float16"),
        ):
            ui.precisionCombo.addItem(title, name)
        ui.precisionCombo.setCurrentIndex(max(ui.precisionCombo.findData(session.settings.precision), 0))
        ui.logText.maximumBlockCount = LONGEST_LOG
        ui.deviceCombo.connect("currentIndexChanged(int)", self._onDevice)
        ui.precisionCombo.connect("currentIndexChanged(int)", self._onPrecision)
        ui.modelFolderButton.connect("directoryChanged(QString)", self._onFolder)
        ui.defaultFolderButton.connect("clicked()", lambda: self._useFolder(defaultModelFolder()))
        ui.importButton.connect("clicked()", lambda: self.importWeights(None))
        ui.stopWorkerButton.connect("clicked()", self._onStop)
        session.logged.connect(ui.logText.appendPlainText)
        session.changed.connect(self.refresh)
        self._showFolder()

    def refresh(self):
        ui, session = self._ui, self._session
        idle = session.job is None
        random = session.method is not None and session.method.isRandom
        reason = _("Wait until the work is done, or cancel it.")
        for widget in (ui.deviceCombo, ui.precisionCombo, ui.modelFolderButton):
            widget.enabled = idle
        for widget, tip in (
            (ui.seedSpinBox, _("Methods that start from random noise give the same result again with the same seed.")),
            (
                ui.drawsSpinBox,
                _("Average that many random answers of the network: smoother, and that many times slower."),
            ),
        ):
            widget.enabled = idle and random
            widget.toolTip = tip if random else _("The chosen method is not random: it needs no seed and no draws.")
        for button, tip in (
            (
                ui.importButton,
                _("Import weights that cannot be shipped, for example the authors' own RDDM checkpoint."),
            ),
            (ui.defaultFolderButton, _("Keep imported models in this user's own folder.")),
            (
                ui.stopWorkerButton,
                _("End the process that computes and give its memory back. The next run starts it again."),
            ),
        ):
            button.enabled = idle
            button.toolTip = tip if idle else reason
        self._fillDevices()

    def _fillDevices(self):
        """What a worker found; the chosen one stays in the list even where it is not there (yet)."""
        chosen = self._session.settings.device
        devices = [("auto", _("Automatic")), *(self._session.setup.devices or (("cpu", _("Processor")),))]
        if chosen not in dict(devices):
            devices.append((chosen, _("{device} (not found)").format(device=chosen)))
        if devices == self._devices:
            return
        self._devices = devices
        combo = self._ui.deviceCombo
        self._isFilling = True
        combo.clear()
        for id, title in devices:
            combo.addItem(title, id)
            combo.setItemData(combo.count - 1, id, qt.Qt.ToolTipRole)
        combo.setCurrentIndex(combo.findData(chosen))
        self._isFilling = False

    def _onDevice(self, index):
        if not self._isFilling and index >= 0:
            self._session.settings.device = self._ui.deviceCombo.itemData(index)
            self._session.changed.emit()

    def _onPrecision(self, index):
        if index >= 0:
            self._session.settings.precision = self._ui.precisionCombo.itemData(index)

    # models

    def _showFolder(self):
        self._isFilling = True
        self._ui.modelFolderButton.directory = self._session.settings.modelFolder
        self._isFilling = False

    def _onFolder(self, folder):
        if not self._isFilling:
            self._useFolder(folder)

    def _useFolder(self, folder):
        settings = self._session.settings
        if Path(folder) == Path(settings.modelFolder):
            return
        settings.modelFolder = folder
        settings.applyModelFolder()
        self._showFolder()
        self._session.logic.shutdown()  # it still looks into the former folder
        self._renew()

    def importWeights(self, id):
        """Asks for a file and imports it. id: of the method that waits for it; None: the file tells."""
        session = self._session
        path = session.dialogs.openFile(_("Import weights"), session.settings.exportFolder, CHECKPOINTS)
        if not path:
            return
        session.run(
            lambda: session.logic.importWeights(path, model=id, waitForCompletion=False),
            lambda job, answer: self._onImported(answer["model"]),
        )

    def _onImported(self, model):
        session = self._session
        self._renew()
        method = session.catalogue.get(model)
        session.say(_("Imported: {title}").format(title=method.title if method else model))
        if method is not None and session.parameters is not None:
            session.parameters.model = method.id
            session.changed.emit()

    # the worker

    def _onStop(self):
        self._session.logic.shutdown()
        self._session.say(_("The worker was stopped; the next run starts it again."))
