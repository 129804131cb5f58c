"""An enhanced (multi-frame) CT object with the functional groups that its standard asks for, valid for dciodvfy."""

from __future__ import annotations

import numpy as np
import vendor_headers as vendors
from pydicom.dataset import FileDataset
from vendor_headers import item

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
_STACK, _PLANE = 0x00209056, 0x00209111
_CLASSIC_ONLY = (
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope",
    "RescaleIntercept", "RescaleType", "KVP", "ConvolutionKernel", "FilterType", "ExposureTime", "XRayTubeCurrent",
    "Exposure", "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "ScanOptions", "SliceLocation",
    "DataCollectionDiameter", "ReconstructionDiameter", "AcquisitionDate", "AcquisitionTime", "CTDIvol",
    "BodyPartExamined", "ImageComments",
)  # fmt: skip


def enhanced() -> FileDataset:
    """Four frames of the vendors' body, 12 of 16 bits, stored from head to feet; every frame has its own slope."""
    hu, _ = vendors.body(3)
    slopes = np.array([1, 1, 0.5, 1])
    pixels = ((hu.astype(np.int32) + 1000).clip(0, 2000) / slopes.reshape(-1, 1, 1)).astype(np.uint16)
    classic = vendors.philips()[0]
    dataset = vendors.with_tags(
        [classic], **dict.fromkeys(_CLASSIC_ONLY), NumberOfFrames=len(pixels), PixelData=pixels.tobytes(),
        SOPClassUID=ENHANCED_CT, ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], SeriesNumber=6,
        SeriesInstanceUID=f"{vendors.ROOT}.2.6", SOPInstanceUID=f"{vendors.ROOT}.2.6.1", DeviceSerialNumber="77",
        PixelPresentation="MONOCHROME", VolumetricProperties="VOLUME", VolumeBasedCalculationTechnique="NONE",
        ContentQualification="PRODUCT", AcquisitionDateTime="20060102101600.5-0500", AcquisitionDuration=2500.0,
        BurnedInAnnotation="NO", LossyImageCompression="00", PresentationLUTShape="IDENTITY",
        AcquisitionContextSequence=[], PositionReferenceIndicator="SN", TimezoneOffsetFromUTC="-0500",
        ConcatenationUID=f"{vendors.ROOT}.7", InConcatenationNumber=1, InConcatenationTotalNumber=2,
        ConcatenationFrameOffsetNumber=0, SOPInstanceUIDOfConcatenationSource=f"{vendors.ROOT}.8",
    )[0]  # fmt: skip
    dataset.file_meta.MediaStorageSOPClassUID = ENHANCED_CT
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dimensions = f"{vendors.ROOT}.1.9"
    dataset.DimensionOrganizationSequence = [item(DimensionOrganizationUID=dimensions)]
    dataset.DimensionIndexSequence = [
        item(DimensionOrganizationUID=dimensions, DimensionIndexPointer=pointer, FunctionalGroupPointer=_PLANE)
        for pointer in (_STACK, _STACK + 1)
    ]
    dataset.SharedFunctionalGroupsSequence = [_shared()]
    dataset.PerFrameFunctionalGroupsSequence = [_frame(n, slope) for n, slope in enumerate(slopes)]
    return dataset


def _shared():
    region = item(CodeValue="51185008", CodingSchemeDesignator="SCT", CodeMeaning="Chest")
    return item(
        PixelMeasuresSequence=[item(PixelSpacing=["0.8", "0.7"], SliceThickness="2.5")],
        PlaneOrientationSequence=[item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
        FrameAnatomySequence=[item(AnatomicRegionSequence=[region], FrameLaterality="U")],
        FrameVOILUTSequence=[item(WindowCenter="40", WindowWidth="400")],
        IrradiationEventIdentificationSequence=[item(IrradiationEventUID=f"{vendors.ROOT}.3")],
        CTImageFrameTypeSequence=[
            item(
                FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME", VolumeBasedCalculationTechnique="NONE",
            )
        ],
        CTAcquisitionTypeSequence=[item(AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO")],
        CTAcquisitionDetailsSequence=[
            item(
                RotationDirection="CW", RevolutionTime=0.5, SingleCollimationWidth=0.6, TotalCollimationWidth=38.4,
                TableHeight="120", GantryDetectorTilt="0", DataCollectionDiameter="500",
            )
        ],
        CTTableDynamicsSequence=[item(TableSpeed=46.0, TableFeedPerRotation=23.0, SpiralPitchFactor=0.6)],
        CTGeometrySequence=[item(DistanceSourceToDetector="1085.6", DistanceSourceToDataCollectionCenter=595.0)],
        CTReconstructionSequence=[
            item(
                ReconstructionAlgorithm="FILTER_BACK_PROJ", ConvolutionKernel="B30f",
                ConvolutionKernelGroup="SOFT_TISSUE",
                ReconstructionDiameter="350", ReconstructionPixelSpacing=[0.8, 0.7], ReconstructionAngle=360.0,
                ImageFilter="NONE",
            )
        ],
        CTXRayDetailsSequence=[item(KVP="120", FocalSpots="1.2", FilterType="FLAT", FilterMaterial="ALUMINUM")],
    )  # fmt: skip


def _frame(number: int, slope: float):
    position = ["-30", "20", str(-100 - 2.5 * number)]
    return item(
        FrameContentSequence=[
            item(
                FrameAcquisitionNumber=1, FrameReferenceDateTime=f"2006010210160{number}.25-0500",
                FrameAcquisitionDateTime=f"2006010210160{number}.125-0500", FrameAcquisitionDuration=500.0, StackID="1",
                InStackPositionNumber=number + 1, DimensionIndexValues=[1, number + 1],
            )
        ],
        PlanePositionSequence=[item(ImagePositionPatient=position)],
        CTPositionSequence=[
            item(TablePosition=100.0 + number, DataCollectionCenterPatient=[0.0, 0.0, 0.0],
                 ReconstructionTargetCenterPatient=[0.0, 0.0, 0.0])
        ],
        CTExposureSequence=[
            item(
                ExposureTimeInms=500.25, XRayTubeCurrentInmA=200.75 + number, ExposureInmAs=100.5 + number,
                ExposureModulationType="NONE", CTDIvol=7.5,
            )
        ],
        PixelValueTransformationSequence=[
            item(RescaleSlope=f"{slope:g}", RescaleIntercept="-1000", RescaleType="HU")
        ],
    )  # fmt: skip
