"""Voxels on their way: to the worker and back, and out as a DICOM series."""

from __future__ import annotations

from collections.abc import Iterator

from .stage import Stage, StandStill, Watch


def handed_over(stage: Stage) -> Iterator[tuple[str, float]]:
    """The volume into a file for the worker, and from its file into a new volume; without the pauses between."""
    from LDCTDenoisePanel import handover
    from LDCTDenoisePanel.volumes import Voxels

    voxels, file = Voxels(stage.volume), stage.folder / "voxels.npy"
    watch = Watch()
    for _ in handover.write(voxels, file):
        pass
    yield "whole volume written for the worker", watch.seconds
    taken = handover.TakeOver(file, voxels)
    watch = Watch()
    for _ in taken.steps():
        pass
    yield "whole result taken over", watch.seconds
    file.unlink()


def exported(stage: Stage) -> Iterator[tuple[str, float]]:
    """The result as a DICOM series, beside the files that Slicer's database names as its original's."""
    watch, still = Watch(), StandStill()
    job = stage.widget.logic.exportDICOM(stage.session.output, stage.folder / "exported", waitForCompletion=False)
    stage.until(lambda: not job.running, 600, "not exported")
    if job.error:
        raise SystemExit(f"The benchmark ended: {job.error}")
    yield "result exported as a DICOM series", watch.seconds
    yield "longest standstill of the window meanwhile", still.stop()
