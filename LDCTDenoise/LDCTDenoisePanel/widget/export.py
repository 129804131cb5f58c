"""Export: the denoised volume, a picture of the comparison, the record, and the Python lines that make it again."""

import json
import re
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ..parameters import saneNumbers
from ..user_error import UserError

VOLUMES = "NRRD (*.nrrd);;NIfTI (*.nii.gz *.nii);;MetaImage (*.mha)"


class Export:
    """`ui` has saveVolumeButton, savePictureButton, saveRecordButton, copyCodeButton."""

    def __init__(self, ui, session):
        self._ui, self._session = ui, session
        self._comparison = session.logic.comparison
        for button, action in (
            (ui.saveVolumeButton, self._saveVolume),
            (ui.savePictureButton, self._savePicture),
            (ui.saveRecordButton, self._saveRecord),
            (ui.copyCodeButton, self._copyCode),
        ):
            button.connect("clicked()", lambda action=action: self._do(action))
        self._comparison.modeChanged.connect(self.refresh)
        session.changed.connect(self.refresh)

    def refresh(self):
        ui, output = self._ui, self._session.output
        none = _("Denoise a volume first, or choose a result in Compare.")
        noRecord = none if output is None else _("This volume has no record: it was not made by this module.")
        hasRecord = output is not None and bool(output.GetAttribute("LDCTDenoise.record"))
        for button, ready, reason, tip in (
            (ui.saveVolumeButton, output is not None, none, _("Save the denoised volume as a file.")),
            (
                ui.savePictureButton,
                self._comparison.mode is not None,
                _("Show a comparison first."),
                _("Save the comparison that is shown as a PNG picture."),
            ),
            (
                ui.saveRecordButton,
                hasRecord,
                noRecord,
                _("Save what made the result (model, checksum, seed, device, versions) as a JSON file."),
            ),
            (
                ui.copyCodeButton,
                self._session.input is not None,
                _("Select an input volume first."),
                _("Copy the lines that do the same as Denoise in Slicer's Python console."),
            ),
        ):
            button.enabled = ready
            button.toolTip = tip if ready else reason

    def _do(self, action):
        self._session.complain("")
        self._session.attempt(action)

    def _saved(self, path):
        self._session.say(_("Saved: {file}").format(file=path.name))

    def _saveVolume(self):
        output = self._session.output
        path = askForFile(self._session, _("Save the denoised volume"), output.GetName(), VOLUMES, ".nrrd")
        if path is None:
            return
        storage = output.GetStorageNode()
        if storage is not None:
            storage.GetUserMessages().ClearMessages()  # after one failure it would call every later success a failure
        if not slicer.util.saveNode(output, str(path)):
            raise UserError(_("{file} could not be written: choose another folder.").format(file=path.name))
        self._saved(path)

    def _savePicture(self):
        picture = self._comparison.picture()
        output = self._session.output
        name = _("{name} comparison").format(name=output.GetName() if output is not None else "LDCTDenoise")
        path = askForFile(self._session, _("Save the picture"), name, "PNG (*.png)", ".png")
        if path is not None:
            writePNG(picture, path)
            self._saved(path)

    def _saveRecord(self):
        output = self._session.output
        path = askForFile(self._session, _("Save the record"), output.GetName(), "JSON (*.json)", ".json")
        if path is None:
            return
        record = json.loads(output.GetAttribute("LDCTDenoise.record"))
        try:
            path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise _notWritten(path, error) from error
        self._saved(path)

    def _copyCode(self):
        self._session.dialogs.copy(self.code())
        self._session.say(_("Copied: paste it into Slicer's Python console."))

    def code(self):
        """Lines that do from the console what Denoise does with the present choices."""
        session = self._session
        method = session.method
        strength, seed, draws = saneNumbers(session.parameters)
        options = [f"model={method.id!r}"]
        if method.isRandom:
            options.append(f"seed={seed}")
            if draws != 1:
                options.append(f"draws={draws}")
        if strength != 1:
            options.append(f"strength={strength:g}")
        for name in ("device", "precision"):
            if method.isRandom and getattr(session.settings, name) != "auto":
                options.append(f"{name}={getattr(session.settings, name)!r}")
        return (
            "from LDCTDenoise import LDCTDenoiseLogic\n"
            "logic = LDCTDenoiseLogic()\n"
            f"before = {nodeInCode(session.input)}\n"
            f"after = logic.denoise(before, {', '.join(options)})\n"
            "logic.showComparison(before, after)\n"
        )


def askForFile(session, title, name, kinds, ending):
    """A path to write to, or None; the folder is remembered. name  suggested, without ending"""
    suggestion = str(Path(session.settings.exportFolder) / (fileName(name) + ending))
    path = session.dialogs.saveFile(title, suggestion, kinds, ending)
    if not path:
        return None
    session.settings.exportFolder = str(Path(path).parent)
    return Path(path)


def nodeInCode(node):
    """An expression that finds `node`: by its name where that is clear, for getNode takes the name as a pattern."""
    name = node.GetName()
    alike = slicer.mrmlScene.GetNodesByName(name).GetNumberOfItems()
    if alike == 1 and not set("*?[") & set(name):
        return f"slicer.util.getNode({name!r})"
    return f"slicer.mrmlScene.GetNodeByID({node.GetID()!r})"


def fileName(name):
    """A node's name without what file systems do not take."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "_", name).strip(" .") or "volume"


def writePNG(picture, path):
    """picture: uint8 [height, width, 3], top row first. Raises UserError."""
    import numpy as np
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    height, width = picture.shape[:2]
    image = vtk.vtkImageData()
    image.SetDimensions(width, height, 1)
    upsideDown = np.ascontiguousarray(picture[::-1]).reshape(-1, 3)  # VTK counts rows from below
    image.GetPointData().SetScalars(numpy_to_vtk(upsideDown, deep=True))
    writer = vtk.vtkPNGWriter()
    writer.WriteToMemoryOn()
    writer.SetInputData(image)
    writer.Write()
    try:
        path.write_bytes(bytes(memoryview(writer.GetResult())))
    except OSError as error:
        raise _notWritten(path, error) from error


def _notWritten(path, error):
    return UserError(
        _("{file} could not be written ({reason}): choose another folder.").format(
            file=path.name, reason=error.strerror or type(error).__name__
        )
    )
