"""How a figure grows with the work: a start that is always paid, and a part that grows with a power of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLAT = 1.1  # values of no more than this times the smallest have not begun to grow
FEWEST = 4  # points that three numbers can be fitted to and still scatter
NEAR = 0.1  # a line that no point leaves by more than this share tells all there is to know
VAGUE = 0.5  # an exponent known no better than this tells nothing
TOO_FAST = "MORE THAN LINEAR"


@dataclass(frozen=True)
class Growth:
    """The fits of y over x; relative errors count, so that small and large amounts of work weigh alike.

    A peak of memory is the larger of two, that of the start (imports, the model) and that of the work. So the points
    of the start, if y stays there at first, are no part of the fits of what comes after.

    floor         largest y of the points that have not begun to grow
    start, rate   of the straight line y = start + rate · x, through the other points
    off           largest distance of one of them from that line, as a share of the line's value
    exponent      p of y = start' + rate' · xᵖ; None where y is flat or points are too few
    error         half of its 95 % interval; wider where points scatter more than was told
    """

    floor: float
    start: float
    rate: float
    off: float
    exponent: float | None = None
    error: float | None = None
    is_flat: bool = False

    def line(self, x: np.ndarray) -> np.ndarray:
        return np.maximum(self.floor, self.start + self.rate * x)

    def verdict(self, tolerance: float) -> str:
        """In words; `tolerance` of the exponent, or its error if that is more.

        Where a start of seconds hides most of the work the exponent exaggerates, so the line has a say too.
        """
        if self.exponent is None:
            return "flat" if self.is_flat else "too few points"
        if self.error > VAGUE:
            return "undecided"
        if self.off <= NEAR or abs(self.exponent - 1) <= max(tolerance, self.error):
            return "linear"
        return TOO_FAST if self.exponent > 1 else "less than linear"


def fit(x: np.ndarray, y: np.ndarray, scatter: float) -> Growth:
    """x (rising) and y [points], both positive. Least squares of relative differences.

    scatter  standard deviation of y as a share of it, from one run of the same work to the next
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if y.max() <= FLAT * y.min():
        return Growth(float(np.median(y)), float(np.median(y)), 0.0, float(np.ptp(y) / y.min()), is_flat=True)
    still = y <= FLAT * y.min()
    first = int(np.argmin(still))  # of those that grow
    first -= int(first == 1)  # one point alone is no floor
    x, y, floor = x[first:], y[first:], float(y[:first].max(initial=0.0))
    start, rate = _line(x, y)
    off = float(np.max(np.abs(y / (start + rate * x) - 1)))
    if len(x) < FEWEST:
        return Growth(floor, start, rate, off)
    return Growth(floor, start, rate, off, *_power(x, y, start, rate, scatter))


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Start and rate, neither negative: a command takes no less than nothing."""
    from scipy.optimize import nnls

    start, rate = nnls(np.stack([np.ones_like(x), x], 1) / y[:, None], np.ones_like(y))[0]
    return float(start), float(rate)


def _power(x: np.ndarray, y: np.ndarray, start: float, rate: float, scatter: float) -> tuple[float, float]:
    """The exponent and half of its 95 % interval; the line is the first guess."""
    from scipy.optimize import least_squares

    top, tiny = x.max(), 1e-9 * y.max()

    def residuals(wanted: np.ndarray) -> np.ndarray:
        base, grown, power = wanted
        return np.log(y) - np.log(base + grown * (x / top) ** power)

    bounds = [tiny, tiny, 0.05], [y.min(), 10 * y.max(), 4.0]
    guess = np.clip(
        [start, rate * top, 1.0], *(np.multiply(bound, share) for bound, share in zip(bounds, (2, 0.9), strict=True))
    )
    found = least_squares(residuals, guess, bounds=bounds, x_scale=guess)
    seen = np.sqrt(2 * found.cost / max(1, len(x) - len(guess)))
    covariance = np.linalg.pinv(found.jac.T @ found.jac)
    return float(found.x[2]), float(1.96 * max(scatter, seen) * np.sqrt(covariance[2, 2]))
