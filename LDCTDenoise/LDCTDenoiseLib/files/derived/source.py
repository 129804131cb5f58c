"""The slices and headers that a volume was read from, read again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...orientation import Orientation
from ...volume import CTVolume, Source
from ..dicom_header import DicomFile, damaged, read_header, value_of
from ..dicom_slices import Slice, slices_of
from ..endings import ENDINGS_SENTENCE
from ..quiet import quiet_pydicom
from .encoding import explicit_little_endian
from .flatten import classic_frame

if TYPE_CHECKING:
    from pydicom import Dataset


def require_dicom_source(volume: CTVolume) -> None:
    """Before hours of work: InputError unless every slice of `volume` is one of a DICOM series."""
    source = volume.source
    if source.kind != "dicom":
        raise InputError(
            f"Only what was read from a DICOM series can be written as one; this output must end in {ENDINGS_SENTENCE}."
        )
    if not len(source.files) == len(source.frames) == len(volume.hu):
        raise InputError(
            "The slices of this volume are not those of its DICOM series any more; give the output an ending such as "
            ".nrrd."
        )
    with quiet_pydicom(), reading():
        first = slices_of(_file(source.files[0]))
    as_source(volume, first[source.frames[0] : source.frames[0] + 1] or first[:1])


@dataclass(frozen=True)
class SourceImage:
    """One slice of the source: `header` is a classic image's, explicit little endian, to be changed at will."""

    slice: Slice
    file: DicomFile
    header: Dataset


class SourceSeries:
    """`slices` as the volume has them; the headers are read when it is their turn."""

    def __init__(self, source: Source, private: bool):
        """private  whether private elements stay. Raises InputError and OSError if files changed or are gone."""
        self._private = private
        self._places = list(zip(source.files, source.frames, strict=True))
        found: dict[Path, list[Slice]] = {}
        order: dict[Path, tuple] = {}
        for path in dict.fromkeys(source.files):
            file = _file(path)
            found[path] = slices_of(file)
            numbers = (value_of(file.dataset, keyword) for keyword in ("InstanceNumber", "InConcatenationNumber"))
            order[path] = (*(number if isinstance(number, int) else 0 for number in numbers), str(path))
        try:
            self.slices = [found[path][frame] for path, frame in self._places]
        except IndexError:
            raise damaged(self._places[0][0].name) from None
        self._before: dict[Path, int] = {}  # frames in the objects that come earlier
        total = 0
        for path in sorted(found, key=order.__getitem__):
            self._before[path] = total
            total += len(found[path])

    def images(self) -> Iterator[SourceImage]:
        last = file = header = None
        for piece, (path, frame) in zip(self.slices, self._places, strict=True):
            if path != last:
                with reading():
                    file = _file(path)
                    header, last = explicit_little_endian(file.dataset, private=self._private), path
            if "PerFrameFunctionalGroupsSequence" in header or "SharedFunctionalGroupsSequence" in header:
                yield SourceImage(piece, file, classic_frame(header, frame, self._before[path] + frame + 1))
            else:
                yield SourceImage(piece, file, header)
                last = None


def _file(path: Path) -> DicomFile:
    file = read_header(path)
    if file is None:
        raise damaged(path.name)
    return file


def as_source(volume: CTVolume, slices: list[Slice]) -> CTVolume:
    """`volume` with rows and columns running as those of the source. Raises InputError if it lies elsewhere."""
    first = slices[0]
    axes = np.reshape(first.orientation, (2, 3)).T / np.linalg.norm(np.reshape(first.orientation, (2, 3)), axis=1)
    turned = np.sum(volume.direction[:, :2] * axes, axis=0)  # cosines
    volume = volume.reoriented(Orientation((0, 1, 2), (False, bool(turned[1] < 0), bool(turned[0] < 0))))
    climb = np.subtract(slices[-1].position, first.position) @ volume.direction[:, 2]
    if (
        any(volume.shape[1:] != (piece.stored.rows, piece.stored.columns) for piece in slices)
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
def reading() -> Iterator[None]:
    """Trouble with a file of the source is not trouble with the output."""
    try:
        yield
    except BrokenPipeError:  # who listened to the progress has gone
        raise
    except OSError as error:
        name = Path(error.filename).name if isinstance(error.filename, str) else "A file of the source"
        raise InputError(
            f"{name} could not be read again ({error.strerror or type(error).__name__}); the source must stay where it "
            "is until its result is written."
        ) from error
