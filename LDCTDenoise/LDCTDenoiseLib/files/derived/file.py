"""A data set as a DICOM file, with either version of pydicom."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ...version import package_version
from ..dicom_header import EXPLICIT_LITTLE

if TYPE_CHECKING:
    from pydicom import Dataset

_IMPLEMENTATION = "1.2.826.0.1.3680043.8.498.40735617712906434262640913"  # this program, as a writer of files


@cache
def _version_name() -> str:
    return f"LDCTDENOISE{package_version().replace('.', '')}"[:16]


def save(header: Dataset, path: Path) -> None:
    """Writes `header`, whose elements are all fit for explicit little endian, with fresh file meta information."""
    from pydicom import dcmwrite
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = header.SOPClassUID
    meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    meta.TransferSyntaxUID = EXPLICIT_LITTLE
    meta.ImplementationClassUID = _IMPLEMENTATION
    meta.ImplementationVersionName = _version_name()
    header.file_meta, header.preamble = meta, b"\0" * 128
    with path.open("wb") as file:
        if hasattr(header, "original_encoding"):  # pydicom 3
            dcmwrite(file, header, enforce_file_format=True)
        else:
            header.is_little_endian, header.is_implicit_VR = True, False
            dcmwrite(file, header, write_like_original=False)
