"""Figures of regions and of a line that somebody drew, quick enough to follow the hand: numpy on the part drawn around.

The results have the form of the library's documents (images, figures, definitions, curves), so that the same table
and the same charts show both.
"""

from __future__ import annotations

import numpy as np
from slicer.i18n import tr as _

from ..user_error import UserError
from . import profile
from .place import Part, pixelOf, standardOf
from .table import INPUT

AFTER, REFERENCE = "after", "reference"


class Images:
    """The volumes that are compared: nodes, and their voxels as they are at this moment.

    volumes  name → node of a volume, all of the same size: "input", "after" and perhaps "reference"
    voxels   name → array [slices, rows, columns] as stored
    """

    def __init__(self, volumes: dict, voxels: dict[str, np.ndarray]):
        self.volumes, self.voxels = volumes, voxels
        self._standard, self.pixel = standardOf(volumes[INPUT]), pixelOf(volumes[INPUT])

    def stacks(self, part: Part) -> dict[str, np.ndarray]:
        """name → float32 HU of a part, in standard orientation."""
        return {name: self._standard.apply(part.cut(voxels)) for name, voxels in self.voxels.items()}

    def mask(self, region, part: Part) -> np.ndarray:
        return self._standard.apply(region.mask(part))

    def document(self, titles: dict[str, str]) -> dict:
        """An empty document of these images."""
        names = list(self.volumes)
        return {
            "images": names,
            "titles": titles,
            "reference": REFERENCE if REFERENCE in names else None,
            "figures": [],
            "definitions": {},
            "curves": {},
        }


def measureRegion(document: dict, images: Images, region, letter: str, mostRois: int | None = None) -> list[str]:
    """Mean and SD of a region and, of region A, its noise power spectrum. Returns sentences about what is missing.

    mostRois  squares for the spectrum, spread over all that fit in; None: all of them
    """
    mask = images.mask(region, region.part)
    if not mask.any():
        raise UserError(_("{name} is too small: it holds no voxel of the volume.").format(name=region.name))
    stacks = images.stacks(region.part)
    for name, stack in stacks.items():
        values = stack[mask].astype(np.float64)
        spread = values.std(ddof=1) if len(values) > 1 else None
        _figure(document, name, f"mean_{letter}", _("Mean {letter}").format(letter=letter), "HU", 1, values.mean())
        _figure(document, name, f"sd_{letter}", _("SD {letter}").format(letter=letter), "HU", 1, spread)
    return _spectra(document, images, stacks, mask, mostRois) if letter == "A" else []


def _spectra(document: dict, images: Images, stacks: dict, mask: np.ndarray, mostRois: int | None) -> list[str]:
    from LDCTDenoiseLib.errors import InputError
    from LDCTDenoiseLib.quality.texture.nps import measure_nps
    from LDCTDenoiseLib.quality.texture.rois import Rois, rois_in_mask

    try:
        rois = rois_in_mask(mask, images.pixel)
    except InputError as error:
        return [str(error)]
    if mostRois is not None and len(rois) > mostRois:
        rois = Rois(rois.side, rois.corners[np.linspace(0, len(rois) - 1, mostRois).round().astype(int)])
    lines = []
    for name, stack in stacks.items():
        found = measure_nps(stack, rois, images.pixel)
        _figure(document, name, "nps_mean_A", _("NPS mean A"), "1/mm", 3, found.mean, found.mean_error)
        _figure(document, name, "nps_peak_A", _("NPS peak A"), "1/mm", 3, found.peak, found.peak_error)
        lines.append({"image": name, "x": found.frequency, "y": found.nps})
    document["curves"]["nps_region"] = {
        "title": _("Noise power spectrum of region A"),
        "x": _("spatial frequency"),
        "x_unit": "1/mm",
        "y": _("NPS"),
        "y_unit": "HU² mm²",
        "lines": lines,
    }
    return []


def measureContrast(document: dict, images: Images, first, second) -> list[str]:
    """Contrast and contrast-to-noise ratio of two regions. Returns sentences about what is missing."""
    from LDCTDenoiseLib.errors import InputError
    from LDCTDenoiseLib.quality.texture.contrast import contrast_to_noise

    part = first.part.joined(second.part)
    masks = images.mask(first, part), images.mask(second, part)
    try:
        for name, stack in images.stacks(part).items():
            found = contrast_to_noise(stack, *masks, images.pixel)
            _figure(document, name, "contrast", _("Contrast A to B"), "HU", 1, found.contrast)
            _figure(document, name, "cnr", _("CNR of A and B"), "", 2, found.value, found.error)
    except InputError as error:
        return [str(error)]
    return []


def measureLine(document: dict, images: Images, line) -> None:
    """The HU along a markups line, as the curve "profile"."""
    distance, world = profile.placesOf(line)
    lines = []
    for name, volume in images.volumes.items():
        hu = profile.along(volume, images.voxels[name], world)
        lines.append({"image": name, "x": distance, "y": hu})
    if not any(np.isfinite(each["y"]).any() for each in lines):
        raise UserError(_("{name} lies outside the volume.").format(name=line.GetName()))
    document["curves"]["profile"] = {
        "title": _("Profile along the line"),
        "x": _("distance"),
        "x_unit": "mm",
        "y": _("CT number"),
        "y_unit": "HU",
        "lines": lines,
    }


def _figure(document, image, key, title, unit, digits, value, error=None) -> None:
    value, error = (None if number is None or np.isnan(number) else float(number) for number in (value, error))
    document["figures"].append({"image": image, "key": key, "value": value, "error": error})
    document["definitions"][key] = {"title": title, "unit": unit, "digits": digits}
