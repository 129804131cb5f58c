"""One frame of an enhanced (multi-frame) object as the header of a classic CT image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dicom_header import value_of
from .elements import drop, put
from .times import date_and_time
from .words import text_of

if TYPE_CHECKING:
    from pydicom import Dataset

# Functional groups whose sequence a classic image has itself; of all others the one item's elements are taken out.
_WHOLE = ("ReferencedImageSequence", "RealWorldValueMappingSequence", "PatientPhysiologicalStateSequence")
_OF_THE_WHOLE_OBJECT = (
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "NumberOfFrames", "FrameIncrementPointer",
    "RepresentativeFrameNumber", "DimensionOrganizationSequence", "DimensionIndexSequence",
    "DimensionOrganizationType", "ConcatenationUID", "SOPInstanceUIDOfConcatenationSource", "InConcatenationNumber",
    "InConcatenationTotalNumber", "ConcatenationFrameOffsetNumber", "ContentQualification", "PixelPresentation",
    "VolumetricProperties", "VolumeBasedCalculationTechnique", "AcquisitionDuration",
)  # fmt: skip
_OF_A_FRAME = (
    "FrameType", "FrameAcquisitionDateTime", "FrameReferenceDateTime", "FrameAcquisitionDuration",
    "FrameAcquisitionNumber", "FrameComments", "FrameLabel", "FrameLaterality", "DimensionIndexValues", "StackID",
    "InStackPositionNumber", "TemporalPositionIndex", "CardiacCyclePosition", "RespiratoryCyclePosition",
    "ConversionSourceAttributesSequence",
)  # fmt: skip
_ROUNDED = {  # a float of an enhanced object → the whole number of a classic one, in the same unit
    "ExposureTimeInms": "ExposureTime",
    "XRayTubeCurrentInmA": "XRayTubeCurrent",
    "ExposureInmAs": "Exposure",
}
_RENAMED = {
    "FrameAcquisitionNumber": "AcquisitionNumber",
    "FrameComments": "ImageComments",
    "FrameLaterality": "ImageLaterality",
}


def classic_frame(header: Dataset, frame: int, number: int) -> Dataset:
    """The header of the frame with index `frame` as that of image number `number`.

    Values of the frame come before those that all frames share, and these before those of the object.
    """
    from pydicom import Dataset

    elements = {tag: header.get_item(tag) for tag in list(header.keys())}
    for groups in (header.get("SharedFunctionalGroupsSequence"), header.get("PerFrameFunctionalGroupsSequence")):
        if groups:
            elements.update(_taken_out(groups[min(frame, len(groups) - 1)]))
    classic = Dataset(elements)
    classic.set_original_encoding(False, True, classic._character_set)
    _tell_in_classic_words(classic)
    drop(classic, (*_OF_THE_WHOLE_OBJECT, *_OF_A_FRAME))
    put(classic, "InstanceNumber", number)
    return classic


def _taken_out(group: Dataset) -> dict:
    """The elements of the functional groups of one frame, side by side."""
    elements = {}
    for member in group:
        if member.VR != "SQ" or member.tag.is_private or member.keyword in _WHOLE:
            elements[member.tag] = member
        elif member.value:
            inside = member.value[0]
            elements.update({tag: inside.get_item(tag) for tag in list(inside.keys())})
    return elements


def _tell_in_classic_words(classic: Dataset) -> None:
    for precise, whole in _ROUNDED.items():
        value = value_of(classic, precise)
        if isinstance(value, float) and 0 <= value < 2**31 and whole not in classic:
            put(classic, whole, round(value))
    for theirs, ours in _RENAMED.items():
        value = value_of(classic, theirs)
        if value is not None:
            put(classic, ours, value)
    own = "FrameAcquisitionDateTime" if "FrameAcquisitionDateTime" in classic else "AcquisitionDateTime"
    date, time = date_and_time(classic, own)
    if date:
        put(classic, "AcquisitionDate", date)
        put(classic, "AcquisitionTime", time or None)
    agents = value_of(classic, "ContrastBolusAgentSequence")
    if agents and "ContrastBolusAgent" not in classic:
        put(classic, "ContrastBolusAgent", text_of(agents[0], "CodeMeaning")[:64])
