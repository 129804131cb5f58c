"""Noise level, texture and sharpness measured on a picture of which they are known: noise of a given spectrum in a
round body with a round insert, both blurred by a known point spread function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..edges.places import find_edges
from ..edges.profiles import BIN_MM
from ..edges.response import edge_response
from ..phantom.phantoms import SOFT, Canvas, Disc
from ..texture.noise import global_noise_level
from ..texture.nps import measure_nps
from ..texture.rois import find_rois
from .removal import ct_noise, noise_power

SIDE, SPACING = 384, 0.75
BODY_MM, INSERT_MM, INSERT_HU = 125.0, 70.0, 100.0  # radii; the insert is the faint edge, the skin the strong one
BLURS_MM = (0.4, 0.6, 0.9)
NOISES = (5.0, 20.0, 50.0)
_EDGE_NOISE, _SLICES = 10.0, 3


@dataclass(frozen=True)
class Figure:
    """A figure whose value is `known`, what was measured, and its standard error where it has one (else NaN)."""

    title: str
    unit: str
    known: float
    measured: float
    error: float


def known_figures(seed: int = 0) -> Iterator[Figure]:
    """All of them; about five seconds."""
    pair = (SPACING, SPACING)
    shape = (_SLICES, SIDE, SIDE)
    for sd in NOISES:
        rng = np.random.default_rng([seed, int(sd)])
        white = (SOFT + sd * rng.standard_normal(shape)).astype(np.float32)
        yield Figure(f"noise level, white noise of {sd:g} HU", "HU", sd, global_noise_level(white, pair), float("nan"))
        hu = SOFT + ct_noise(shape, pair, sd, rng)
        rois = find_rois(hu, pair)
        nps, name = measure_nps(hu, rois, pair), f"noise of {sd:g} HU from a soft kernel"
        error = float(getattr(nps, "mean_error", np.nan))
        yield Figure(f"mean frequency, {name}", "1/mm", _known_mean(), nps.mean, error)
    for sigma in BLURS_MM:
        clean = round_body(sigma)
        rng = np.random.default_rng([seed, int(100 * sigma)])
        hu = clean + ct_noise((_SLICES, *clean.shape), pair, _EDGE_NOISE, rng)
        edges = find_edges(hu, pair)
        for group, what in (("strong", "skin"), ("faint", f"insert of {INSERT_HU:g} HU")):
            found = edge_response(hu, edges, group, pair)
            name = f"{what}, blur of {sigma:g} mm, noise of {_EDGE_NOISE:g} HU"
            yield Figure(f"10–90 % width, {name}", "mm", known_width(sigma), found.width, found.width_error)


def round_body(sigma: float) -> np.ndarray:
    """A disc of soft tissue in air with a brighter disc in it, float32 [rows, columns]; σ of the blur in mm."""
    canvas = Canvas(SIDE, SPACING, sigma)
    canvas.ellipse(0, 0, BODY_MM, BODY_MM, SOFT)
    canvas.disc(Disc("edge", 0, 0, 2 * INSERT_MM, INSERT_HU))
    return canvas.finish("round body").hu


def known_width(sigma: float) -> float:
    """10–90 % width in mm of a straight edge with a Gaussian blur of σ, averaged over pixels and bins of distance.

    A square pixel adds the variance of a uniform distribution, width²/12 in any direction.
    """
    return float(2 * 1.2815516 * np.sqrt(sigma**2 + (SPACING**2 + BIN_MM**2) / 12))


def _known_mean() -> float:
    """Mean frequency in 1/mm of the spectrum of `ct_noise` itself, up to Nyquist."""
    frequency = np.linspace(0, 0.5 / SPACING, 10001)
    power = noise_power(frequency)
    return float((frequency * power).sum() / power.sum())
