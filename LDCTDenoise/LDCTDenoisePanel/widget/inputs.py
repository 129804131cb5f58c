"""Inputs: the CT, its normal-dose twin if there is one, and whether a whole sequence is meant."""

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..sequences import sequenceOf
from ..user_error import UserError
from ..volumes import checkVolume
from ..wording import tipOf

LOWEST_AIR_HU = -400  # some voxels of every CT are darker than that: the air around the patient or in the lung


class Inputs:
    """`ui` has inputSelector, referenceSelector, inputInfoLabel, wholeSequenceCheckBox."""

    def __init__(self, ui, session):
        self._ui, self._session = ui, session
        self._known = None  # the input for which a reference was proposed
        self._described = None  # (node id, modification time): looking at the voxels costs some milliseconds
        session.changed.connect(self.refresh)

    @property
    def selectors(self):
        return (self._ui.inputSelector, self._ui.referenceSelector)

    def propose(self):
        """Saves the first click: chooses the volume that the user looks at, if none is chosen yet."""
        parameters = self._session.parameters
        if parameters is not None and parameters.inputVolume is None:
            volume = shownVolume()
            if volume is not None:
                parameters.inputVolume = volume
        self._proposeReference()

    def _proposeReference(self):
        """A simulated low-dose volume knows its normal-dose twin."""
        parameters, volume = self._session.parameters, self._session.input
        if volume is not None and parameters.referenceVolume is None and volume.GetAttribute("LDCTDenoise.simulated"):
            parameters.referenceVolume = volume.GetNodeReference("LDCTDenoise.source")

    def isWholeSequence(self):
        """Whether all frames of a sequence are to be denoised, of which the input shows one."""
        return sequenceBehind(self._session.input) is not None and self._session.parameters.wholeSequence

    def whyNot(self):
        """Why nothing can be denoised, one sentence; empty if all is well."""
        volume = self._session.input
        if volume is None:
            return _("Select an input volume first.")
        if not hasVoxels(volume):
            return _("The volume {name} has no voxels.").format(name=volume.GetName())
        try:
            checkVolume(volume)
        except UserError as error:
            return str(error)
        return ""

    def slices(self):
        """How many slices the work has, all frames of a sequence together; 0 without a volume."""
        volume = self._session.input
        if volume is None or self.whyNot():
            return 0
        from ..views.acquisition_plane import sliceCount

        frames = sequenceBehind(volume).GetNumberOfDataNodes() if self.isWholeSequence() else 1
        return sliceCount(volume) * frames

    def refresh(self):
        ui, volume = self._ui, self._session.input
        if volume is not self._known:
            self._known = volume
            self._proposeReference()
        sequence = sequenceBehind(volume)
        ui.wholeSequenceCheckBox.visible = sequence is not None
        if sequence is not None:
            ui.wholeSequenceCheckBox.text = _("Whole sequence ({frames} frames)").format(
                frames=sequence.GetNumberOfDataNodes()
            )
        ui.inputSelector.toolTip = tipOf(volume, _("CT to denoise, in Hounsfield units. It is never changed."))
        idle = self._session.job is None
        for widget in (ui.inputSelector, ui.referenceSelector, ui.wholeSequenceCheckBox):
            widget.enabled = idle
        self._describe(volume)

    def _describe(self, volume):
        image = volume.GetImageData() if volume is not None else None
        key = (volume.GetID(), image.GetMTime()) if image is not None else None
        if key == self._described and key is not None:
            return
        self._described = key
        text = description(volume) if image is not None and not self.whyNot() else ""
        self._ui.inputInfoLabel.text = text
        self._ui.inputInfoLabel.visible = bool(text)


def description(volume):
    """ "512 × 512 × 300 voxels, 0.70 × 0.70 × 1.00 mm", and a warning where the values cannot be HU."""
    size = " × ".join(str(n) for n in volume.GetImageData().GetDimensions())
    spacing = "\u00a0×\u00a0".join(f"{mm:.2f}" for mm in volume.GetSpacing())  # a line breaks before it, not in it
    text = _("{size} voxels, {spacing}\u00a0mm").format(size=size, spacing=spacing)
    if not looksLikeCT(volume):
        text += ". " + _("Its values do not look like HU (no air): the methods expect CT in HU.")
    return text


def looksLikeCT(volume):
    """Whether some voxels are as dark as air or lung in HU. Looks at every 8th voxel of every 4th slice."""
    voxels = slicer.util.arrayFromVolume(volume)[::4, ::8, ::8]
    return bool(np.nanmin(voxels) < LOWEST_AIR_HU) if voxels.size else False


def shownVolume():
    """The volume in the background of a slice view of the user, or the first one of the scene, or None."""
    candidates = [volume for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if isInput(volume)]
    shown = {
        composite.GetBackgroundVolumeID() for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    }
    return next(iter([volume for volume in candidates if volume.GetID() in shown] + candidates), None)


def isInput(volume):
    """Whether a user may mean this volume: no label map, no helper, none of our own results, and not an empty one."""
    ours = volume.GetAttribute("LDCTDenoise.model") or volume.GetAttribute("LDCTDenoise.difference")
    return (
        volume.GetClassName() == "vtkMRMLScalarVolumeNode"
        and not volume.GetHideFromEditors()
        and not ours
        and hasVoxels(volume)
    )


def hasVoxels(volume):
    image = volume.GetImageData()
    return image is not None and 0 not in image.GetDimensions()


def sequenceBehind(volume):
    """The sequence node with more than one frame of which the volume shows one, or None."""
    sequence = sequenceOf(volume)
    return sequence if sequence is not None and sequence.GetNumberOfDataNodes() > 1 else None
