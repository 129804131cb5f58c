"""Hard cases made from normal-dose slices: low dose, other kernels and thicknesses, metal, photon starvation.

The noise of every case comes from the fan-beam scanner fitted to the volume, so "5 %" means of this scan's dose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..volume import CTVolume
from .calibration import calibrated_scanner
from .exposure import WATER, added_variance, log_variance
from .fan_scanner import KERNELS, TYPICAL, DoseSimulator, FanScanner

FULL = "dose 100 %"
DOSES = (0.05, 0.1, 0.25, 0.5, 0.75)
QUARTER = 0.25  # of the cases that are not about dose
THICKNESSES = (0.5, 1.0, 3.0, 5.0)  # mm
LIMITS = (-1024.0, 3071.0)  # what scanners store
MOST_SHARPENING = 3.0  # beyond, a sharper kernel would only show the rounding of the stored values

METAL_HU, METAL_RADIUS = 6000.0, 14.0  # a steel head of a hip prosthesis, as its mean in the beam; mm
HARDENED = (0.6, 1.4)  # attenuation of metal at two energies over its mean: what the beam loses first
SHOULDERS = 0.6  # how much longer the path is from the side, as a share of the path


@dataclass(frozen=True)
class HardCase:
    """name of the condition; what a method is shown and what it should come near to, HU [slices, rows, columns]."""

    name: str
    low: np.ndarray
    reference: np.ndarray


def case_count(volume: CTVolume) -> int:
    """How many cases `hard_cases` makes of a volume."""
    thick = sum(_slices_averaged(volume, t) is not None for t in THICKNESSES)
    return 1 + len(DOSES) + len(KERNELS) + thick + 2


def fitted_scanner(volume: CTVolume) -> tuple[FanScanner, bool]:
    """The scanner of the volume's noise and True, or a typical one and False where no noise can be measured."""
    try:
        return calibrated_scanner(volume, TYPICAL), True
    except InputError:
        return TYPICAL, False


def hard_cases(volume: CTVolume, numbers: list[int], scanner: FanScanner, seed: int = 0) -> Iterator[HardCase]:
    """Every case of the chosen slices of a volume in standard orientation; thick slices average their neighbours.

    The first is the volume itself. Thin slices have the noise that fewer photons make, √(thickness); their reference
    is the volume's own slice, the cleanest truth there is.
    """
    volume = replace(volume, hu=_stored(volume.hu))  # padding far below air is as dark as air
    hu, spacing = volume.hu[numbers], volume.spacing[:2]
    yield HardCase(FULL, hu.copy(), hu)
    painted = _painted(hu)

    def low(image: np.ndarray) -> np.ndarray:
        return np.where(painted, hu, _stored(image))

    simulators = [DoseSimulator(slice_hu, spacing, scanner) for slice_hu in hu]
    rngs = [np.random.default_rng([seed, number]) for number in numbers]

    def noise(dose: float, share: float = 1.0, kernel: FanScanner | None = None) -> np.ndarray:
        """Of all slices at `dose`, its variance multiplied by `share`."""
        pairs = zip(simulators, rngs, strict=True)
        return np.stack([s.draw(s.variance(dose) * np.float32(share), rng, kernel) for s, rng in pairs])

    for dose in DOSES:
        yield HardCase(f"dose {100 * dose:g} %", low(hu + noise(dose)), hu)
    for name, width in KERNELS.items():
        kernel = replace(scanner, kernel=width, order=2.0)
        seen = np.stack([with_kernel(slice_hu, spacing, scanner, kernel) for slice_hu in hu])
        yield HardCase(f"{name} kernel, dose 25 %", low(seen + noise(QUARTER, kernel=kernel)), low(seen))
    for thickness in THICKNESSES:
        averaged = _slices_averaged(volume, thickness)
        if averaged is None:
            continue
        name = f"{thickness:g} mm, dose 25 %"
        if averaged > 1:
            thick = np.stack([_average(volume.hu, number, averaged) for number in numbers])
            yield HardCase(name, low(thick + noise(QUARTER, 1 / averaged)), thick)
        else:
            yield HardCase(name, low(hu + noise(QUARTER * thickness / volume.spacing[2])), hu)
    made = [with_metal(*one, spacing) for one in zip(hu, simulators, rngs, strict=True)]
    yield HardCase("metal, dose 25 %", *(low(np.stack(part)) for part in zip(*made, strict=True)))
    starved = [starvation_noise(*one) for one in zip(simulators, rngs, strict=True)]
    yield HardCase("shoulders, dose 5 %", low(hu + np.stack(starved)), hu)


def with_kernel(slice_hu: np.ndarray, spacing: tuple[float, float], own: FanScanner, wanted: FanScanner) -> np.ndarray:
    """The slice as another kernel would show it: its spectrum times the ratio of the two apodisations."""
    rows, columns = slice_hu.shape
    frequency = np.hypot(np.fft.fftfreq(rows, spacing[1])[:, None], np.fft.rfftfreq(columns, spacing[0])[None])
    with np.errstate(divide="ignore", over="ignore"):
        ratio = wanted.apodisation(frequency) / np.maximum(own.apodisation(frequency), 1e-12)
    spectrum = np.fft.rfft2(slice_hu.astype(np.float64)) * np.minimum(ratio, MOST_SHARPENING)
    return np.fft.irfft2(spectrum, slice_hu.shape).astype(np.float32)


def with_metal(
    slice_hu: np.ndarray, simulator: DoseSimulator, rng: np.random.Generator, spacing: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Two hip heads in the body: (quarter dose, normal dose), both with the streaks of hardening and starvation.

    Only the error of the projections is reconstructed and added: what the metal's lines read too little because the
    beam hardens, and the noise of the few photons that get through.
    """
    metal = _hips(slice_hu, spacing)
    beam, scanner = simulator.beam, simulator.scanner
    lines = np.clip(beam.project(metal * np.float32(WATER / 1000)), 0, None)
    weak, strong = (0.5 * np.exp(-share * lines.astype(np.float64)) for share in HARDENED)
    hardening = (-np.log(weak + strong) - lines).astype(np.float32)
    artefact = beam.reconstruct(hardening, scanner.apodisation(beam.frequency)) * np.float32(1000 / WATER)
    thickness = simulator.thickness + lines
    own = log_variance(simulator.photons, thickness, scanner.electronic) / scanner.readings - simulator.own_variance()
    normal = slice_hu + metal + artefact + simulator.draw(np.maximum(own, 0), rng)
    less = added_variance(simulator.photons, thickness, scanner.electronic, QUARTER) / scanner.readings
    return _stored(normal + simulator.draw(less, rng)), _stored(normal)


def starvation_noise(simulator: DoseSimulator, rng: np.random.Generator, dose: float = 0.05) -> np.ndarray:
    """Noise in HU at 5 % dose and constant tube current, where all lines from the side pass through shoulders."""
    scanner, views = simulator.scanner, simulator.beam.geometry.views
    sideways = np.sin(2 * np.pi * np.arange(views) / views)[:, None] ** 2  # view 0 measures along the rows
    thickness = simulator.thickness * (1 + SHOULDERS * sideways).astype(np.float32)
    photons = np.float32(simulator.photons.mean())
    return simulator.draw(added_variance(photons, thickness, scanner.electronic, dose) / scanner.readings, rng)


def _hips(slice_hu: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    """HU to add, float32: two discs half-way between the body's middle and its sides, soft at the rim."""
    rows, columns = (np.flatnonzero((slice_hu > -300).mean(axis=axis) > 0.1) for axis in (1, 0))
    metal = np.zeros(slice_hu.shape, np.float32)
    if not len(rows) or not len(columns):
        return metal
    middle, quarter = (columns[0] + columns[-1]) / 2, (columns[-1] - columns[0]) / 4
    y = ((np.arange(slice_hu.shape[0]) - rows.mean()) * spacing[1])[:, None]
    radius = min(METAL_RADIUS, quarter * spacing[0] / 2)  # a head is narrower than a pelvis
    for side in (-1, 1):
        x = ((np.arange(slice_hu.shape[1]) - middle - side * quarter) * spacing[0])[None]
        metal += METAL_HU * np.clip((radius - np.hypot(x, y)) / spacing[0] + 0.5, 0, 1).astype(np.float32)
    return metal


def _slices_averaged(volume: CTVolume, thickness: float) -> int | None:
    """How many slices make one of `thickness`; 1 for thinner than its own, None where nothing would change."""
    own = volume.spacing[2]
    if thickness < 0.95 * own:
        return 1
    count = round(thickness / own)
    return count if 1 < count <= len(volume.hu) else None


def _average(hu: np.ndarray, number: int, count: int) -> np.ndarray:
    first = int(np.clip(number - count // 2, 0, len(hu) - count))
    return hu[first : first + count].mean(axis=0, dtype=np.float64).astype(np.float32)


def _painted(hu: np.ndarray) -> np.ndarray:
    """bool like the slices: wide places of one and the same lowest value, where the scanner reconstructed nothing."""
    from scipy.ndimage import maximum_filter

    return maximum_filter(hu, (1, 7, 7)) <= max(LIMITS[0], float(hu.min()))


def _stored(hu: np.ndarray) -> np.ndarray:
    return np.clip(hu, *LIMITS).astype(np.float32)
