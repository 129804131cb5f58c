"""What squares show of a noise power spectrum, and the spectrum freed of it.

A square of finite size smears a spectrum: the autocovariance at the lag l counts side − |l| times, and of a narrow
spectrum much power leaks to frequencies where there is none. The trend that is taken from it takes slow noise too:
43 % of the first ring of white noise. Both are linear and known, so they can be undone: `unsmeared` finds the
non-negative curve that squares would show as they were measured (Richardson–Lucy's iteration, stopped early, which
does not blow up noise). What lies between the rings or below the first stays out of reach.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .rings import rings_of, slow_part
from .rois import trend_basis

_ITERATIONS = 5  # on known spectra the mean frequency is right within 1 % after three; narrow ones need more
_FINE = 4  # points between two frequencies of the square


def unsmeared(curves: np.ndarray, side: int, spacing: tuple[float, float]) -> np.ndarray:
    """Curves [..., k], as averages over squares show them without their trend, freed of what squares do to them."""
    response = square_response(side, spacing)
    frequency = rings_of(side, spacing).frequency
    held = curves > 0
    freed = curves / response.sum(axis=1)
    for _ in range(_ITERATIONS):
        zero = freed[..., :1] * (1 - slow_part(frequency, freed)[0][..., None])
        shown = np.concatenate([zero, freed], axis=-1) @ response.T
        freed = freed * np.divide(curves, shown, out=np.ones_like(shown), where=held & (shown > 0))
    return freed


@lru_cache(maxsize=8)
def square_response(side: int, spacing: tuple[float, float]) -> np.ndarray:
    """[k, k + 1]: the rings that squares show on average without their trend, of a radial spectrum that is 1 at zero
    frequency or at one ring, falls in straight lines to its neighbours, and goes on as it is beyond the last ring."""
    rings = rings_of(side, spacing)
    nodes = np.append(0, rings.frequency)
    far = [np.fft.fftfreq(_FINE * side, step) for step in spacing]
    radius = np.hypot(far[1][:, None], far[0][None, :])
    hats = [np.interp(radius, nodes, weights) for weights in np.eye(len(nodes))]
    return np.stack([rings.of(_shown(np.fft.ifft2(hat).real, side)) for hat in hats], axis=1)


def _shown(covariance: np.ndarray, side: int) -> np.ndarray:
    """Expected |DFT|² / side² of squares less their trend; covariance [n, n], n ≥ 2·side, periodic, zero lag first."""
    lag = np.arange(1 - side, side)
    covariance = covariance[np.ix_(lag, lag)]
    times = 1 - np.abs(lag) / side
    folded = np.zeros((side, side))
    np.add.at(folded, np.ix_(lag % side, lag % side), covariance * np.outer(times, times))
    # With the projection Q Qᵀ on the trend: diag F (1 − QQᵀ) C (1 − QQᵀ) Fᴴ.
    trend = trend_basis(side).T.reshape(-1, side, side)
    kernel = np.zeros((2 * side, 2 * side))
    kernel[np.ix_(lag, lag)] = covariance
    spread = np.fft.ifft2(np.fft.fft2(trend, kernel.shape) * np.fft.fft2(kernel).real).real[:, :side, :side]
    own, crossed = np.fft.fft2(trend) / side, np.fft.fft2(spread) / side
    held = np.einsum("ixy,jxy->ij", trend, spread)
    taken = 2 * np.sum(crossed * own.conj(), axis=0) - np.einsum("ixy,ij,jxy->xy", own, held, own.conj())
    return np.fft.fft2(folded).real - taken.real
