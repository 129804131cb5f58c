"""The module's coming and going, and the series that is denoised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .series import write_series
from .stage import MODULE, Stage, Watch


def opened(stage: Stage, slices: int, side: int) -> Iterator[tuple[str, float]]:
    """Load the module, then a series through the DICOM database, then open the panel and choose."""
    import slicer

    host, watch = stage.host, Watch()
    host.loadModule(MODULE)
    yield "module loaded at Slicer's start", watch.seconds
    stage.volume = _load(write_series(stage.folder / "series", slices, side))
    slicer.util.setSliceViewerLayers(background=stage.volume, fit=True)
    watch = Watch()
    stage.widget = host.openModule("LDCTDenoise")
    host.processEvents()
    yield "panel opened the first time", watch.seconds
    host.settle()
    choose(stage)


def choose(stage: Stage) -> None:
    """The volume and the method, as by hand."""
    ui = stage.ui
    ui.inputSelector.setCurrentNode(stage.volume)
    if ui.methodCombo.findData(stage.method) < 0:
        raise SystemExit(f"The benchmark ended: there is no method {stage.method}.")
    ui.methodCombo.setCurrentIndex(ui.methodCombo.findData(stage.method))
    stage.host.settle()


def left(stage: Stage) -> Iterator[tuple[str, float]]:
    watch = Watch()
    stage.host.leaveModule()
    stage.host.processEvents()
    yield "leaving: the user's own layout is back", watch.seconds


def _load(folder: Path):
    """The volume node of the one series in the folder, as Slicer's DICOM module loads it."""
    import slicer
    from DICOMLib import DICOMUtils

    from .series import SERIES

    DICOMUtils.importDicom(str(folder))
    volume = slicer.util.getNode(DICOMUtils.loadSeriesByUID([SERIES])[0])
    volume.CreateDefaultDisplayNodes()
    return volume
