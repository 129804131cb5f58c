"""A DICOM series of true size: a noisy disc in air, for no patient is needed to measure time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

STUDY, SERIES = "2.25.1701", "2.25.1702"
SPACING, STEP = 0.7, 1.0  # mm


def write_series(folder: Path, slices: int, side: int) -> Path:
    """`slices` images of side × side pixels, int16; returns the folder."""
    folder.mkdir(parents=True)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    plane = np.where(x**2 + y**2 < 0.7, 40.0, -1000.0)
    noise = np.random.default_rng(0).normal(0, 25, (side, side))
    for number in range(slices):
        hu = np.rint(plane + np.roll(noise, number, 1)).astype(np.int16)
        _image(number, hu).save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)
    return folder


def _image(number: int, hu: np.ndarray):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = f"2.25.1703.{number + 1}"
    image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = STUDY, SERIES, "2.25.1704"
    image.PatientName, image.PatientID, image.Modality = "Benchmark", "Benchmark", "CT"
    image.StudyDate, image.StudyTime = "20260101", "120000"
    image.ImageType, image.SeriesDescription = ["ORIGINAL", "PRIMARY", "AXIAL"], "Benchmark"
    image.SeriesNumber, image.InstanceNumber, image.PatientPosition = 1, number + 1, "HFS"
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient = [round(-0.5 * SPACING * hu.shape[1], 3), round(-0.5 * SPACING * hu.shape[0], 3),
                                  number * STEP]  # fmt: skip
    image.PixelSpacing, image.SliceThickness = [SPACING, SPACING], STEP
    image.Rows, image.Columns = hu.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 1
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = 0, 1, "HU"
    image.PixelData = hu.tobytes()
    image["PixelData"].VR = "OW"
    return image
