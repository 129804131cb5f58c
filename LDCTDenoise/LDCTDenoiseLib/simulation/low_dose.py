"""Low-dose CT from normal-dose CT: the noise that a lower dose would have added, inserted in the projection domain.

Yu et al., JCAT 2012. Only the noise is reconstructed and added, so edges and HU of the image stay what they were.
The geometry is parallel; a fan-beam turn measures each line about twice, which the photon count accounts for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import Cancelled, InputError
from ..volume import CTVolume
from .parallel_beam import parallel_beam

WATER = 0.0192  # linear attenuation of water at the mean energy of 120 kVp, 1/mm
FAN_VIEWS = 1152  # a turn, for which `photons` is given
FAN_CHANNEL = 0.7047  # mm at the isocentre: 1.2858 mm channels, 595 of 1085.6 mm away


@dataclass(frozen=True)
class Scanner:
    """What decides how strong and how coarse the noise is.

    photons     that reach a channel in a view through air, at full dose
    electronic  variance of the read-out, in photons²
    kernel      width in 1/mm of the Gaussian that apodises the ramp: 0.28 soft … 0.6 sharp
    """

    photons: float = 1e5
    electronic: float = 10.0
    kernel: float = 0.28
    views: int = 720


def dose_noise(
    slice_hu: np.ndarray, spacing: tuple[float, float], dose: float, scanner: Scanner, rng: np.random.Generator
) -> np.ndarray:
    """Noise in HU, float32 [rows, columns], to add to a normal-dose slice for a fraction `dose` of its dose.

    spacing is (between columns, between rows) in mm; pixels are taken as square.
    """
    if not 0 < dose < 1:
        raise InputError(f"The dose fraction must lie between 0 and 1, not {dose:g}.")
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
    scanner: Scanner | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> CTVolume:
    """The volume as a scan at a fraction `dose` of its dose would show it; the same seed gives the same noise.

    Raises InputError for a dose outside (0, 1), Cancelled when `cancel()` is true.
    """
    scanner = scanner or Scanner()
    low = np.empty_like(volume.hu)
    for i, slice_hu in enumerate(volume.hu):
        if cancel and cancel():
            raise Cancelled
        low[i] = slice_hu + dose_noise(slice_hu, volume.spacing[:2], dose, scanner, np.random.default_rng([seed, i]))
        if progress:
            progress(i + 1, len(low), "simulate")
    return volume.with_hu(np.clip(low, min(-1024.0, float(volume.hu.min())), None))


def _filter_lines(sinogram: np.ndarray, response: np.ndarray) -> np.ndarray:
    return np.fft.ifft(np.fft.fft(sinogram, axis=1) * response, axis=1).real.astype(np.float32)
