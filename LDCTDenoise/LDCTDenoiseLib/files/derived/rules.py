"""Which elements of the source a derived image keeps, loses, or has anew.

Everything that is not named here stays as it is: patient, study, acquisition, position. What goes was true of the old
pixels or of the old object only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..dicom_header import CT_IMAGE, plain, value_of
from .elements import drop, put

if TYPE_CHECKING:
    from pydicom import Dataset

_OF_THE_OLD_PIXELS = (
    "SmallestImagePixelValue", "LargestImagePixelValue", "SmallestPixelValueInSeries", "LargestPixelValueInSeries",
    "SmallestValidPixelValue", "LargestValidPixelValue", "SmallestImagePixelValueInPlane",
    "LargestImagePixelValueInPlane", "HistogramSequence", "IconImageSequence", "PixelDataProviderURL",
    "ModalityLUTSequence", "DigitalSignaturesSequence", "MACParametersSequence", "EncryptedAttributesSequence",
)  # fmt: skip
_OF_THE_OLD_OBJECT = (
    "InstanceCreatorUID", "InstanceCoercionDateTime", "SOPInstanceStatus", "SOPAuthorizationDateTime",
    "SOPAuthorizationComment", "AuthorizationEquipmentCertificationNumber", "ContentQualification",
    # where it is stored, and what an archive answered when it was asked
    "QueryRetrieveLevel", "QueryRetrieveView", "RetrieveAETitle", "RetrieveURL", "RetrieveLocationUID",
    "InstanceAvailability", "AvailableTransferSyntaxUID", "StorageMediaFileSetID", "StorageMediaFileSetUID",
    "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "NumberOfSeriesRelatedInstances",
    # no part of a classic image of one sample per pixel
    "NumberOfFrames", "FrameIncrementPointer", "PlanarConfiguration",
)  # fmt: skip
_MAY_BE_EMPTY = (  # type 2: absent from many sources, and an error if absent from ours
    "StudyDate", "StudyTime", "AccessionNumber", "Manufacturer", "ReferringPhysicianName", "PatientName", "PatientID",
    "PatientBirthDate", "PatientSex", "SliceThickness", "KVP", "PatientPosition", "StudyID", "AcquisitionNumber",
    "InstanceNumber", "PositionReferenceIndicator",
)  # fmt: skip
_UNSPECIFIED = ("", "US", "HU")  # what older scanners say of HU


def drop_stale(header: Dataset) -> None:
    drop(header, (*_OF_THE_OLD_PIXELS, *_OF_THE_OLD_OBJECT))
    for group in sorted({tag.group for tag in list(header.keys())}):
        if 0x6000 <= group <= 0x60FF and (group, 0x3000) not in header:
            _drop_group(header, group)  # graphics that were hidden in unused bits of the pixels
        elif 0x6000 <= group <= 0x60FF:
            for element in (0x1302, 0x1303):  # mean and deviation of the old pixels in a region
                header.pop((group, element), None)
        elif 0x5000 <= group <= 0x50FF and plain(_value(header, group, 0x0020)) in ("PROF", "HIST"):
            _drop_group(header, group)  # curves of the old pixels


def tell_kind(header: Dataset) -> None:
    """A CT image, derived after the examination; the third word is all that CT allows for a slice."""
    put(header, "SOPClassUID", CT_IMAGE)
    put(header, "Modality", "CT")
    words = ["DERIVED", "SECONDARY", "AXIAL"]
    if plain(value_of(header, "MultienergyCTAcquisition")) == "YES":  # there the fourth word tells which energy
        former = value_of(header, "ImageType")
        words += [str(word) for word in former[3:]] if former is not None and not isinstance(former, str) else []
    put(header, "ImageType", words)
    if plain(value_of(header, "BurnedInAnnotation")) != "YES":
        put(header, "BurnedInAnnotation", "NO")
    if plain(value_of(header, "RescaleType")) in _UNSPECIFIED:
        put(header, "RescaleType", "HU")  # another unit stays: to call it HU would be wrong


def complete(header: Dataset, uid: Callable[..., str], series: str) -> None:
    """What every CT image must have, for sources that lack it.

    uid     makes a UID from facts
    series  UID of the source's series: slices without a frame of reference share that of their series
    """
    for keyword in _MAY_BE_EMPTY:
        if keyword not in header:
            put(header, keyword, None)
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        if value_of(header, keyword) is None:
            put(header, keyword, uid(keyword, series))
    if plain(value_of(header, "PatientIdentityRemoved")) == "YES" and not (
        value_of(header, "DeidentificationMethod") or value_of(header, "DeidentificationMethodCodeSequence")
    ):
        put(header, "DeidentificationMethod", "Not told by the source")
    if value_of(header, "Laterality") is None:  # needed for paired parts of the body only
        header.pop("Laterality", None)
        if value_of(header, "BodyPartExamined") is None and "ImageLaterality" not in header:
            put(header, "Laterality", None)


def _drop_group(header: Dataset, group: int) -> None:
    for tag in [tag for tag in list(header.keys()) if tag.group == group]:
        del header[tag]


def _value(header: Dataset, group: int, element: int) -> object:
    try:
        return header[group, element].value
    except Exception:  # absent, or what pydicom cannot decode
        return None
