"""A DICOM series as a CTVolume: exact HU, exact geometry."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..volume import CTVolume, Source
from .dicom_fields import Fields, fields_of_frames
from .dicom_geometry import grid_of
from .dicom_header import DicomFile, plain, read_header
from .dicom_pixels import PixelReader
from .dicom_series import files_of_series
from .dicom_slices import Slice, slices_of
from .padding import declared_padding, plateau_padding
from .quiet import quiet_pydicom
from .room import require_room

# What a report says of the acquisition. Codes and numbers only: free text may hold a name.
_FACTS = (
    "Manufacturer",
    "ManufacturerModelName",
    "BodyPartExamined",
    "ConvolutionKernel",
    "FilterType",
    "KVP",
    "XRayTubeCurrent",
    "ExposureTime",
    "Exposure",
    "CTDIvol",
    "SpiralPitchFactor",
    "SliceThickness",
    "ReconstructionDiameter",
    "GantryDetectorTilt",
    "PatientPosition",
)
_REAL_HU = ("", "HU", "HU_MOD", "US")  # US means unspecified, which older scanners wrote for HU
_OTHER_UNITS = ("OD", "MGML", "Z_EFF", "ED", "EDW", "PCT")  # that a sentence may name: anything else may be a name


def read_dicom(path: Path, *, progress: Callable[[int, int, str], None], check: Callable[[], None]) -> CTVolume:
    """The volume of the series at `path`, a folder or any one of its files.

    `source.dtype`, `.slope` and `.intercept` tell how the slices are stored; where slices differ in slope or
    intercept, the first slice's are given and dtype is "float32", because no one integer type with one slope holds
    the volume. `source.files` and `.frames` name a file and a frame per slice, in slice order.

    Raises InputError for whatever is not one CT volume.
    """
    with quiet_pydicom():
        files, notices = files_of_series(path, progress=progress, check=check)
        return _volume(path, files, notices, progress, check)


def read_dicom_files(
    paths: Sequence[Path], *, progress: Callable[[int, int, str], None], check: Callable[[], None]
) -> CTVolume:
    """The volume that exactly the files `paths` form, wherever they lie; see `read_dicom`."""
    files: list[DicomFile] = []
    with quiet_pydicom():
        for path in paths:
            check()
            header = read_header(path)
            if header is None or not header.is_image:
                raise InputError(f"{path.name} is not a DICOM image; choose the files of one CT series.")
            files.append(header)
            progress(len(files), len(paths), "scan")
        if len({file.series for file in files}) > 1:
            raise InputError("The files belong to several series; choose the files of one.")
        return _volume(paths[0].parent, files, [], progress, check)


def _volume(
    path: Path,
    files: list[DicomFile],
    notices: list[str],
    progress: Callable[[int, int, str], None],
    check: Callable[[], None],
) -> CTVolume:
    slices = [piece for file in files for piece in slices_of(file)]
    grid = grid_of(slices)
    slices = [slices[i] for i in grid.order]
    hu, padding = _values(slices, progress, check)
    first = next(file for file in files if file.path == slices[0].path)
    fields = fields_of_frames(first.name, first.dataset, slices[0].stored.frames)[slices[0].frame]
    source = Source(
        path=path,
        kind="dicom",
        dtype=_stored_type(slices),
        slope=slices[0].slope,
        intercept=slices[0].intercept,
        files=tuple(piece.path for piece in slices),
        frames=tuple(piece.frame for piece in slices),
        notices=(*notices, *grid.notices, *_header_notices(fields)),
        tags=_facts(fields),
    )
    return CTVolume(hu, grid.spacing, grid.origin, grid.direction, padding, source)


def _values(
    slices: list[Slice], progress: Callable[[int, int, str], None], check: Callable[[], None]
) -> tuple[np.ndarray, np.ndarray | None]:
    """HU as float32, and the padding as bool or None: both [slices, rows, columns]."""
    reader = PixelReader()
    # A compressed file shows its true size only when it is decoded: try one before all memory is taken.
    reader.stored_values(slices[0])
    shape = (len(slices), slices[0].stored.rows, slices[0].stored.columns)
    require_room(slices[0].path.name, 5 * math.prod(shape))  # float32 and bool
    hu = np.empty(shape, dtype=np.float32)
    padding = None  # until there is some: memory that is written to is taken
    for index, piece in enumerate(slices):
        check()
        stored = reader.stored_values(piece)
        hu[index] = stored.astype(np.float64) * piece.slope + piece.intercept
        if piece.padding is not None:
            highest = piece.padding[1] * piece.slope + piece.intercept
            padded = declared_padding(stored, piece.padding, highest)
            if padded.any():
                padding = np.zeros(shape, dtype=bool) if padding is None else padding
                padding[index] = padded
        progress(index + 1, len(slices), "read")
    return hu, plateau_padding(hu) if padding is None else padding


def _stored_type(slices: list[Slice]) -> str:
    """numpy name of the integer type that holds every slice, float32 where slope or intercept vary."""
    if len({(piece.slope, piece.intercept) for piece in slices}) > 1:
        return "float32"
    return np.result_type(*{piece.stored.dtype for piece in slices}).name


def _header_notices(fields: Fields) -> list[str]:
    notices = []
    kind = plain(fields.get("RescaleType")).upper()
    if kind not in _REAL_HU:
        unit = kind if kind in _OTHER_UNITS else "something else"
        notices.append(f"The header calls the values {unit}, not HU; results hold for Hounsfield units only.")
    if plain(fields.get("LossyImageCompression")) == "01":
        notices.append(
            "The images were once compressed with loss, which changes their noise; results may be less good."
        )
    return notices


def _facts(fields: Fields) -> dict[str, str]:
    facts = {}
    for keyword in _FACTS:
        value = fields.get(keyword)
        if value is not None:
            several = isinstance(value, Sequence) and not isinstance(value, str)
            facts[keyword] = ("\\".join(str(v) for v in value) if several else str(value))[:64]
    return facts
