"""What was done to the images, in words and in codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ...version import package_version
from ..dicom_slices import Slice
from .elements import append, code, item, put
from .words import add_words, text_of

if TYPE_CHECKING:
    from pydicom import Dataset

PROGRAM = "LDCTDenoise"
SCHEME = "99LDCTDENOISE"
_USE = "For research use only. Not for diagnosis."
_LONGEST = 1024  # characters of a derivation description
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Made:
    """How a result was made. All text is plain ASCII, which every character set holds.

    label     a short name for the method and what is special about its settings: "rddm-balanced 50%"
    text      everything needed to make it again
    software  program and model, each with its version
    """

    label: str
    text: str
    software: tuple[str, ...]

    @classmethod
    def by(cls, record: Mapping | None) -> Made:
        """From the record of `denoise`, or from nothing."""
        record = record or {}
        program = f"{PROGRAM} {_ascii(record.get('version') or package_version())}"
        model = _ascii(record.get("model") or "")
        named = _words(model, record.get("model_version"))
        settings = [
            f"weights SHA-256 {_ascii(record['checksum'])}" if record.get("checksum") else "",
            *(f"{name} {_number(value)}" for name, value in _parameters(record.get("parameters"))),
            *(
                f"{name} {_number(record[name])}"
                for name in ("strength", "seed", "draws", "steps")
                if record.get(name) is not None
            ),
        ]
        how = ", ".join(filter(None, [f"Noise reduction by {named or 'a method without a record'}", *settings]))
        return cls(_label(model, record), f"{how}; {program}. {_USE}", tuple(filter(None, [program, named])))


def tell_derivation(header: Dataset, made: Made) -> None:
    """The words after those that tell of earlier derivations, and the codes after theirs.

    No standard code means noise reduction: Smoothing is the nearest, and a private one says what is meant.
    """
    add_words(header, "DerivationDescription", made.text, "; ", _LONGEST)
    noise_reduction = code("NOISE_REDUCTION", SCHEME, "Noise reduction")
    append(header, "DerivationCodeSequence", [code("113087", "DCM", "Smoothing"), noise_reduction])
    schemes = header.get("CodingSchemeIdentificationSequence") or ()
    if all(text_of(scheme, "CodingSchemeDesignator") != SCHEME for scheme in schemes):
        private = item(CodingSchemeDesignator=SCHEME, CodingSchemeName=f"Private codes of {PROGRAM}")
        append(header, "CodingSchemeIdentificationSequence", [private])


def tell_source(header: Dataset, source: Slice, sop_class: str, sop_instance: str) -> None:
    """The one image that this one was made from. Its own sources are told by itself."""
    if not sop_instance:
        header.pop("SourceImageSequence", None)
        return
    reference = item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=sop_instance)
    if source.stored.frames > 1:
        put(reference, "ReferencedFrameNumber", source.frame + 1)
    put(reference, "SpatialLocationsPreserved", "YES")
    purpose = code("121322", "DCM", "Source image for image processing operation")
    put(reference, "PurposeOfReferenceCodeSequence", [purpose])
    put(header, "SourceImageSequence", [reference])


def tell_equipment(header: Dataset, made: Made, now: datetime) -> None:
    """Who processed the images, after whoever had a part in them before; the scanner stays their manufacturer."""
    equipment = item(
        Manufacturer=PROGRAM,
        ManufacturerModelName=PROGRAM,
        SoftwareVersions=[name[:_LONGEST_NAME] for name in made.software],
        ContributionDateTime=now.strftime("%Y%m%d%H%M%S%z"),
        ContributionDescription=f"Noise reduction. {_USE}",
        PurposeOfReferenceCodeSequence=[code("109102", "DCM", "Processing Equipment")],
    )
    append(header, "ContributingEquipmentSequence", [equipment])


def _label(model: str, record: Mapping) -> str:
    if not model:
        return "denoised"
    strength, draws = record.get("strength"), record.get("draws")
    part = f"{100 * float(strength):.3g}%" if _differs(strength, 1) else ""
    many = f"{draws}x" if _differs(draws, 1) else ""
    return _words(model, part, many)


def _differs(value: object, usual: float) -> bool:
    return isinstance(value, (int, float)) and value != usual


def _parameters(parameters: object) -> list[tuple[str, object]]:
    """Those of a classical method; a network's are its weights, which have a checksum."""
    if not isinstance(parameters, Mapping):
        return []
    return [(_ascii(name).replace("_", " "), value) for name, value in parameters.items()]


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else _ascii(value)


def _words(*parts: object) -> str:
    return " ".join(_ascii(part) for part in parts if part)


def _ascii(value: object) -> str:
    """Printable ASCII without the backslash, which would separate values."""
    return " ".join(str(value).encode("ascii", "replace").decode().replace("\\", "/").split())
