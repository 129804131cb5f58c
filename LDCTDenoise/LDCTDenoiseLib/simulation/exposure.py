"""How many photons a ray gets: bow-tie filter and tube-current modulation; and how noisy that makes it."""

from __future__ import annotations

import numpy as np

from ..errors import InputError

WATER = 0.0192  # linear attenuation of water at the mean energy of 120 kVp, 1/mm

BOWTIE_THICKEST = 100.0  # mm of water: a body bow-tie lets some 15 % through at the edge of the fan
CURRENT_RANGE = (0.1, 4.0)  # of the mean current of a turn: no tube and generator do more
# A ray that (nearly) no photon reaches reads as the smallest count that the scanner takes the logarithm of. How far
# its reading can scatter is thereby bounded; for log max(Poisson(λ) + N(0, 10), 1) the variance is largest, 0.67, near
# λ = 4. Yu's formula, meant for larger counts, would go to infinity as 1/λ².
STARVED = 0.67


def bowtie_transmission(fan_angles: np.ndarray, source_isocentre: float, radius: float) -> np.ndarray:
    """Fraction of the photons that a water-equivalent bow-tie lets through, float64 [channels]; 1 in the middle.

    It fills up the path through a water cylinder of `radius` mm at the isocentre, 2·√(r² − R²·sin²γ), to the diameter,
    but is never thicker than 100 mm. A radius of 0 is no bow-tie.
    """
    if radius <= 0:
        return np.ones_like(fan_angles)
    path = 2 * np.sqrt(np.clip(radius**2 - (source_isocentre * np.sin(fan_angles)) ** 2, 0, None))
    return np.exp(-WATER * np.minimum(2 * radius - path, BOWTIE_THICKEST))


def angular_modulation(thickness: np.ndarray, strength: float) -> np.ndarray:
    """Tube current of each view over the mean of its turn, float64 [views].

    I(β) ∝ exp(strength · p(β)), p the line integral of the thickest ray of the view: Gies et al., Med. Phys. 26
    (1999) 2235; ½ makes the least noise of a given dose, 1 keeps the detected signal constant, 0 the current.
    thickness  line integrals [views, channels]
    """
    thickest = np.clip(thickness, 0, None).max(axis=1).astype(np.float64)
    return _bounded_to_mean_one(strength * thickest)


def longitudinal_modulation(slices_hu: np.ndarray, spacing: tuple[float, float], strength: float) -> np.ndarray:
    """Mean tube current of each slice over that of the volume, float64 [slices].

    I(z) ∝ exp(strength · μ · D(z)), D the water-equivalent diameter of the slice (AAPM report 220):
    D = 2·√(Σ (1 + HU/1000) · pixel area / π).  slices_hu [slices, rows, columns]; spacing in mm
    """
    water = np.array([np.clip(s / 1000 + 1, 0, None).sum(dtype=np.float64) for s in slices_hu])
    diameter = 2 * np.sqrt(water * spacing[0] * spacing[1] / np.pi)
    return _bounded_to_mean_one(strength * WATER * diameter)


def log_variance(photons: np.ndarray | float, thickness: np.ndarray, electronic: float) -> np.ndarray:
    """Variance of the post-log projection, float32 as `thickness`: (1 + Ne/λ)/λ with λ = N·e^−p detected photons.

    electronic  variance of the read-out, in photons²
    """
    detected = photons * np.exp(-np.clip(thickness, 0, 40))
    return np.minimum((1 + electronic / detected) / detected, STARVED).astype(np.float32)


def added_variance(
    photons: np.ndarray | float, thickness: np.ndarray, electronic: float, dose: float, reference: float = 1.0
) -> np.ndarray:
    """What a scan at `dose` has more than one at `reference`, both as fractions of the dose that gives `photons`.

    For a reference of 1 and few starved rays this is Yu et al., JCAT 36 (2012) 460:
    (1−a)/a · e^p/N · [1 + (1+a)/a · Ne·e^p/N]. A ray that is starved at both doses gets no more noise.
    """
    less, more = (log_variance(photons * share, thickness, electronic) for share in (dose, reference))
    return np.maximum(less - more, 0)


def check_dose(dose: float, reference: float = 1.0) -> None:
    """InputError unless 0 < dose < reference ≤ 1."""
    if not 0 < reference <= 1:
        raise InputError(f"The reference dose must lie above 0 and be at most 1, not {reference:g}.")
    if not 0 < dose < reference:
        limit = "1" if reference == 1 else f"the reference dose of {reference:g}"
        raise InputError(f"The dose fraction must lie between 0 and {limit}, not {dose:g}.")


def _bounded_to_mean_one(exponent: np.ndarray) -> np.ndarray:
    current = np.exp(exponent - exponent.max())
    for _ in range(20):  # the limits move the mean a little, and the mean the limits
        current = np.clip(current / current.mean(), *CURRENT_RANGE)
    return current
