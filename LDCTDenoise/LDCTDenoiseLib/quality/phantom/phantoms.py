"""Phantoms that are known exactly: discs, bars, edges, vessels, nodules in a body, drawn by code and without noise.

They show what a picture of a patient cannot: whether a method keeps contrast and edges, and whether it invents
anything. Drawn on a grid four times as fine, blurred by the scanner's point spread function, averaged to pixels.
All lengths in mm, x to the right and y down from the middle of the slice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SPACING, SIDE = 0.75, 512  # a body in 512 pixels
PSF_MM = 0.55  # σ of the point spread function: MTF 50 % at 0.34/mm, a soft to medium kernel
FINER = 4
PLAIN_MM = 4.0  # what lies this far from every structure is plain

AIR, LUNG, FAT, SOFT = -1000.0, -850.0, -100.0, 40.0
CONTRASTS = (-50, -20, -10, 10, 20, 50)  # HU against soft tissue, of the first slice
STRONG = (-800, -100, 100, 500)  # of the second
DIAMETERS = (3, 5, 8, 12, 20)
LESIONS, LESION_DIAMETERS = (15, 30), (3, 5, 8)
NODULES, GROUND_GLASS = (3, 4, 6, 8, 10), (5, 8, 12)  # diameters in lung
RODS, ROD_DIAMETER = (-100, 30, 100, 500), 36
FREQUENCIES = (0.15, 0.25, 0.35, 0.45, 0.55)  # line pairs per mm
BAR_CONTRASTS, BAR_SIDE = (100, 500), 18
VESSEL_WIDTHS, VESSEL_LENGTH = (1.0, 1.5, 2.0, 3.0), 56


@dataclass(frozen=True)
class Disc:
    """kind "disc", "lesion", "nodule" or "edge" (a rod wide enough to see its edge alone); contrast in HU."""

    kind: str
    x: float
    y: float
    diameter: float
    contrast: float

    @property
    def name(self) -> str:
        return f"{self.kind} {self.diameter:g} mm {self.contrast:+g} HU".replace("-", "−")


@dataclass(frozen=True)
class Pattern:
    """kind "bars" (size is their frequency in line pairs per mm) or "vessel" (its width in mm); in a box.

    half_width, half_height of the box in which the pattern alone is seen, mm
    """

    kind: str
    x: float
    y: float
    half_width: float
    half_height: float
    size: float
    contrast: float

    @property
    def name(self) -> str:
        unit = "lp/mm" if self.kind == "bars" else "mm"
        return f"{self.kind} {self.size:g} {unit} {self.contrast:+g} HU".replace("-", "−")


@dataclass(frozen=True)
class Phantom:
    """hu float32 [rows, columns], noise-free; plain bool, in the body and far from structures; air bool, outside."""

    name: str
    hu: np.ndarray
    spacing: float
    psf: float
    objects: tuple[Disc | Pattern, ...]
    plain: np.ndarray
    air: np.ndarray

    @property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """x [1, columns] and y [rows, 1] of the pixels."""
        rows, columns = self.hu.shape
        return _axis(columns, self.spacing)[None], _axis(rows, self.spacing)[:, None]


class Canvas:
    """The fine grid that is drawn on."""

    def __init__(self, side: int = SIDE, spacing: float = SPACING, psf: float = PSF_MM):
        self.side, self.spacing, self.psf = side, spacing, psf
        fine = _axis(side * FINER, spacing / FINER).astype(np.float32)
        self.x, self.y = fine[None], fine[:, None]
        self.hu = np.full((len(fine), len(fine)), AIR, np.float32)
        self.objects: list[Disc | Pattern] = []

    def ellipse(self, x: float, y: float, half_width: float, half_height: float, hu: float) -> None:
        self.hu[((self.x - x) / half_width) ** 2 + ((self.y - y) / half_height) ** 2 <= 1] = hu

    def disc(self, disc: Disc) -> None:
        inside = (self.x - disc.x) ** 2 + (self.y - disc.y) ** 2 <= (disc.diameter / 2) ** 2
        self.hu[inside] += np.float32(disc.contrast)
        self.objects.append(disc)

    def pattern(self, pattern: Pattern, drawn: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        """`drawn(x, y)` from the middle of the pattern: where its contrast is added."""
        self.hu[drawn(self.x - pattern.x, self.y - pattern.y)] += np.float32(pattern.contrast)
        self.objects.append(pattern)

    def finish(self, name: str) -> Phantom:
        from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

        blurred = gaussian_filter(self.hu, self.psf / self.spacing * FINER, mode="nearest")
        hu = blurred.reshape(self.side, FINER, self.side, FINER).mean(axis=(1, 3))
        window = 2 * round(PLAIN_MM / self.spacing) + 1
        even = maximum_filter(hu, window) - minimum_filter(hu, window) < 0.01
        air = hu < AIR + 50
        return Phantom(name, hu, self.spacing, self.psf, tuple(self.objects), even & ~air, even & air)


def phantoms(psf: float = PSF_MM) -> list[Phantom]:
    """The four slices: low contrast, high contrast with vessels, edges with bars, chest; each of about half a second.

    psf  σ of the point spread function in mm; about 0.3 to 0.9 for sharp to smooth kernels
    """
    return [make(psf) for make in (low_contrast, high_contrast, edges_and_bars, chest)]


def low_contrast(psf: float = PSF_MM) -> Phantom:
    canvas = _body(psf)
    columns = sorted([*((c, "disc") for c in CONTRASTS), *((c, "lesion") for c in LESIONS)])
    for x, (contrast, kind) in zip(np.arange(-126, 127, 36), columns, strict=True):
        _column(canvas, kind, float(x), contrast)
    return canvas.finish("low contrast")


def high_contrast(psf: float = PSF_MM) -> Phantom:
    canvas = _body(psf)
    for x, contrast in zip((-126, -90, -54, -18), STRONG, strict=True):
        _column(canvas, "disc", x, contrast)
    for x, width in zip((30, 60, 90, 120), VESSEL_WIDTHS, strict=True):
        _vessel(canvas, x, 0, width, contrast=150)
    return canvas.finish("high contrast")


def edges_and_bars(psf: float = PSF_MM) -> Phantom:
    canvas = _body(psf)
    for (x, y), contrast in zip(((-115, 0), (-68, -52), (-68, 42), (-22, -4)), RODS, strict=True):
        canvas.disc(Disc("edge", x, y, ROD_DIAMETER, contrast))
    for y, contrast in zip((-26, 20), BAR_CONTRASTS, strict=True):
        for x, frequency in zip(np.arange(22, 121, 24), FREQUENCIES, strict=True):
            _bars(canvas, float(x), y, frequency, contrast)
    return canvas.finish("edges and bars")


def chest(psf: float = PSF_MM) -> Phantom:
    canvas = _body(psf)
    for x in (-75, 75):
        canvas.ellipse(x, -5, 62, 78, LUNG)
    for y, diameter in zip(np.arange(-60, 61, 27), NODULES, strict=False):
        canvas.disc(Disc("nodule", -100, float(y), diameter, SOFT - LUNG))
    for y, diameter in zip((-40, -5, 30), GROUND_GLASS, strict=True):
        canvas.disc(Disc("nodule", -62, y, diameter, 250))
    for x, width in zip((42, 64, 86, 108), VESSEL_WIDTHS, strict=True):
        _vessel(canvas, x, -5, width, contrast=SOFT - LUNG)
    return canvas.finish("chest")


def _body(psf: float) -> Canvas:
    """An ellipse of soft tissue in a rim of fat, with a vertebra."""
    canvas = Canvas(psf=psf)
    canvas.ellipse(0, 0, 175, 130, FAT)
    canvas.ellipse(0, 0, 163, 118, SOFT)
    canvas.ellipse(0, 90, 20, 15, 900)  # cortical shell around
    canvas.ellipse(0, 90, 18, 13, 220)  # spongy bone
    return canvas


def _column(canvas: Canvas, kind: str, x: float, contrast: float) -> None:
    for y, diameter in zip((-52, -34, -12, 14, 46), DIAMETERS, strict=True):
        if kind == "disc" or diameter in LESION_DIAMETERS:
            canvas.disc(Disc(kind, x, y, diameter, contrast))


def _bars(canvas: Canvas, x: float, y: float, frequency: float, contrast: float) -> None:
    half = BAR_SIDE / 2

    def drawn(across: np.ndarray, down: np.ndarray) -> np.ndarray:
        return (np.cos(2 * np.pi * frequency * across) > 0) & (np.abs(across) <= half) & (np.abs(down) <= half)

    within = half - 2
    canvas.pattern(Pattern("bars", x, y, within, within, frequency, contrast), drawn)


def _vessel(canvas: Canvas, x: float, y: float, width: float, contrast: float) -> None:
    """Slanted by one in eight: a vessel along the pixels would be the easy case."""

    def drawn(across: np.ndarray, down: np.ndarray) -> np.ndarray:
        return (np.abs(across - down / 8) <= width / 2) & (np.abs(down) <= VESSEL_LENGTH / 2)

    half = VESSEL_LENGTH / 2 - 3
    canvas.pattern(Pattern("vessel", x, y, half / 8 + width / 2 + 3, half, width, contrast), drawn)


def _axis(count: int, spacing: float) -> np.ndarray:
    return (np.arange(count) - (count - 1) / 2) * spacing
