"""A folder of CT images from a volume and the headers of its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from ...atomic import atomic_folder
from ...volume import CTVolume
from ..outputs import check_output_folder, refuse_beside_inputs
from ..quiet import quiet_pydicom
from .elements import put
from .file import save
from .identity import name_series, series_number, uid
from .lossy import tell_loss
from .picture import tell_pixels
from .pixels import StoredSeries, stored_series
from .provenance import Made, tell_derivation, tell_equipment, tell_source
from .rules import complete, drop_stale, tell_kind
from .source import SourceImage, SourceSeries, as_source, reading, require_dicom_source
from .times import clock, tell_time
from .words import text_of

_NAME = "IM-{:04d}.dcm"


def write_derived(
    volume: CTVolume,
    folder: Path,
    *,
    record: Mapping | None = None,
    overwrite: bool = False,
    private: bool = False,
    progress: Callable[[int, int, str], None] = lambda done, total, stage: None,
    check: Callable[[], None] = lambda: None,
) -> Path:
    """Writes `volume` as a DICOM series of its own into `folder`, which appears whole or not at all.

    One CT image a slice, IM-0001.dcm and so on in slice order; instance numbers are the source's. See `rules` for
    what of the source's headers stays, `pixels` for how values are stored. Slices of an enhanced (multi-frame) object
    become classic images.

    record    how the values were made, as `denoise` gives it
    private   whether private elements of the source stay: they may name the patient. What a file holds behind its
              pixels is not read, and never stays.
    progress  called with the stages "encode" (pixels) and "write"
    check     called between slices; may raise Cancelled

    Raises InputError if `volume` is not made from a DICOM series, if its slices do not lie as the slices of the source
    any more, if a file of the source has gone, or if `folder` cannot be written to.
    """
    require_dicom_source(volume)
    refuse_beside_inputs(folder, {file.parent for file in volume.source.files})
    check_output_folder(folder, overwrite)
    with quiet_pydicom(), atomic_folder(folder, overwrite) as aside:
        with reading():
            source = SourceSeries(volume.source, private)
        volume = as_source(volume, source.slices)
        count = len(source.slices)

        def look(index: int) -> None:
            progress(index + 1, count, "encode")
            check()

        pixels = stored_series(volume, source.slices, look)
        series = _Series(pixels, Made.by(record), private)
        for index, image in enumerate(source.images()):
            check()
            series.derive(image, index)
            save(image.header, aside / _NAME.format(index + 1))
            progress(index + 1, count, "write")
    return folder


class _Series:
    """What the images of a derived series have in common."""

    def __init__(self, pixels: StoredSeries, made: Made, private: bool):
        self._pixels, self._made = pixels, made
        self._facts = made.text, pixels.digest(), private
        self._now = datetime.now(timezone.utc)
        self._number: int | None = None

    def derive(self, image: SourceImage, index: int) -> None:
        """Turns the header of a source image into that of slice number `index` of the series."""
        header, made = image.header, self._made
        series, original = text_of(header, "SeriesInstanceUID"), text_of(header, "SOPInstanceUID")
        if self._number is None:  # of the first slice, for the case that others have another
            self._number = series_number(text_of(header, "SeriesNumber"), made)
        tell_source(header, image.slice, image.file.sop_class, original)
        drop_stale(header)
        tell_kind(header)
        tell_loss(header, image.file, image.slice.stored)
        tell_derivation(header, made)
        now = clock(header, self._now)
        tell_time(header, now)
        tell_equipment(header, made, now)
        put(header, "SeriesNumber", self._number)
        name_series(header, made)
        put(header, "SeriesInstanceUID", uid(series, *self._facts))
        put(header, "SOPInstanceUID", uid(series, original, index, *self._facts))
        complete(header, uid, series)
        tell_pixels(header, image.slice, self._pixels, index)
