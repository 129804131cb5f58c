"""Small CT series of four vendors, different in kernel, noise, storage and body, the same for the same number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

FAMILY_NAMES = ("Zwetschkenbaum", "Quittenhof", "Holunderweg", "Mirabellenau")  # of nobody; no word of the outputs


@dataclass(frozen=True)
class Vendor:
    name: str
    model: str
    kernels: tuple[str, ...]  # the values of ConvolutionKernel, with "\\" between several
    intercept: int
    dtype: str
    padding: int | None  # stored value outside the field of view


VENDORS = (
    Vendor("GE MEDICAL SYSTEMS", "Revolution CT", ("STANDARD", "LUNG", "BONEPLUS"), -1024, "int16", -2000),
    Vendor("Philips", "iCT 256", ("B", "YC"), -1024, "uint16", None),
    Vendor("SIEMENS", "SOMATOM Force", ("Br40f\\3", "Bl57f\\3", "Br64"), -8192, "uint16", None),
    Vendor("Canon Medical Systems", "Aquilion ONE", ("FC08", "FC30"), 0, "int16", None),
)


def write_series(tree: Path, count: int, size: int, slices: int) -> None:
    """`count` series of size × size × slices in folders of patients, some with two series, below `tree`."""
    for number in range(count):
        patient = number // 2
        folder = tree / f"{FAMILY_NAMES[patient % 4]}_{patient:04d}" / f"CT {number % 2 + 1}"
        folder.mkdir(parents=True)
        _write_one(folder, number, patient, size, slices)


def _write_one(folder: Path, number: int, patient: int, size: int, slices: int) -> None:
    rng = np.random.default_rng(number)
    vendor = VENDORS[number % len(VENDORS)]
    spacing, thickness = round(float(rng.uniform(0.5, 0.9)) * 512 / size, 4), float(rng.choice([1.0, 2.5, 5.0]))
    hu, inside = _body(rng, size, slices)
    stored = np.clip(np.rint(hu) - vendor.intercept, *_limits(vendor.dtype)).astype(vendor.dtype)
    if vendor.padding is not None:
        stored = np.where(inside, stored, np.asarray(vendor.padding, vendor.dtype))
    shared = {
        "PatientName": f"{FAMILY_NAMES[patient % 4]}^Test",
        "PatientID": f"ID-{patient:06d}",
        "StudyInstanceUID": generate_uid(entropy_srcs=["soak", "study", str(patient)]),
        "SeriesInstanceUID": generate_uid(entropy_srcs=["soak", "series", str(number)]),
        "FrameOfReferenceUID": generate_uid(entropy_srcs=["soak", "frame", str(patient)]),
        "SeriesNumber": number % 2 + 1,
        "SeriesDescription": f"Thorax {thickness:.1f}",
        "Manufacturer": vendor.name,
        "ManufacturerModelName": vendor.model,
        "ConvolutionKernel": vendor.kernels[number % len(vendor.kernels)].split("\\"),
        "PixelSpacing": [spacing, spacing],
        "SliceThickness": thickness,
        "RescaleIntercept": vendor.intercept,
        "PixelRepresentation": int(vendor.dtype == "int16"),
    }
    if vendor.padding is not None:
        shared["PixelPaddingValue"] = vendor.padding
    for index, plane in enumerate(stored):
        height = round(-100.0 + index * thickness, 3)
        uid = generate_uid(entropy_srcs=["soak", "image", str(number), str(index)])
        dataset = _object(uid, shared, plane)
        dataset.InstanceNumber, dataset.SliceLocation = index + 1, height
        dataset.ImagePositionPatient = [round(-spacing * size / 2, 4), round(-spacing * size / 2, 4), height]
        _save(dataset, folder / f"{slices - index:04d}.dcm")  # names do not tell the order


def _body(rng: np.random.Generator, size: int, slices: int) -> tuple[np.ndarray, np.ndarray]:
    """HU [slices, size, size] of an ellipse with two lungs in noise, and bool: within the round field of view."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    wide, high = rng.uniform(0.6, 0.85), rng.uniform(0.45, 0.65)
    image = np.where((x / wide) ** 2 + (y / high) ** 2 < 1, 45.0, -1000.0)
    for side in (-1, 1):
        image[((x - side * 0.35) / 0.2) ** 2 + (y / 0.3) ** 2 < 1] = -850.0
    noise = rng.normal(0, rng.uniform(10, 40), (slices, size, size))
    inside = np.broadcast_to(x**2 + y**2 < 1, noise.shape)
    return image + noise, inside


def _limits(dtype: str) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return info.min, info.max


def _object(uid: str, shared: dict, plane: np.ndarray) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    fixed = {
        "SpecificCharacterSet": "ISO_IR 100",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": uid,
        "StudyDate": "20240102",
        "SeriesDate": "20240102",
        "StudyTime": "030405",
        "SeriesTime": "030405",
        "Modality": "CT",
        "PatientPosition": "HFS",
        "KVP": 120,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": plane.shape[0],
        "Columns": plane.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "RescaleSlope": 1,
        "RescaleType": "HU",
    }
    for keyword, value in {**fixed, **shared}.items():  # PixelRepresentation decides how PixelPaddingValue is written
        setattr(dataset, keyword, value)
    dataset.PixelData = np.ascontiguousarray(plane).tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def _save(dataset: FileDataset, path: Path) -> None:
    if int(pydicom.__version__.split(".")[0]) >= 3:
        dcmwrite(path, dataset, enforce_file_format=True)
    else:
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
        dcmwrite(path, dataset, write_like_original=False)
