"""CT made for timing: a body with lungs in noise, as large as wanted, written slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

NOISE_HU = 30.0
FIELD_MM, THICKNESS_MM = 384.0, 1.0


def planes(count: int, side: int) -> Iterator[np.ndarray]:
    """float32 [side, side] HU, whole numbers; the same for the same count and side."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    body = np.where((x / 0.8) ** 2 + (y / 0.55) ** 2 < 1, 45.0, -1000.0)
    for middle in (-0.35, 0.35):
        body[((x - middle) / 0.2) ** 2 + (y / 0.3) ** 2 < 1] = -850.0
    body[x**2 + (y - 0.35) ** 2 < 0.01] = 700.0
    noise = np.random.default_rng(0).normal(0, NOISE_HU, (side, side))
    for number in range(count):  # one field of noise, moved: to draw it anew would take longer than some methods
        yield np.rint(np.clip(body + np.roll(noise, (7 * number, 11 * number), (0, 1)), -1024, 3071)).astype(np.float32)


def write_volume(file: Path, count: int, side: int) -> Path:
    """A .nrrd of float32, so that what a method answers is not rounded."""
    step = FIELD_MM / side
    header = [
        "NRRD0004",
        "type: float",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {side} {side} {count}",
        f"space directions: ({step},0,0) (0,{step},0) (0,0,{THICKNESS_MM})",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
        "space origin: (0,0,0)",
    ]
    with file.open("wb") as out:
        out.write("\n".join([*header, "", ""]).encode())
        for plane in planes(count, side):
            out.write(plane.astype("<f4").tobytes())
    return file


def write_series(folder: Path, count: int, side: int) -> Path:
    """A DICOM series of int16, one file a slice, of nobody."""
    folder.mkdir(parents=True)
    dataset = _header(side)
    for number, plane in enumerate(planes(count, side)):
        uid = generate_uid(entropy_srcs=["speed", str(count), str(side), str(number)])
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.InstanceNumber = number + 1
        dataset.ImagePositionPatient = [-FIELD_MM / 2, -FIELD_MM / 2, number * THICKNESS_MM]
        dataset.PixelData = (plane + 1024).astype("<i2").tobytes()
        dataset["PixelData"].VR = "OW"
        _save(dataset, folder / f"{number:05d}.dcm")
    return folder


def _header(side: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CTImageStorage,
        "StudyDate": "20240102",
        "StudyTime": "030405",
        "Modality": "CT",
        "Manufacturer": "made for timing",
        "PatientName": "Speed^Test",
        "PatientID": "speed",
        "PatientPosition": "HFS",
        "KVP": 120,
        "StudyInstanceUID": generate_uid(entropy_srcs=["speed", "study"]),
        "SeriesInstanceUID": generate_uid(entropy_srcs=["speed", "series"]),
        "FrameOfReferenceUID": generate_uid(entropy_srcs=["speed", "frame"]),
        "SeriesNumber": 1,
        "SliceThickness": THICKNESS_MM,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [FIELD_MM / side, FIELD_MM / side],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": side,
        "Columns": side,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RescaleIntercept": -1024,
        "RescaleSlope": 1,
        "RescaleType": "HU",
    }
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _save(dataset: FileDataset, file: Path) -> None:
    if int(pydicom.__version__.split(".")[0]) >= 3:
        dcmwrite(file, dataset, enforce_file_format=True)
    else:
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dcmwrite(file, dataset, write_like_original=False)
