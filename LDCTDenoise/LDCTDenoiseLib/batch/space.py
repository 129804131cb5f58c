"""Is there room for the outputs? Asked before hours of computing."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import InputError
from .plan import Task

_HEADER = 8192  # bytes of a DICOM slice beside its pixels
_PACKED = 0.6  # of the pixels' bytes, what compression leaves of a CT
_KEPT_FREE = 64 << 20  # bytes: the log, the records and other programs need some too


def expected_bytes(slices: int, rows: int, columns: int, output: Path, *, voxel: int = 2) -> int:
    """Of an output of that size on disk; `voxel` bytes each."""
    pixels = slices * rows * columns * voxel
    if output.name.endswith((".nrrd", ".nii.gz")):
        return int(pixels * _PACKED)
    return pixels if output.suffix in (".nii", ".mha") else pixels + slices * _HEADER


def expected_of(task: Task, output: Path) -> int:
    """As far as a scan could tell: of a volume file whose size in voxels is unknown, the file's own size."""
    series = task.series
    known = expected_bytes(series.slices, series.rows, series.columns, output)
    return known if series.rows else sum(file.size for file in series.files)


def require_space(folder: Path, needed: int, what: str) -> None:
    """InputError if the disk of `folder`, which may not exist yet, has less than `needed` bytes for `what`."""
    near = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    try:
        free = shutil.disk_usage(near).free
    except OSError:  # a place that cannot tell: writing will
        return
    if free < needed + _KEPT_FREE:
        raise InputError(
            f"The disk has too little room: {what} will need about {readable(needed)}, {readable(free)} are free, and "
            f"{readable(_KEPT_FREE)} of them are kept for other programs; make room or choose another output folder."
        )


def readable(count: int) -> str:
    """1234567 → "1.2 MB"."""
    size, unit = float(count), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"
