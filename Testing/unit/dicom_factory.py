"""Synthetic CT series for tests: small, exact, and spoilt on request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
PATIENT = "Mustermann^Erika"
_PYDICOM_3 = int(pydicom.__version__.split(".")[0]) >= 3
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def stored_values(slices: int = 5, rows: int = 12, columns: int = 10, seed: int = 0) -> np.ndarray:
    """uint16 [slices, rows, columns]: with slope 1 and intercept −1024 a plausible CT."""
    return np.random.default_rng(seed).integers(0, 3000, (slices, rows, columns), dtype=np.uint16)


def ct_slice(pixels: np.ndarray, position: Iterable[float], **tags: object) -> FileDataset:
    """A CT Image Storage object of `pixels`, unsigned or signed 16 bit; `tags` replace values, None removes them."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CT_IMAGE
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.PatientName = PATIENT
    dataset.PatientID = "4711"
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SeriesDescription = f"Thorax {PATIENT}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    dataset.SeriesNumber, dataset.InstanceNumber = 2, 1
    dataset.ImagePositionPatient = [f"{v:.6f}" for v in position]
    dataset.ImageOrientationPatient = [f"{v:.9f}" for v in AXIAL]
    dataset.PixelSpacing = ["0.8", "0.7"]
    dataset.SliceThickness = "2.5"
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "1", "-1024", "HU"
    dataset.ConvolutionKernel, dataset.KVP = "Br40f", "120"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def ct_series(
    pixels: np.ndarray,
    *,
    heights: Iterable[float] | None = None,
    orientation: Iterable[float] = AXIAL,
    origin: Iterable[float] = (-30.0, 20.0, -100.0),
    shift: Iterable[float] = (0.0, 0.0, 0.0),
    **tags: object,
) -> list[FileDataset]:
    """One object per slice of `pixels` [slices, rows, columns].

    heights  mm along the normal (row × column of `orientation`), by default every 2.5 mm
    shift    mm by which slices lie sideways, for each mm of height
    """
    orientation = np.asarray(orientation, dtype=float)
    normal = np.cross(orientation[:3], orientation[3:])
    heights = np.arange(len(pixels)) * 2.5 if heights is None else np.asarray(list(heights), dtype=float)
    positions = np.asarray(origin) + np.outer(heights, normal + np.asarray(shift))
    tags = {"ImageOrientationPatient": [f"{v:.9f}" for v in orientation], **tags}
    return [
        ct_slice(plane, position, InstanceNumber=number, **tags)
        for number, (plane, position) in enumerate(zip(pixels, positions, strict=True), start=1)
    ]


def save(datasets: Iterable[Dataset], folder: Path, name: Callable[[int], str] = "{:03d}.dcm".format) -> Path:
    """Writes the objects into `folder`, made if need be; `name` gives a file's name from its number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, dataset in enumerate(datasets):
        syntax = dataset.file_meta.TransferSyntaxUID
        with (folder / name(number)).open("wb") as file:
            if _PYDICOM_3:
                dcmwrite(file, dataset, enforce_file_format=True)
            else:
                dataset.is_little_endian, dataset.is_implicit_VR = syntax.is_little_endian, syntax.is_implicit_VR
                dcmwrite(file, dataset, write_like_original=False)
    return folder


def compress(dataset: FileDataset, syntax: str) -> None:
    """Compresses the pixels in place, with what pydicom itself can do."""
    if not _PYDICOM_3:
        dataset.is_little_endian, dataset.is_implicit_VR = True, False
    dataset.compress(syntax)


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """The orientation (six direction cosines) of an axial slice turned by degrees about x, then y, then z."""
    a, b, c = np.radians([x, y, z])
    turn_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    turn_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    turn = turn_z @ turn_y @ turn_x
    return np.concatenate([turn[:, 0], turn[:, 1]])


def enhanced(pixels: np.ndarray, heights: Iterable[float], slopes: Iterable[float]) -> FileDataset:
    """An enhanced (multi-frame) CT object: `pixels` [frames, rows, columns] at `heights` mm."""
    dataset = ct_slice(
        pixels, (0, 0, 0), NumberOfFrames=len(pixels), ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    )
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    for keyword in (
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "SliceThickness",
        "RescaleSlope",
        "RescaleIntercept",
        "RescaleType",
    ):
        delattr(dataset, keyword)
    shared = Dataset()
    shared.PixelMeasuresSequence = [_item(PixelSpacing=["0.8", "0.7"], SliceThickness="2.5")]
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=list(AXIAL))]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for height, slope in zip(heights, slopes, strict=True):
        frame = Dataset()
        frame.PlanePositionSequence = [_item(ImagePositionPatient=[1.0, 2.0, float(height)])]
        values = _item(RescaleSlope=str(slope), RescaleIntercept="-1024", RescaleType="HU")
        frame.PixelValueTransformationSequence = [values]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    return dataset


def _item(**tags: object) -> Dataset:
    item = Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return item
