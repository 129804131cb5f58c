"""Low-dose CT from normal-dose CT: the noise that a lower dose would have added, inserted in the projection domain.

Yu et al., JCAT 2012. Only the noise is reconstructed and added, so edges and HU of the image stay what they were.
Two scanners: `FanScanner` is a real one, with fan beam, bow-tie and tube-current modulation. `Scanner` is a quick one
with parallel beams, for training; a fan-beam turn measures each line about twice, which its photon count accounts for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..errors import Cancelled
from ..volume import CTVolume
from .exposure import WATER, check_dose, longitudinal_modulation
from .fan_scanner import DoseSimulator, FanScanner
from .parallel_beam import parallel_beam
from .place import Place

FAN_VIEWS = 1152  # a turn, for which `photons` is given
FAN_CHANNEL = 0.7047  # mm at the isocentre: 1.2858 mm channels, 595 of 1085.6 mm away


@dataclass(frozen=True)
class Scanner:
    """Parallel beams: what decides how strong and how coarse the noise is.

    photons     that reach a channel in a view through air, at full dose
    electronic  variance of the read-out, in photons²
    kernel      width in 1/mm of the Gaussian that apodises the ramp: 0.28 soft … 0.6 sharp
    """

    photons: float = 1e5
    electronic: float = 10.0
    kernel: float = 0.28
    views: int = 720


def dose_noise(
    slice_hu: np.ndarray,
    spacing: tuple[float, float],
    dose: float,
    scanner: Scanner | FanScanner,
    rng: np.random.Generator,
    reference: float = 1.0,
    place: Place | None = None,
) -> np.ndarray:
    """Noise in HU, float32 [rows, columns], to add to a slice of `reference` of the full dose to bring it to `dose`.

    spacing is (between columns, between rows) in mm; parallel beams take pixels as square. For many draws or doses of
    one slice, `DoseSimulator` projects it only once. `place` is where fan beams are computed.
    """
    if isinstance(scanner, FanScanner):
        return DoseSimulator(slice_hu, spacing, scanner, place).noise(dose, rng, reference)
    check_dose(dose, reference)
    if reference != 1:  # the slice is the full dose of a weaker tube
        scanner, dose = replace(scanner, photons=scanner.photons * reference), dose / reference
    pixel = float(np.mean(spacing[:2]))
    rows, columns = slice_hu.shape
    side = max(rows, columns) + max(rows, columns) % 2
    attenuation = np.zeros((side, side), np.float32)  # per pixel
    top, left = (side - rows) // 2, (side - columns) // 2
    attenuation[top : top + rows, left : left + columns] = np.clip(slice_hu / 1000 + 1, 0, None) * WATER * pixel

    beam = parallel_beam(side, scanner.views)
    softened = np.exp(-2 * (np.pi * beam.frequency) ** 2).astype(np.float32)  # Gaussian of 1 pixel: noise is no object
    thickness = _filter_lines(beam.project(attenuation), softened)
    photons = scanner.photons * FAN_VIEWS / beam.views * pixel / FAN_CHANNEL
    blocked = np.exp(np.clip(thickness, 0, 12)) / photons
    variance = (1 - dose) / dose * blocked * (1 + (1 + dose) / dose * scanner.electronic * blocked)
    noise = np.sqrt(variance) * rng.standard_normal(variance.shape, dtype=np.float32)
    apodisation = np.exp(-((beam.frequency / pixel) ** 2) / (2 * scanner.kernel**2))
    image = beam.reconstruct(noise, apodisation)[top : top + rows, left : left + columns]
    return image * np.float32(1000 / (WATER * pixel))


def simulate_low_dose(
    volume: CTVolume,
    dose: float,
    *,
    seed: int = 0,
    scanner: Scanner | FanScanner | None = None,
    reference: float = 1.0,
    place: Place | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> CTVolume:
    """The volume as a scan at a fraction `dose` of the full dose would show it; the same seed gives the same noise.

    reference  the fraction of the full dose that the volume itself stands for
    place      where fan beams are computed (default: the processor); parallel beams are the processor's
    The scanner turns in the axial planes, however the volume is stored; slices are counted from the feet.

    Raises InputError unless 0 < dose < reference ≤ 1, Cancelled when `cancel()` is true.
    """
    check_dose(dose, reference)
    scanner, seen = scanner or Scanner(), volume.standard()
    spacing = seen.spacing[:2]
    along_z = scanner.along_z if isinstance(scanner, FanScanner) else 0.0
    current = longitudinal_modulation(seen.hu, spacing, along_z)
    low = np.empty_like(seen.hu)
    for i, slice_hu in enumerate(seen.hu):
        if cancel and cancel():
            raise Cancelled
        tube = replace(scanner, photons=scanner.photons * float(current[i])) if along_z else scanner
        rng = np.random.default_rng([seed, i])
        low[i] = slice_hu + dose_noise(slice_hu, spacing, dose, tube, rng, reference, place)
        if progress:
            progress(i + 1, len(low), "simulate")
    np.clip(low, min(-1024.0, float(volume.hu.min())), None, out=low)
    return volume.with_hu(volume.orientation.inverse.apply(low))


def _filter_lines(sinogram: np.ndarray, response: np.ndarray) -> np.ndarray:
    return np.fft.ifft(np.fft.fft(sinogram, axis=1) * response, axis=1).real.astype(np.float32)
