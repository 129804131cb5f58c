"""The pictures as HTML: strips of one slice, image beside image, each strip with its scale in HU.

Every slice is embedded once, as PNG in an SVG measured in mm; marks and enlarged details are drawn by the browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..measurement.subject import INPUT
from ..picture import difference_limit
from .figures import Figures
from .pictures import Pictures, crop_to, outline
from .png import BLUE_WHITE_RED, GREY, NOISE, Colours, data_uri, palette, shrunk
from .text import esc

_MOST_COLUMNS = 5
_DETAIL = 0.3  # side of the enlarged square, as a share of the shorter side of the slice
_NOISE_SHRINK = 3  # a map of local noise resolves centimetres
_NOISE_LIMITS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500, 1000)  # HU
Square = tuple[float, float, float]  # left, top, side; mm


def picture_strips(pictures: Pictures, document: Mapping[str, Any], levels: int = 256, shrink: int = 1) -> str:
    """The section's HTML. levels: of grey; shrink: pixels averaged in each direction; both for a smaller file."""
    figures = Figures(dict(document))
    names = [name for name in figures.images if name in pictures.images]
    columns = -(-len(names) // -(-len(names) // _MOST_COLUMNS))  # rows of even length
    sheet = _Sheet(pictures, document, columns, levels, shrink)
    titles = {name: figures.title(name) for name in names}
    parts = [sheet.strip(_windowed(pictures.window), GREY, pictures.window, sheet.slices(names, titles, first=True))]
    parts.append(sheet.strip("Detail, enlarged", GREY, pictures.window, sheet.details(names, titles)))
    parts.append(_differences(sheet, names, titles))
    if pictures.noise_maps:
        parts.append(_noise(sheet, [name for name in names if name in pictures.noise_maps], titles))
    if pictures.second_window:
        second = sheet.slices(names, titles, first=False)
        parts.append(sheet.strip(_windowed(pictures.second_window), GREY, pictures.second_window, second))
    return "\n".join(parts)


def _differences(sheet: _Sheet, names: list[str], titles: Mapping[str, str]) -> str:
    """Each image less the input, beside the input with the places where noise and sharpness were measured."""
    images = sheet.pictures.images
    changes = {name: np.subtract(images[name], images[INPUT], dtype=np.float32) for name in names if name != INPUT}
    where = sheet.figure("Where it was measured", sheet.use() + sheet.marks(), "places of measurement")
    if not changes:
        return f'<div class="strip" style="--n:{sheet.columns}"><div class="cells">{where}</div></div>'
    limit = max(difference_limit(change) for change in changes.values())
    cells = [where]
    for name, change in changes.items():
        drawn = sheet.image(change, (-limit, limit), BLUE_WHITE_RED, min(61, sheet.levels - 1))
        cells.append(sheet.figure(f"{titles[name]} − {titles[INPUT]}", drawn, f"difference of {titles[name]}"))
    return sheet.strip("Difference from the input", BLUE_WHITE_RED, (-limit, limit), cells)


def _noise(sheet: _Sheet, names: list[str], titles: Mapping[str, str]) -> str:
    maps = sheet.pictures.noise_maps
    middle, high = np.quantile(np.nan_to_num(maps[names[0]])[sheet.body], (0.5, 0.95))
    wanted = min(1.1 * high, 3 * middle)  # streaks and the rim of the patient shall not flatten the rest
    limits = (0.0, float(next((limit for limit in _NOISE_LIMITS if limit >= wanted), _NOISE_LIMITS[-1])))
    cells = []
    for name in names:
        drawn = sheet.image(maps[name], limits, NOISE, min(48, sheet.levels), shrink=_NOISE_SHRINK * sheet.shrink)
        cells.append(sheet.figure(titles[name], drawn, f"local noise of {titles[name]}"))
    return sheet.strip("Local noise (standard deviation)", NOISE, limits, cells)


class _Sheet:
    """Draws cells of one slice, cropped to the patient; coordinates are mm from the whole slice's upper left corner."""

    def __init__(self, pictures: Pictures, document: Mapping[str, Any], columns: int, levels: int, shrink: int) -> None:
        self.pictures, self.columns, self.levels, self.shrink = pictures, columns, levels, shrink
        self.pixel = pictures.spacing
        self.body = outline(next(iter(pictures.images.values())))
        self.crop = crop_to(self.body, self.pixel)
        rows, columns_shown = self.crop
        self.corner = (columns_shown.start * self.pixel[0], rows.start * self.pixel[1])
        self.size = (
            (columns_shown.stop - columns_shown.start) * self.pixel[0],
            (rows.stop - rows.start) * self.pixel[1],
        )
        rois = document.get("rois") or {}
        self.rois = [(c * self.pixel[0], r * self.pixel[1]) for s, r, c in rois.get("corners", []) if self._shown(s)]
        self.side = rois.get("side", 0)
        edges = [(c, r) for s, r, c in document.get("edges", []) if self._shown(s)]
        self.edges = (np.array(edges, float).reshape(-1, 2) + 0.5) * self.pixel
        self.square = self._busiest_square()

    def _shown(self, number: int) -> bool:
        return int(number) == self.pictures.slice_number

    def strip(self, title: str, colours: Colours, limits: tuple[float, float], cells: list[str]) -> str:
        scale = _scale(colours, limits)
        return (
            f'<div class="strip" style="--n:{self.columns}"><div class="head"><h3>{esc(title)}</h3>{scale}</div>'
            f'<div class="cells">{"".join(cells)}</div></div>'
        )

    def slices(self, names: list[str], titles: Mapping[str, str], first: bool) -> list[str]:
        limits = self.pictures.window if first else self.pictures.second_window
        cells = []
        for number, name in enumerate(names):
            key = f' id="slice{number}"' if first else ""
            drawn = self.image(self.pictures.images[name], limits, GREY, self.levels, key)
            cells.append(self.figure(titles[name], drawn + self._ruler(), f"slice of {titles[name]}"))
        return cells

    def details(self, names: list[str], titles: Mapping[str, str]) -> list[str]:
        left, top, side = self.square
        view = f"{left:.2f} {top:.2f} {side:.2f} {side:.2f}"
        return [
            self.figure(titles[name], self.use(number), f"detail of {titles[name]}", view)
            for number, name in enumerate(names)
        ]

    def image(self, hu: np.ndarray, limits, colours: Colours, levels: int, key: str = "", shrink: int = 0) -> str:
        (left, top), by = self.corner, shrink or self.shrink
        shown = shrunk(np.asarray(hu)[self.crop], by)
        width, height = (by * count * pixel for count, pixel in zip(shown.shape[::-1], self.pixel, strict=True))
        return (
            f'<image{key} x="{left:.3f}" y="{top:.3f}" width="{width:.3f}" height="{height:.3f}" '
            f'preserveAspectRatio="none" href="{data_uri(shown, limits, colours, levels)}"/>'
        )

    def use(self, number: int = 0) -> str:
        """A slice of the first strip once more, without its bytes."""
        return f'<use href="#slice{number}"/>'

    def figure(self, caption: str, drawn: str, said: str, view: str = "") -> str:
        view = view or " ".join(f"{value:.3f}" for value in (*self.corner, *self.size))
        return (
            f'<figure><svg viewBox="{view}" role="img" aria-label="{esc(said)}">{drawn}</svg>'
            f"<figcaption>{esc(caption)}</figcaption></figure>"
        )

    def marks(self) -> str:
        """ROIs as squares, edges as dots, the enlarged detail as a dashed square."""
        across, down = self.side * self.pixel[0], self.side * self.pixel[1]
        rois = "".join(
            f'<rect class="roi" x="{x:.2f}" y="{y:.2f}" width="{across:.2f}" height="{down:.2f}"/>'
            for x, y in self.rois
        )
        radius = self.size[0] / 260
        dots = "".join(f'<circle class="edge" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.2f}"/>' for x, y in self.edges)
        left, top, side = self.square
        return f'{dots}{rois}<rect class="detail" x="{left:.2f}" y="{top:.2f}" width="{side:.2f}" height="{side:.2f}"/>'

    def _ruler(self) -> str:
        """A bar of 50 mm (10 mm on small slices) at the lower left."""
        width, height = self.size
        if width < 25:
            return ""
        length = 50 if width >= 150 else 10
        x, y = self.corner[0] + 0.035 * width, self.corner[1] + 0.965 * height
        return (
            f'<path class="ruler" d="M{x:.1f} {y:.1f}h{length}"/><text class="ruler" x="{x:.1f}" '
            f'y="{y - width / 80:.1f}" font-size="{width / 24:.1f}">{length} mm</text>'
        )

    def _busiest_square(self) -> Square:
        """Where most edges are; the middle of the slice where none is."""
        side = _DETAIL * min(self.size)
        first, last = np.array(self.corner), np.add(self.corner, self.size) - side
        centre = np.add(self.corner, np.divide(self.size, 2))
        places = [place for place in self.edges if self._within(place, side)]
        if places:
            near = np.abs(self.edges[None] - np.array(places)[:, None]).max(axis=2) < side / 2
            centre = places[int(np.argmax(near.sum(axis=1)))]
        left, top = np.clip(centre - side / 2, first, last)
        return float(left), float(top), side

    def _within(self, place: np.ndarray, side: float) -> bool:
        """Whether the square around a place lies in the patient, all but a corner: skin and air are no detail."""
        part = self.body
        for axis, (centre, pixel) in enumerate(zip(place[::-1], self.pixel[::-1], strict=True)):
            first = int(np.clip((centre - side / 2) / pixel, 0, part.shape[axis] - 1))
            part = part.take(range(first, max(first + 1, int((centre + side / 2) / pixel))), axis, mode="clip")
        return bool(part.mean() > 0.9)


def _windowed(window: tuple[float, float]) -> str:
    low, high = window
    return f"Window {high - low:g}, level {(high + low) / 2:g} HU".replace("-", "−")


def _scale(colours: Colours, limits: tuple[float, float]) -> str:
    """A bar of the colours between its two ends in HU."""
    steps = palette(colours, 24)
    bars = "".join(
        f'<rect x="{5 * i}" width="5.2" height="9" fill="#{r:02x}{g:02x}{b:02x}"/>' for i, (r, g, b) in enumerate(steps)
    )
    low, high = (f"{value:g}".replace("-", "−") for value in limits)
    high = f"+{high}" if limits[0] == -limits[1] else high
    return (
        f'<span class="scale">{low} <svg viewBox="0 0 120 9" role="img" aria-label="from {low} to {high} HU">{bars}'
        f'<rect class="frame" width="120" height="9"/></svg> {high} HU</span>'
    )
