"""A fan-beam scanner and the noise that it would have added at a lower dose, from one projection of a slice."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .exposure import WATER, added_variance, angular_modulation, bowtie_transmission, check_dose, log_variance
from .fan_beam import FanGeometry, fan_beam
from .place import Place

REFERENCE_VIEWS = 1152  # a turn, for which `photons` is given
SMOOTHING_MM = 0.75  # σ; the noise of the slice itself is no object, and would scatter the photon count
KERNELS = {"soft": 0.28, "medium": 0.4, "sharp": 0.6}  # 1/mm, as Gaussians


@dataclass(frozen=True)
class FanScanner:
    """What decides how strong, how coarse and where the noise is.

    photons     that reach a channel in a view through air at full dose, for 1152 views a turn (more views share them)
    electronic  variance of a read-out, in photons²
    readings    how many such read-outs, of detector rows and views, a slice averages into each of its rays
    kernel      width k in 1/mm of the apodisation exp(−½·(f/k)^order) of the ramp: 0.28 soft … 0.6 sharp
    order       2 is a Gaussian; more makes a steeper fall, as in kernels with an emphasised edge
    bowtie      radius in mm of the water cylinder that the bow-tie evens out; 0 without
    modulation  strength of the angular tube-current modulation, 0 without … ½ least noise … 1
    along_z     strength of the modulation from slice to slice, the same way; for volumes
    isocentre   mm, (x, y) of the rotation axis from the middle of the slices, along columns and rows
    """

    photons: float = 1e5
    electronic: float = 10.0
    readings: float = 1.0
    kernel: float = 0.28
    order: float = 2.0
    bowtie: float = 0.0
    modulation: float = 0.0
    along_z: float = 0.0
    isocentre: tuple[float, float] = (0.0, 0.0)
    geometry: FanGeometry = field(default_factory=FanGeometry)

    def apodisation(self, frequency: np.ndarray) -> np.ndarray:
        """Of the ramp at `frequency` in 1/mm."""
        return np.exp(-0.5 * (frequency / self.kernel) ** self.order)


# A body scan. 10 readings are a 3 mm slice of 0.6 mm rows and two of 2304 views; ½ is the modulation of least noise;
# bow-ties of 250 to 400 mm agree best with where 12 series of normal dose, from several makers, are noisy.
TYPICAL = FanScanner(readings=10.0, bowtie=300.0, modulation=0.5)


class DoseSimulator:
    """The noise of one slice at any dose: projected once, then any number of draws.

    slice_hu   [rows, columns], HU
    spacing    mm, (between columns, between rows)
    place      where projections and reconstructions are computed; the slices of a run share one. Default: the processor
    What lies outside the slice's field of view is taken as air; rays outside the scanner's fan carry no noise.
    """

    def __init__(
        self, slice_hu: np.ndarray, spacing: tuple[float, float], scanner: FanScanner, place: Place | None = None
    ):
        self.scanner, self.place = scanner, place or Place()
        size = tuple(float(d) for d in spacing[:2])
        shape, isocentre = tuple(slice_hu.shape), tuple(float(d) for d in scanner.isocentre)
        self.beam = fan_beam(shape, size, scanner.geometry, isocentre)
        attenuation = np.clip(np.asarray(slice_hu, np.float32) / 1000 + 1, 0, None) * np.float32(WATER)
        smoothing = _smoothing(self.beam.frequency, size)
        self.thickness = self.place.compute(self.beam, lambda beam: beam.project(attenuation, smoothing))
        geometry = scanner.geometry
        bowtie = bowtie_transmission(geometry.fan_angles, geometry.source_isocentre, scanner.bowtie)
        modulation = angular_modulation(self.thickness, scanner.modulation)
        views = geometry.views / REFERENCE_VIEWS
        self.photons = (scanner.photons / views * modulation[:, None] * bowtie).astype(np.float32)

    def variance(self, dose: float, reference: float = 1.0) -> np.ndarray:
        """Of the noise to add on each ray, float32 [views, channels], to bring `reference` of the dose to `dose`."""
        check_dose(dose, reference)
        scanner = self.scanner
        return added_variance(self.photons, self.thickness, scanner.electronic, dose, reference) / scanner.readings

    def own_variance(self, dose: float = 1.0) -> np.ndarray:
        """Of the whole noise that each ray has at `dose`, float32 [views, channels]."""
        return log_variance(self.photons * dose, self.thickness, self.scanner.electronic) / self.scanner.readings

    def noise(self, dose: float, rng: np.random.Generator, reference: float = 1.0) -> np.ndarray:
        """A draw of the noise in HU, float32 [rows, columns], that turns `reference` of the dose into `dose` of it."""
        return self.draw(self.variance(dose, reference), rng)

    def draw(self, variance: np.ndarray, rng: np.random.Generator, scanner: FanScanner | None = None) -> np.ndarray:
        """An image in HU, float32 [rows, columns], of Gaussian noise with this variance on the rays.

        scanner  one whose kernel to use instead of this one's
        The generator is NumPy's at every place: a seed gives the same noise but for the rounding of float32.
        """
        rays = rng.standard_normal(variance.shape, dtype=np.float32)
        rays *= np.sqrt(variance)
        apodisation = (scanner or self.scanner).apodisation(self.beam.frequency)
        image = self.place.compute(self.beam, lambda beam: beam.reconstruct(rays, apodisation))
        return image * np.float32(1000 / WATER)


def _smoothing(frequency: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    """Response of the Gaussian that frees the slice from its noise, and of the pixels, which end at their Nyquist."""
    gaussian = np.exp(-2 * (np.pi * SMOOTHING_MM * frequency) ** 2)
    return np.where(frequency <= 0.5 / max(size), gaussian, 0)
