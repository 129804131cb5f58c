"""How well a method keeps what a phantom shows: contrast, edges, patterns, plain places; each with its standard error.

Everything is relative to the noise-free phantom as it was shown, already blurred by the scanner, so a method that does
nothing gets 100 %. Of noisy draws the mean image is measured, since what a method does to a structure on average is
its bias, and what scatters is noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .phantoms import Disc, Pattern, Phantom

AIM = 5.0  # % of contrast, edge width and modulation
FALSE_HU = 5.0  # largest structure in plain places: half of the faintest disc
SHIFT_HU = 2.0  # of the mean
GAP_MM, RING_MM = 2.0, 3.0  # the ring of background around a disc: its distance and its width


@dataclass(frozen=True)
class Kept:
    """One object of a phantom: kind, name, size and contrast; `kept` in %, 100 is perfect, ± standard error `error`."""

    kind: str
    name: str
    size: float
    contrast: float
    kept: float
    error: float

    @property
    def beyond(self) -> float:
        """How far from 100 % it certainly is: the deviation less two standard errors, not below 0."""
        return max(0.0, abs(self.kept - 100) - 2 * (self.error if np.isfinite(self.error) else 0.0))


@dataclass(frozen=True)
class Plain:
    """In the plain places of one phantom, HU: shift mean of output − phantom in the body; false_sd and false_max of
    what remains of the mean image; air_shift, and air_max in the air outside."""

    shift: float
    false_sd: float
    false_max: float
    air_shift: float
    air_max: float


def measure_objects(outputs: np.ndarray, phantom: Phantom) -> list[Kept]:
    """Every object of the phantom, from outputs [draws, rows, columns] in HU.

    A disc: (mean in its core − mean of the ring around) over the same of the phantom. A pattern: slope of the output on
    the phantom within its box. An edge: two entries, its contrast as of a disc, and "width": 100 · σ after / σ before
    of an error function fitted to its edge spread function.
    """
    found = []
    for thing in phantom.objects:
        values = np.array([_kept(image, phantom, thing) for image in outputs])
        found.append(_entry(thing.kind, thing.name, thing, values))
        if thing.kind == "edge":
            found.append(_edge(outputs, phantom, thing))
    return found


def measure_plain(outputs: np.ndarray, phantom: Phantom) -> Plain:
    """Of outputs [draws, rows, columns]. With several draws the structure is what two halves of them share:
    its standard deviation is the root of the covariance of the halves' means, so that noise does not count."""
    change = outputs.astype(np.float64) - phantom.hu
    mean = change.mean(axis=0)
    inside, outside = mean[phantom.plain], mean[phantom.air]
    shift = float(inside.mean())
    if len(outputs) > 1:
        first, second = (change[half::2].mean(axis=0)[phantom.plain] - shift for half in (0, 1))
        variance = float(np.mean(first * second))
    else:
        variance = float(np.mean((inside - shift) ** 2))
    return Plain(
        shift,
        float(np.sqrt(max(variance, 0))),
        float(np.abs(inside - shift).max()),
        float(outside.mean()) if outside.size else float("nan"),
        float(np.abs(outside).max()) if outside.size else float("nan"),
    )


def edge_spread(image: np.ndarray, phantom: Phantom, rod: Disc) -> tuple[np.ndarray, np.ndarray]:
    """Distance from the rod's edge in mm (outwards) and HU, of the pixels within 4 mm of it."""
    x, y = phantom.axes
    distance = np.hypot(x - rod.x, y - rod.y) - rod.diameter / 2
    near = np.abs(distance) <= 4
    return distance[near], image[near].astype(np.float64)


def edge_width(distance: np.ndarray, hu: np.ndarray, start: float = 0.6) -> float:
    """σ in mm of the Gaussian point spread function whose edge fits best; NaN where no edge is left."""
    from scipy.optimize import curve_fit
    from scipy.special import erfc

    def edge(d, outside, height, place, log_sigma):
        return outside + height / 2 * erfc((d - place) / (np.sqrt(2) * np.exp(log_sigma)))

    guess = (hu[distance > 2].mean(), hu[distance < -2].mean() - hu[distance > 2].mean(), 0.0, np.log(start))
    try:
        fitted, _ = curve_fit(edge, distance, hu, guess, maxfev=400)
    except (RuntimeError, ValueError):
        return float("nan")
    sigma = float(np.exp(np.clip(fitted[3], -5, 5)))
    return sigma if 0.02 < sigma < 20 else float("nan")


def mtf50(sigma: float) -> float:
    """Frequency in 1/mm at which a Gaussian point spread function of σ mm passes half: √(ln 4) / (2π σ)."""
    return float(np.sqrt(np.log(4)) / (2 * np.pi * sigma))


def _kept(image: np.ndarray, phantom: Phantom, thing: Disc | Pattern) -> float:
    x, y = phantom.axes
    if isinstance(thing, Pattern):
        box = (np.abs(x - thing.x) <= thing.half_width) & (np.abs(y - thing.y) <= thing.half_height)
        true, made = phantom.hu[box].astype(np.float64), image[box].astype(np.float64)
        true -= true.mean()
        return 100 * float((made * true).sum() / (true * true).sum())
    radius = thing.diameter / 2
    distance = np.hypot(x - thing.x, y - thing.y)
    core = distance <= max(0.6 * radius, phantom.spacing)
    if thing.kind == "edge":
        core = distance <= radius - GAP_MM
    ring = (distance >= radius + GAP_MM) & (distance <= radius + GAP_MM + RING_MM)
    made, true = (
        float(hu[core].mean(dtype=np.float64) - hu[ring].mean(dtype=np.float64)) for hu in (image, phantom.hu)
    )
    return 100 * made / true


def _edge(outputs: np.ndarray, phantom: Phantom, rod: Disc) -> Kept:
    """The width from the mean image; its error from leaving out one draw after the other (jackknife)."""
    before = edge_width(*edge_spread(phantom.hu, phantom, rod))
    draws = len(outputs)
    mean = outputs.mean(axis=0, dtype=np.float64)
    after = edge_width(*edge_spread(mean, phantom, rod))
    error = 0.0 if draws == 1 else float("nan")
    if draws > 1:
        left = [(mean * draws - image) / (draws - 1) for image in outputs]
        widths = np.array([edge_width(*edge_spread(image, phantom, rod)) for image in left])
        error = float(np.sqrt((draws - 1) * np.var(widths))) * 100 / before
    return Kept(
        "width", rod.name.replace("edge", "edge width"), rod.diameter, rod.contrast, 100 * after / before, error
    )


def _entry(kind: str, name: str, thing: Disc | Pattern, values: np.ndarray) -> Kept:
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    size = thing.size if isinstance(thing, Pattern) else thing.diameter
    return Kept(kind, name, size, thing.contrast, float(values.mean()), error)
