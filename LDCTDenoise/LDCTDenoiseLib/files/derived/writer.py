"""A folder of CT images from a volume and the headers of its source."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...atomic import atomic_folder
from ...errors import InputError
from ...orientation import Orientation
from ...volume import CTVolume
from ..dicom_header import DicomFile, damaged, read_header, value_of
from ..dicom_slices import Slice, slices_of
from ..outputs import check_output_folder, refuse_beside_inputs
from .elements import put
from .encoding import explicit_little_endian
from .file import save
from .flatten import classic_frame
from .identity import name_series, series_number, uid
from .lossy import tell_loss
from .picture import tell_pixels
from .pixels import stored_series
from .provenance import Made, tell_derivation, tell_equipment, tell_source
from .rules import clock, complete, drop_stale, tell_kind, tell_time
from .words import text_of

if TYPE_CHECKING:
    from pydicom import Dataset

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
    private   whether private elements of the source stay: they may name the patient
    progress  called with the stages "encode" (pixels) and "write"
    check     called between slices; may raise Cancelled

    Raises InputError if `volume` is not made from a DICOM series, if its slices do not lie as the slices of the source
    any more, if a file of the source has gone, or if `folder` cannot be written to.
    """
    require_dicom_source(volume)
    folder, made = Path(folder), Made.by(record)
    refuse_beside_inputs(folder, set(volume.source.files))
    check_output_folder(folder, overwrite)
    with warnings.catch_warnings(), atomic_folder(folder, overwrite) as aside:
        warnings.simplefilter("ignore")  # pydicom comments on every odd header
        with _reading():
            source = _Source(volume, private)
            volume = _as_source(volume, source.slices)
            count = len(source.slices)

            def look(index: int) -> None:
                progress(index + 1, count, "encode")
                check()

            pixels = stored_series(volume, source.slices, look)
        facts = made.text, pixels.digest(), private
        now = datetime.now(timezone.utc)
        number = None
        for index, (piece, file, header) in enumerate(source.headers()):
            check()
            series = text_of(header, "SeriesInstanceUID") or "unknown"
            number = series_number(text_of(header, "SeriesNumber"), made) if number is None else number
            original = text_of(header, "SOPInstanceUID")
            tell_source(header, piece, file.sop_class, original)
            drop_stale(header)
            tell_kind(header)
            tell_loss(header, file, piece.stored)
            tell_derivation(header, made)
            tell_time(header, clock(header, now))
            tell_equipment(header, made, clock(header, now))
            put(header, "SeriesNumber", number)
            name_series(header, made)
            put(header, "SeriesInstanceUID", uid(series, *facts))
            put(header, "SOPInstanceUID", uid(series, original, index, *facts))
            complete(header, uid, series)
            tell_pixels(header, piece, pixels, index)
            save(header, aside / _NAME.format(index + 1))
            progress(index + 1, count, "write")
    return folder


def require_dicom_source(volume: CTVolume) -> None:
    """Before hours of work: InputError unless every slice of `volume` is one of a DICOM series."""
    source = volume.source
    if source.kind != "dicom":
        raise InputError(
            "Only what was read from a DICOM series can be written as one; give the output an ending such as .nrrd."
        )
    if not len(source.files) == len(source.frames) == len(volume.hu):
        raise InputError(
            "The slices of this volume are not those of its DICOM series any more; give the output an ending such as "
            ".nrrd."
        )


class _Source:
    """The slices of the source and their headers, read again from its files."""

    def __init__(self, volume: CTVolume, private: bool):
        self._private = private
        self._places = list(zip(volume.source.files, volume.source.frames, strict=True))
        found: dict[Path, list[Slice]] = {}
        order: dict[Path, tuple] = {}
        for path in dict.fromkeys(volume.source.files):
            file = _file(path)
            found[path] = slices_of(file)
            first = value_of(file.dataset, "InstanceNumber")
            order[path] = (first if isinstance(first, int) else 0, str(path))
        try:
            self.slices = [found[path][frame] for path, frame in self._places]
        except IndexError:
            raise damaged(self._places[0][0].name) from None
        self._before: dict[Path, int] = {}  # frames in the objects that come before
        total = 0
        for path in sorted(found, key=order.__getitem__):
            self._before[path] = total
            total += len(found[path])

    def headers(self) -> Iterator[tuple[Slice, DicomFile, Dataset]]:
        """Per slice its header as a classic image, of which the caller may change what it likes."""
        last, file, header = None, None, None
        for piece, (path, frame) in zip(self.slices, self._places, strict=True):
            if path != last:
                with _reading():
                    file = _file(path)
                    header, last = explicit_little_endian(file.dataset, private=self._private), path
            if "PerFrameFunctionalGroupsSequence" in header or "SharedFunctionalGroupsSequence" in header:
                yield piece, file, classic_frame(header, frame, self._before[path] + frame + 1)
            else:
                yield piece, file, header
                last = None


def _file(path: Path) -> DicomFile:
    file = read_header(path)
    if file is None:
        raise damaged(path.name)
    return file


def _as_source(volume: CTVolume, slices: list[Slice]) -> CTVolume:
    """`volume` with rows and columns running as those of the source. Raises InputError if it lies elsewhere."""
    first = slices[0]
    axes = np.reshape(first.orientation, (2, 3)).T / np.linalg.norm(np.reshape(first.orientation, (2, 3)), axis=1)
    turned = np.sum(volume.direction[:, :2] * axes, axis=0)  # cosines
    volume = volume.reoriented(Orientation((0, 1, 2), (False, bool(turned[1] < 0), bool(turned[0] < 0))))
    climb = np.subtract(slices[-1].position, first.position) @ volume.direction[:, 2]
    if (
        volume.shape[1:] != (first.stored.rows, first.stored.columns)
        or np.abs(turned).min() < 1 - 1e-4
        or not np.allclose(volume.spacing[1::-1], first.pixel_spacing, rtol=1e-3)
        or np.linalg.norm(np.subtract(volume.origin, first.position)) > 0.5 * min(first.pixel_spacing)
        or climb < 0
    ):
        raise InputError(
            "The volume does not lie where its DICOM series lies: it was cropped, turned or resampled; give the output "
            "an ending such as .nrrd."
        )
    return volume


@contextmanager
def _reading() -> Iterator[None]:
    """Trouble with a file of the source is not trouble with the output."""
    try:
        yield
    except OSError as error:
        name = Path(error.filename).name if isinstance(error.filename, str) else "A file of the source"
        raise InputError(
            f"{name} could not be read again ({error.strerror or type(error).__name__}); the source must stay where it "
            "is until its result is written."
        ) from error
