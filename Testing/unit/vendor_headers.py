"""CT series with headers as scanners write them: a small body in a round field of view, everything else true to life.

What each vendor is known for, and what a writer of derived series can trip over:

ge        signed, padding −2000 stored, instances from head to feet, Latin-1, a time zone, old extreme values
philips   12 of 16 bits unsigned, no padding, multi-valued windows, UTF-8, a kept CTDIvol, private ELSCINT1
siemens   16 bits unsigned from −8192, kernel of two values, own SourceImageSequence, CSA headers, private in sequences
somatom   the older Siemens: 12 of 16 bits, corners clipped to the padding value that air takes too, no RescaleType
canon     signed with intercept 0, tilted gantry, Japanese in two character sets

Every series is valid for dciodvfy. The patient is called Müßtermann, or 山田 where the character set allows it.
"""

from __future__ import annotations

from collections.abc import Callable

import dicom_factory as factory
import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileDataset

ROOT = "1.2.826.0.1.3680043.10.999"
STUDY, FRAME = f"{ROOT}.1.1", f"{ROOT}.1.2"
SHAPE = (4, 36, 32)
Series = list[FileDataset]


def body(seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """Whole HU int16 [slices, rows, columns], between −1024 and 1500; and where nothing is measured, bool."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[1], : shape[2]] - (np.array(shape[1:]).reshape(2, 1, 1) - 1) / 2
    radius = np.hypot(x, y)
    hu = np.where(radius < 12, 40, -1000) + rng.normal(0, 25, shape)
    hu[:, radius < 3] += 900
    outside = np.broadcast_to(radius > min(shape[1:]) / 2, shape)
    return hu.round().clip(-1023, 1500).astype(np.int16), outside


def ge(seed: int = 0) -> Series:
    hu, outside = body(seed)
    stored = np.where(outside, -2000, hu.astype(np.int16) + 1024).astype(np.int16)
    series = factory.ct_series(stored[::-1], heights=[7.5, 5.0, 2.5, 0.0])  # head first
    for number, dataset in enumerate(series, start=1):
        _examined(dataset, 1, number, "ISO_IR 100", "Müßtermann^Jörg")
        _set(
            dataset, Manufacturer="GE MEDICAL SYSTEMS", ManufacturerModelName="LightSpeed VCT", StationName="CT99",
            SoftwareVersions="07MW18.4", ScanOptions="HELICAL MODE", ConvolutionKernel="STANDARD",
            FilterType="BODY FILTER", GeneratorPower="42000", FocalSpots="1.2", RotationDirection="CW",
            ExposureTime="600", XRayTubeCurrent="350", Exposure="12", SpiralPitchFactor=0.984375,
            WindowCenter="40", WindowWidth="400", PixelPaddingValue=-2000, InstitutionName="Röntgenhaus",
            ImageComments="Größe geprüft", TimezoneOffsetFromUTC="-0500",
        )  # fmt: skip
        dataset.add_new("SmallestImagePixelValue", "SS", int(stored.min()))
        dataset.add_new("LargestImagePixelValue", "SS", int(stored.max()))
        _private(dataset, 0x0009, "GEMS_IDEN_01", {0x01: ("LO", "CT_LIGHTSPEED"), 0x27: ("SL", 862399669)})
        _private(dataset, 0x0043, "GEMS_PARM_01", {0x10: ("US", 400), 0x27: ("SH", "/1.00:1"), 0x1F: ("SL", 3)})
        _private(dataset, 0x0045, "GEMS_HELIOS_01", {0x01: ("SS", 4), 0x32: ("FL", 0.5), 0x3B: ("LO", "patient Jörg")})
    return series


def philips(seed: int = 0) -> Series:
    hu, _ = body(seed)
    stored = (hu.astype(np.int32) + 1000).clip(0, 4095).astype(np.uint16)  # air noise is clipped
    series = factory.ct_series(stored, BitsStored=12, HighBit=11)
    for number, dataset in enumerate(series, start=1):
        _examined(dataset, 3, number, "ISO_IR 192", "Müßtermann^Đặng山田")
        _set(
            dataset, Manufacturer="Philips", ManufacturerModelName="Brilliance 64", SoftwareVersions="4.1.6",
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "HELIX"], ScanOptions="HELIX", ConvolutionKernel="B",
            FilterType="B", RescaleIntercept="-1000.0", RescaleSlope="1.0", ExposureTime="1093", XRayTubeCurrent="229",
            Exposure="250", WindowCenter=["00060", "00060"], WindowWidth=["00360", "00360"], CTDIvol=16.9,
            WindowCenterWidthExplanation=["WINDOW1", "WINDOW2"], ProtocolName="Thorax/ß",
        )  # fmt: skip
        _private(dataset, 0x00E1, "ELSCINT1", {0x22: ("DS", ["0", "0"]), 0x37: ("DS", "1.25"), 0x50: ("DS", "3")})
        _private(dataset, 0x01F1, "ELSCINT1", {0x01: ("CS", "SPIRAL"), 0x26: ("DS", "0.9"), 0x32: ("CS", "CHEST")})
    return series


def siemens(seed: int = 0) -> Series:
    hu, outside = body(seed)
    stored = np.where(outside, 0, hu.astype(np.int32) + 8192).astype(np.uint16)
    series = factory.ct_series(stored)
    for number, dataset in enumerate(series, start=1):
        _examined(dataset, 5, number, "ISO_IR 100", "Müßtermann^Jörg")
        _set(
            dataset, Manufacturer="Siemens Healthineers", ManufacturerModelName="NAEOTOM Alpha",
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"], SoftwareVersions="syngo CT VA50A",
            ConvolutionKernel=["Br40f", "3"], FilterType="FLAT", RescaleIntercept="-8192", PixelPaddingValue=0,
            ExposureTime="250", XRayTubeCurrent="318", Exposure="90", ExposureModulationType="XYZ_EC",
            IrradiationEventUID=f"{ROOT}.3", SpacingBetweenSlices="2.5", DeviceSerialNumber="98765",
            WindowCenter=["40", "-600"], WindowWidth=["400", "1200"],
            WindowCenterWidthExplanation=["WINDOW1", "WINDOW2"], ImageComments="Ö", LossyImageCompression="00",
            SourceImageSequence=[
                item(ReferencedSOPClassUID=factory.CT_IMAGE, ReferencedSOPInstanceUID=f"{ROOT}.4.{number}")
            ],
            RequestAttributesSequence=[item(ScheduledProcedureStepID="S1", RequestedProcedureID="R1")],
        )  # fmt: skip
        dataset.add_new("SmallestImagePixelValue", "US", 0)
        dataset.add_new("LargestImagePixelValue", "US", int(stored.max()))
        csa = b"SV10\x04\x03\x02\x01" + bytes(range(90))
        _private(dataset, 0x0029, "SIEMENS CSA HEADER", {0x08: ("CS", "SOM 7"), 0x10: ("OB", csa)})
        _private(dataset, 0x0021, "SIEMENS MED SMS CT", {0x11: ("LO", "Jörg")})
        request = dataset.RequestAttributesSequence[0]
        _private(request, 0x0041, "SIEMENS SYNGO", {0x01: ("LO", "Jörg")})
    return series


def somatom(seed: int = 0) -> Series:
    hu, outside = body(seed)
    stored = np.where(outside, 0, hu.astype(np.int32) + 1024).astype(np.uint16)
    series = factory.ct_series(stored, BitsStored=12, HighBit=11, RescaleType=None)
    for number, dataset in enumerate(series, start=1):
        _examined(dataset, 4, number, "ISO_IR 100", "Müßtermann^Jörg")
        _set(
            dataset, Manufacturer="SIEMENS", ManufacturerModelName="Sensation 64", SoftwareVersions="VB42B",
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"], ConvolutionKernel="B30f", PixelPaddingValue=0,
            ExposureTime="500", XRayTubeCurrent="120", Exposure="60", ReferringPhysicianName="Dr.^Ärztin",
        )  # fmt: skip
        _private(dataset, 0x0019, "SIEMENS CT VA0  COAD", {0x8F: ("LO", "Jörg"), 0x92: ("DS", "1.0")})
    return series


def canon(seed: int = 0) -> Series:
    hu, outside = body(seed)
    stored = np.where(outside, -2048, hu).astype(np.int16)
    orientation = factory.rotation(-15, 0, 0)
    normal = np.cross(orientation[:3], orientation[3:])
    shift = np.array([0, 0, 1 / normal[2]]) - normal  # the table moves along z while the gantry leans
    series = factory.ct_series(stored, orientation=orientation, shift=shift)
    for number, dataset in enumerate(series, start=1):
        _examined(dataset, 2, number, ["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう")
        _set(
            dataset, Manufacturer="TOSHIBA", ManufacturerModelName="Aquilion ONE", SoftwareVersions="V6.00",
            RescaleIntercept="0", PixelPaddingValue=-2048, GantryDetectorTilt="-15.0", ConvolutionKernel="FC18",
            SeriesDescription="頭部 CT", StudyDescription="頭部", InstitutionName="東京病院", ScanOptions="HELICAL_CT",
            ExposureTime="500", XRayTubeCurrent="300", Exposure="150", FilterType="LARGE", BodyPartExamined="HEAD",
        )  # fmt: skip
        _private(dataset, 0x7005, "TOSHIBA_MEC_CT3", {0x08: ("DS", "0.5"), 0x1D: ("UL", 7), 0x40: ("FD", 312.5)})
    return series


VENDORS: dict[str, Callable[..., Series]] = {
    "ge": ge, "philips": philips, "siemens": siemens, "somatom": somatom, "canon": canon,
}  # fmt: skip


def with_tags(series: Series, **tags: object) -> Series:
    """The same objects with other values; None takes an element away."""
    for dataset in series:
        _set(dataset, **tags)
    return series


def deidentified(series: Series) -> Series:
    """As a trial's archive hands series out: nobody's name, no dates of birth, no institution, a method told."""
    for dataset in series:
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "TRIAL-0815", "TRIAL-0815", ""
        dataset.ReferringPhysicianName = dataset.AccessionNumber = ""
        for keyword in ("InstitutionName", "StationName", "OperatorsName", "DeviceSerialNumber", "ImageComments"):
            if keyword in dataset:
                delattr(dataset, keyword)
        dataset.remove_private_tags()
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = "CTP Default"
        dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    return series


def item(**tags: object) -> Dataset:
    """An item of a sequence."""
    dataset = Dataset()
    _set(dataset, **tags)
    return dataset


def _examined(dataset: FileDataset, series: int, number: int, charset: str | list[str], name: str) -> None:
    """Who was examined, when, and where the slice belongs."""
    dataset.SpecificCharacterSet = charset
    uid = f"{ROOT}.2.{series}.{number}"
    dataset.file_meta.ImplementationVersionName = "SCANNER_1_0"
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    _set(
        dataset, SOPInstanceUID=uid, StudyInstanceUID=STUDY, SeriesInstanceUID=f"{ROOT}.2.{series}",
        FrameOfReferenceUID=FRAME, PositionReferenceIndicator="SN", PatientName=name, PatientID="4711-Q",
        PatientBirthDate="19500704", PatientSex="O", PatientAge="052Y", AccessionNumber="A17", StudyID="17",
        ReferringPhysicianName="", StudyDate="20060102", StudyTime="101112", SeriesDate="20060102",
        SeriesTime="101500.25", AcquisitionDate="20060102", AcquisitionTime=f"1016{number:02d}.5",
        ContentDate="20060102", ContentTime="101700", InstanceCreationDate="20060102", InstanceCreationTime="101800",
        InstanceCreatorUID=f"{ROOT}.9", SeriesNumber=series, AcquisitionNumber=1, InstanceNumber=number,
        SeriesDescription="Thorax 2.5", StudyDescription="CT Thorax", PatientPosition="HFS",
        BodyPartExamined="CHEST", DataCollectionDiameter="500", ReconstructionDiameter="350",
        SliceLocation=f"{float(dataset.ImagePositionPatient[2]):.2f}",
    )  # fmt: skip


def _set(dataset: Dataset, **tags: object) -> None:
    for keyword, value in tags.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)


def _private(dataset: Dataset, group: int, creator: str, elements: dict[int, tuple[str, object]]) -> None:
    block = dataset.private_block(group, creator, create=True)
    for element, (vr, value) in elements.items():
        block.add_new(element, vr, value)
