"""The scanner that made a volume, as far as its noise tells: so that "a quarter of the dose" means that of this scan.

Inserted noise must look like the noise that the slices already have, since both come from the same scanner and
kernel: its amount from the global noise level, its texture from the mean frequency of the noise power spectrum.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..quality.texture.noise import SOFT_TISSUE_HU, global_noise_level
from ..quality.texture.nps import find_rois, measure_nps
from ..volume import CTVolume
from .fan_calibration import fitted_fan_scanner
from .fan_scanner import FanScanner
from .low_dose import Scanner, dose_noise
from .place import Place

KERNEL_PER_MEAN_FREQUENCY = 1 / 0.886  # NPS ∝ f·exp(−f²/k²) has its mean at (√π/2)·k
KERNEL_LIMITS = (0.22, 0.7)  # 1/mm; where the spectrum cannot be measured, the middle


def calibrated_scanner(
    volume: CTVolume,
    scanner: Scanner | FanScanner | None = None,
    reference: float = 1.0,
    *,
    fit_kernel: bool = True,
    place: Place | None = None,
) -> Scanner | FanScanner:
    """The scanner with the amount and the texture of noise that the volume has at `reference` of the full dose.

    Noise for a dose fraction a of the volume's then has √(1/a − 1) times the volume's own standard deviation (but for
    the electronic part). Parallel beams (`Scanner`, the default): photons and kernel are fitted, to the noise inserted
    for half the dose. Fan beam: see `fan_calibration`. Without `fit_kernel` the scanner keeps its kernel.
    place  where fan beams are computed
    Raises InputError where the noise cannot be measured: no soft tissue, or no noise at all.
    """
    if isinstance(scanner, FanScanner):
        seen = volume.standard()
        slices = seen.hu[_spread_out(len(seen.hu))]
        return fitted_fan_scanner(slices, seen.spacing[:2], scanner, reference, fit_kernel, place)
    scanner = scanner or Scanner()
    if fit_kernel:
        scanner = replace(scanner, kernel=kernel_width(volume))
    volume = volume.standard()
    spacing = volume.spacing[:2]
    ratios = []
    for index in _spread_out(len(volume.hu)):
        slice_hu = volume.hu[index]
        own = global_noise_level(slice_hu, spacing)
        tissue = (slice_hu >= SOFT_TISSUE_HU[0]) & (slice_hu <= SOFT_TISSUE_HU[1])
        if np.isfinite(own) and own > 0 and tissue.any():
            quantum = replace(scanner, electronic=0.0)
            inserted = dose_noise(slice_hu, spacing, 0.5, quantum, np.random.default_rng(index))
            ratios.append(inserted[tissue].std() / own)
    if not ratios:
        raise InputError("The noise of this volume cannot be measured (no soft tissue): give the photons yourself.")
    return replace(scanner, photons=scanner.photons * float(np.median(ratios)) ** 2 / reference)


def kernel_width(volume: CTVolume) -> float:
    """Width in 1/mm of the Gaussian-apodised ramp whose noise has the mean frequency that this volume has."""
    volume = volume.standard()
    spacing = volume.spacing[:2]
    mean = measure_nps(volume.hu, find_rois(volume.hu, spacing), spacing).mean
    width = mean * KERNEL_PER_MEAN_FREQUENCY if np.isfinite(mean) else np.mean(KERNEL_LIMITS)
    return float(np.clip(width, *KERNEL_LIMITS))


def _spread_out(count: int) -> list[int]:
    """Up to seven slices, evenly from the whole volume."""
    return sorted({int(i) for i in np.linspace(0, count - 1, min(count, 7)).round()})
