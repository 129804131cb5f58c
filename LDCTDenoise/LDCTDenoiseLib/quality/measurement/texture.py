"""How much noise, and of what grain: noise level and noise power spectrum of every image, at the same places."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from ..texture.noise import slice_noise_levels
from ..texture.nps import (
    NoisePowerSpectrum,
    Rois,
    find_rois,
    log_ratio,
    mean_ratio,
    measure_nps,
    peak_ratio,
    rois_in_mask,
)
from ..texture.rois import LEAST_SIDE
from .document import Findings
from .subject import INPUT, REFERENCE, Subject

_FREED = "Freed of what the trend and the size of the squares do to it: not the plain curve of TG-233."


def measure_noise(subject: Subject, found: Findings, name: str) -> None:
    """Noise level of one image; the input's must have been measured first."""
    level, levels = slice_noise_levels(subject.stacks[name], subject.pixel)
    found.figure(name, "noise", level)
    if name != INPUT:
        found.figure(name, "noise_reduction", 100 * (1 - _ratio(level, found.value(INPUT, "noise"))))
    for number, value in zip(subject.numbers, levels, strict=True):
        found.of_slice(name, number, noise=value)


def compare_noise(subject: Subject, found: Findings) -> None:
    """Noise levels against that of the normal dose, when all are known."""
    if subject.reference is None:
        return
    for name in subject.stacks:
        found.figure(name, "noise_ratio", _ratio(found.value(name, "noise"), found.value(REFERENCE, "noise")))


def measure_texture(subject: Subject, found: Findings) -> None:
    """Noise power spectra over the user's first region, or over homogeneous squares found on the standard image."""
    rois, origin = rois_of(subject, found)
    spectra = {name: measure_nps(hu, rois, subject.pixel) for name, hu in subject.stacks.items()}
    standard = spectra[subject.standard_name]
    found.rois = _drawn(rois, origin, subject)
    if not len(rois):
        found.notices.append(
            "The noise power spectrum cannot be measured, because no homogeneous soft tissue was found in these slices."
        )
    found.curve("nps", "Noise power spectrum", ("spatial frequency", "1/mm"), ("NPS", "HU² mm²"), _FREED)
    found.curve("nps_log_ratio", "Noise power against the input", ("spatial frequency", "1/mm"), ("ratio", "dB"))
    for name, nps in spectra.items():
        found.figure(name, "nps_noise", nps.noise, nps.noise_error)
        found.figure(name, "nps_mean", nps.mean, nps.mean_error)
        found.figure(name, "nps_peak", nps.peak, nps.peak_error)
        found.figure(name, "nps_mean_ratio", *_against(mean_ratio, nps, standard))
        found.figure(name, "nps_peak_ratio", *_against(peak_ratio, nps, standard))
        found.figure(name, "nps_rois", nps.rois)
        if nps.rois:
            found.line("nps", name, nps.frequency, nps.nps, nps.error)
            if name != INPUT:
                found.line("nps_log_ratio", name, *log_ratio(nps, spectra[INPUT]))


def rois_of(subject: Subject, found: Findings) -> tuple[Rois, str]:
    """(the squares in which noise is measured, "user" or "automatic"): those of the user where they hold one."""
    if subject.rois:
        try:
            return rois_in_mask(subject.rois[0], subject.pixel), "user"
        except InputError:
            found.notices.append(
                f"The first region of interest holds no square of {LEAST_SIDE} × {LEAST_SIDE} pixels: the noise power "
                "spectrum is measured in squares of homogeneous tissue that the program finds in the same slices."
            )
    return find_rois(subject.standard, subject.pixel), "automatic"


def _against(ratio, nps: NoisePowerSpectrum, standard: NoisePowerSpectrum) -> tuple[float, float]:
    if nps is standard:
        return (1.0 if nps.rois else float("nan")), float("nan")
    try:
        return ratio(nps, standard)
    except InputError:
        return float("nan"), float("nan")


def _drawn(rois: Rois, origin: str, subject: Subject) -> dict:
    """The squares, by the numbers of the stored slices; rows and columns as the standard orientation has them."""
    corners = [[subject.numbers[s], int(r), int(c)] for s, r, c in np.asarray(rois.corners)]
    side_mm = round(rois.side * float(np.sqrt(np.prod(subject.pixel))), 2)
    return {"origin": origin, "side": int(rois.side), "side_mm": side_mm, "corners": corners}


def _ratio(value: float, base: float) -> float:
    return value / base if base > 0 else float("nan")
