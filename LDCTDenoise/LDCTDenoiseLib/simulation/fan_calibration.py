"""Kernel and amount of noise of the fan-beam scanner that made a volume, from the volume's own noise.

Above 0.25/mm a homogeneous place holds nearly nothing but noise, while below, vessels and soft edges add to it: so the
spectrum is compared there. What is fitted is the kernel exp(−½·(f/k)^order) and the photons of a reading. The
electronic noise and the number of readings that a slice averages are not: they decide how much more than √(1/a) times
the noise a low dose has, which a single volume does not show.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..quality.texture.noise import SOFT_TISSUE_HU, global_noise_level
from ..quality.texture.nps import NoisePowerSpectrum, find_rois, measure_nps
from .exposure import check_dose
from .fan_scanner import DoseSimulator, FanScanner
from .place import Place

LOWEST = 0.25  # 1/mm
LEAST_POWER = 0.03  # of the spectrum's maximum: weaker rings hold rounding and what leaks from the stronger
WIDTHS, ORDERS = (0.2, 2.0), (1.2, 5.0)  # limits of the kernel
LEAST_NOISE = 0.05  # HU; less is rounding
PHOTONS = (1e2, 1e9)  # of a reading
_ROUNDS, _DRAWS = 5, 3
_STEP = 0.75  # the variance falls with the first to second power of the photons: this converges for both
_USUAL_WIDTH, _USUAL_ORDER, _DOUBT = 0.5, 2.0, 0.1  # what decides where the spectrum leaves it open


def fitted_fan_scanner(
    hu: np.ndarray,
    spacing: tuple[float, float],
    scanner: FanScanner,
    reference: float = 1.0,
    fit_kernel: bool = True,
    place: Place | None = None,
) -> FanScanner:
    """The scanner with the photons, kernel and order that give the noise of axial slices.

    hu         [slices, rows, columns], HU: a few slices of the volume
    reference  fraction of the full dose that they stand for
    fit_kernel False leaves the scanner's kernel as it is
    place      where fan beams are computed
    Raises InputError where there is no noise to measure.
    """
    check_dose(reference / 2, reference)
    simulators = [DoseSimulator(slice_hu, spacing, scanner, place) for slice_hu in hu]
    rois = find_rois(hu, spacing)
    own = measure_nps(hu, rois, spacing)
    if len(rois) and not own.noise > LEAST_NOISE:
        raise InputError("There is no noise in this volume to measure: give photons and kernel yourself.")
    if fit_kernel:
        scanner = replace(scanner, kernel=_USUAL_WIDTH, order=_USUAL_ORDER)
    used = _rings_of_noise(own, scanner)
    rng, share = np.random.default_rng(0), 1.0  # of the scanner's photons
    for _ in range(_ROUNDS):
        variances = [simulator.own_variance(reference * share) for simulator in simulators]
        draws = [
            np.stack([s.draw(variance, rng, scanner) for s, variance in zip(simulators, variances, strict=True)])
            for _ in range(_DRAWS)
        ]
        if len(rois):
            made = np.mean([measure_nps(draw, rois, spacing).as_seen for draw in draws], axis=0)
            gain, scanner = _compare_spectra(own.frequency[used], (own.as_seen / made)[used], scanner, fit_kernel)
        else:
            gain = _gain_by_level(hu, draws[0], spacing)
        share = float(np.clip(share / gain**_STEP, *(limit / scanner.photons for limit in PHOTONS)))
    return replace(scanner, photons=scanner.photons * share)


def _rings_of_noise(own: NoisePowerSpectrum, scanner: FanScanner) -> np.ndarray:
    """bool [k]: the rings above LOWEST in which there is noise, and where the detector can make any."""
    if not own.rois:
        return np.zeros(0, bool)
    highest = min(own.frequency[-1], 0.45 / scanner.geometry.spacing)
    above = own.frequency >= min(LOWEST, highest / 2)
    strong = own.as_seen >= LEAST_POWER * own.as_seen.max()
    below = np.logical_and.accumulate(strong | ~above) & (own.frequency <= highest)
    first = np.argmax(above)
    below[first : first + 3] = True  # two parameters and a gain
    return above & below


def _compare_spectra(f, ratio, scanner: FanScanner, fit_kernel: bool) -> tuple[float, FanScanner]:
    """From the own spectrum over one made with `scanner`: its gain, and the scanner with a better kernel.

    log ratio = log gain + (f/k)^order of the scanner − (f/k)^order of the better one.
    """
    from scipy.optimize import least_squares

    ratio = np.log(ratio)
    if not fit_kernel:
        return float(np.exp(np.average(ratio, weights=f))), scanner  # a ring holds samples in proportion to its radius
    wanted = ratio - (f / scanner.kernel) ** scanner.order

    def misfit(x):
        log_gain, log_width, order = x
        doubt = _DOUBT * np.array([log_width - np.log(_USUAL_WIDTH), order - _USUAL_ORDER])
        return np.r_[np.sqrt(f) * (wanted - log_gain + (f / np.exp(log_width)) ** order), doubt]

    start = [0, np.log(scanner.kernel), scanner.order]
    limits = [-30, np.log(WIDTHS[0]), ORDERS[0]], [30, np.log(WIDTHS[1]), ORDERS[1]]
    log_gain, log_width, order = least_squares(misfit, np.clip(start, *limits), bounds=limits).x
    return float(np.exp(log_gain)), replace(scanner, kernel=float(np.exp(log_width)), order=float(order))


def _gain_by_level(hu: np.ndarray, drawn: np.ndarray, spacing) -> float:
    """Own over drawn variance where no place is homogeneous: from the global noise level."""
    gains = []
    for slice_hu, noise in zip(hu, drawn, strict=True):
        level = global_noise_level(slice_hu, spacing)
        tissue = (slice_hu >= SOFT_TISSUE_HU[0]) & (slice_hu <= SOFT_TISSUE_HU[1])
        if np.isfinite(level) and level > 0 and tissue.any():
            gains.append((level / noise[tissue].std()) ** 2)
    if not gains:
        raise InputError("The noise of this volume cannot be measured (no soft tissue): give the photons yourself.")
    return float(np.median(gains))
