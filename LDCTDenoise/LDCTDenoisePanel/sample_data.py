"""Sample data: Slicer's own chest CT, and what a quarter of the dose would have shown of it, made on this machine."""

import slicer
from slicer.i18n import tr as _

from .user_error import UserError

CATEGORY = "LDCT Denoise"
SAMPLE = "CTChestQuarterDose"
DOSE = 0.25


def register(thumbnail, makeLogic):
    """Adds the sample to the Sample Data module.

    thumbnail  path of a picture of about 260 × 280 pixels
    makeLogic  gives a logic with `simulateLowDose`, when it is needed
    """
    from SampleData import SampleDataLogic

    if hasattr(SampleDataLogic, "registerCustomSampleDataCategory"):  # Slicer 5.12
        SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=_("LDCT Denoise"))
    SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=_("CTChest at 25 % dose (simulated)"),
        uris="",
        fileNames=f"{SAMPLE}.nrrd",
        nodeNames=SAMPLE,
        thumbnailFileName=thumbnail,
        customDownloader=QuarterDoseChest(makeLogic),
    )


class QuarterDoseChest:
    """What the Sample Data module calls when the user clicks on the picture."""

    def __init__(self, makeLogic, downloadChest=None):
        self._makeLogic = makeLogic
        self._downloadChest = downloadChest or _downloadChest

    def __repr__(self):
        return "LDCT Denoise: CTChest at 25 % dose"  # by this the Sample Data module knows it again after a reload

    def __call__(self, source=None):
        """Downloads CTChest, simulates the lower dose, shows it. Returns the low-dose volume, None if it failed."""
        chest = self._downloadChest()
        if chest is None:
            return None  # the Sample Data module has said why
        logic = self._makeLogic()
        job = logic.simulateLowDose(chest, dose=DOSE, seed=0, waitForCompletion=False)
        job.progressed.connect(lambda fraction, text: slicer.util.showStatusMessage(text))
        try:
            low = job.wait()
        except UserError as error:
            slicer.util.errorDisplay(str(error))
            return None
        finally:
            slicer.util.showStatusMessage("")
        slicer.util.setSliceViewerLayers(background=low, fit=True, rotateToVolumePlane=True)
        return low


def _downloadChest():
    from SampleData import downloadSample

    return downloadSample("CTChest")
