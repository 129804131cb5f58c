"""The comparison picture: methods side by side in one window, their differences below, both with a scale in HU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..atomic import atomic_output
from ..errors import InputError
from .stacks import pixel_size

RESEARCH_USE = "For research use only"
Titled = tuple[str, np.ndarray]  # title, HU [rows, columns]

HEAD, BODY, LUNG = (0.0, 80.0), (-160.0, 240.0), (-1350.0, 150.0)  # W80 L40, W400 L40, W1500 L−600
_NICE = (1, 2, 3, 5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 800, 1000)  # HU
# Blue below, red above, the paper's white for zero; dark at the ends, or an edge drowns in noise.
DIFFERENCE_COLOURS = ("#053061", "#4393c3", "#ffffff", "#d6604d", "#67001f")

_PANEL, _TITLE, _GAP = 3.2, 0.28, 0.06  # inches; 512 pixels at 160 dots per inch
_HEADER, _FOOTER, _SCALES = 0.42, 0.32, 1.1
_DPI = 160
_MOST_COLUMNS = 5


def comparison_picture(
    path: str | Path,
    panels: Sequence[Titled],
    *,
    window: tuple[float, float] | None = None,
    differences: Sequence[Titled] = (),
    limit: float | None = None,
    spacing: float | Sequence[float] = 1.0,
    meaning: str = "difference = output − input",
    footer: str = "",
) -> None:
    """Draws slices in grey, with differences in blue–white–red under the panel of the same title.

    path         .png, .pdf or .svg
    panels       title and slice, HU [rows, columns]; the first decides the window where none is given
    window       (low, high) in HU, shared by all panels
    differences  title and difference (output − input, or − reference), HU; one that shares no title stands at the end
    limit        HU of full blue and red; from the differences' noise where none is given
    spacing      pixel size in mm, (between columns, between rows): the aspect of the picture
    meaning      of the differences, for the head of the picture
    footer       a line of the caller's (model, version, seed, …) before the note on research use
    Raises InputError without matplotlib, or where the file cannot be written.
    """
    try:
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.figure import Figure  # the object interface: no display, no global state
    except ImportError as error:
        raise InputError("Pictures need matplotlib: pip install matplotlib.") from error
    if not panels:
        raise ValueError("a comparison needs at least one panel")
    low, high = sensible_window(panels[0][1]) if window is None else window
    if limit is None and differences:
        limit = max(difference_limit(hu) for _, hu in differences)

    rows = _rows(panels, differences)
    columns = max(len(titled) for _, titled in rows)
    height = _PANEL * _height_over_width(panels[0][1], spacing)
    size = (columns * (_PANEL + _GAP) + _GAP + _SCALES, _HEADER + len(rows) * (height + _TITLE) + _FOOTER)
    figure = Figure(figsize=size, dpi=_DPI, facecolor="white")
    sheet = _Sheet(figure, size, height)

    blue_white_red = LinearSegmentedColormap.from_list("difference", DIFFERENCE_COLOURS)
    grey = colour = None
    for row, (is_difference, titled) in enumerate(rows):
        for column, item in enumerate(titled):
            if item is None:
                continue
            title, image = item
            if is_difference:
                title = f"{title}, difference"
                colour = sheet.panel(row, column, title, image, blue_white_red, (-limit, limit), spacing)
            else:
                grey = sheet.panel(row, column, title, image, "gray", (low, high), spacing)
    sheet.scale(grey, "HU", 0, 2 if colour is not None else 1)
    if colour is not None:
        sheet.scale(colour, "difference HU", 1, 2)

    header = f"Window {high - low:g} / level {(high + low) / 2:g} HU".replace("-", "−")
    if colour is not None:
        header += f"; {meaning}, ±{limit:g} HU"
    note = " · ".join(text for text in (footer, RESEARCH_USE) if text)
    sheet.lines(header, note)
    save_figure(figure, path)


def save_figure(figure, path: str | Path) -> None:
    """Writes a matplotlib figure whole or not at all; InputError for an ending that matplotlib does not know."""
    with atomic_output(path, overwrite=True) as draft:
        try:
            figure.savefig(draft)
        except ValueError as error:  # matplotlib's word for it
            raise InputError(
                f"A picture cannot be written as {Path(path).suffix or 'a file without ending'}: "
                "name it .png, .pdf or .svg."
            ) from error


def difference_limit(difference_hu: np.ndarray) -> float:
    """HU of full colour for a difference image: three robust standard deviations, to the next round number.

    Zeros do not count (padding, air that both images clip at the same value).
    """
    changed = np.abs(np.asarray(difference_hu, dtype=np.float64))
    changed = changed[changed > 0]
    wanted = 3 * float(np.quantile(changed, 0.683)) if changed.size else 0.0
    return float(next((value for value in _NICE if value >= wanted), _NICE[-1]))


def sensible_window(slice_hu: np.ndarray) -> tuple[float, float]:
    """(low, high) in HU for a slice [rows, columns]: head W80 L40, lung W1500 L−600, else soft tissue W400 L40.

    Decided by what fills the patient's outline: brain within a skull is mostly 0…80 HU with much bone and little fat;
    lung counts only where it is the greater part.
    """
    import SimpleITK as sitk
    from scipy.ndimage import binary_fill_holes, label

    smooth = sitk.GetArrayFromImage(sitk.Median(sitk.GetImageFromArray(np.asarray(slice_hu, np.float32)), [2, 2]))
    parts, count = label(smooth > -400)
    if count == 0:
        return BODY
    # The largest part with its cavities: neither table nor head rest nor arms beside the head.
    inside = smooth[binary_fill_holes(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))]

    def share(low: float, high: float) -> float:
        return float(np.mean((inside >= low) & (inside < high)))

    if share(-950, -500) > 0.5:
        return LUNG
    if share(0, 80) >= 0.4 and share(250, np.inf) >= 0.1 and share(-150, -30) < 0.15:
        return HEAD
    return BODY


def _rows(panels: Sequence[Titled], differences: Sequence[Titled]) -> list[tuple[bool, list[Titled | None]]]:
    """Rows of even length, five at most: (False, panels), each followed by (True, their differences) if any."""
    left = list(differences)
    pairs: list[tuple[Titled | None, Titled | None]] = []
    for panel in panels:
        match = next((number for number, item in enumerate(left) if item[0] == panel[0]), None)
        pairs.append((panel, None if match is None else left.pop(match)))
    pairs += [(None, item) for item in left]
    columns = math.ceil(len(pairs) / math.ceil(len(pairs) / _MOST_COLUMNS))
    rows: list[tuple[bool, list[Titled | None]]] = []
    for start in range(0, len(pairs), columns):
        for kind in (0, 1):
            row = [pair[kind] for pair in pairs[start : start + columns]]
            if any(item is not None for item in row):
                rows.append((bool(kind), row))
    return rows


def _height_over_width(image: np.ndarray, spacing: float | Sequence[float]) -> float:
    x, y = pixel_size(spacing)
    return float(np.clip(image.shape[0] * y / (image.shape[1] * x), 0.3, 2.5))


class _Sheet:
    """Places things on the figure in inches, from the top left."""

    def __init__(self, figure, size: tuple[float, float], height: float) -> None:
        self.figure, self.size, self.height = figure, size, height

    def axes(self, left: float, top: float, width: float, height: float):
        across, down = self.size
        return self.figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))

    def panel(self, row: int, column: int, title: str, image: np.ndarray, colours, limits, spacing):
        top = _HEADER + row * (self.height + _TITLE) + _TITLE
        axes = self.axes(_GAP + column * (_PANEL + _GAP), top, _PANEL, self.height)
        x, y = pixel_size(spacing)
        drawn = axes.imshow(image, cmap=colours, vmin=limits[0], vmax=limits[1], aspect=y / x)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(linewidth=0.5, color="0.6")
        axes.set_title(title, fontsize=min(11, 11 * 38 / max(1, len(title))), pad=4)
        return drawn

    def scale(self, drawn, label: str, place: int, places: int) -> None:
        across, down = self.size
        room = (down - _HEADER - _FOOTER) / places
        bar = self.axes(across - _SCALES + 0.12, _HEADER + _TITLE + place * room, 0.16, room - _TITLE)
        self.figure.colorbar(drawn, cax=bar).ax.tick_params(labelsize=9)
        bar.set_title(label, fontsize=9, loc="left", pad=7)

    def lines(self, header: str, note: str) -> None:
        across, down = self.size
        self.figure.text(_GAP / across, 1 - 0.14 / down, header, fontsize=12, va="top", ha="left")
        room = across - 2 * _GAP
        fontsize = min(9, 9 * room / (0.075 * max(1, len(note))))
        self.figure.text(_GAP / across, 0.12 / down, note, fontsize=fontsize, va="bottom", ha="left", color="0.25")
