"""A sheet of pictures: rows of slices, each in its own window or as a difference, for reports and training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from .picture import BODY, DIFFERENCE_COLOURS, LUNG, RESEARCH_USE, difference_limit, save_figure
from .stacks import pixel_size

_PANEL, _TITLE, _GAP, _HEADER, _FOOTER = 3.2, 0.26, 0.06, 0.36, 0.28  # inches; 512 pixels at 160 dots per inch
_DPI = 160


@dataclass(frozen=True)
class Cell:
    """One picture: hu [rows, columns], shown from limits[0] to limits[1] HU in grey, or in blue–white–red."""

    title: str
    hu: np.ndarray
    limits: tuple[float, float]
    difference: bool = False


def picture_sheet(
    path: str | Path,
    rows: Sequence[Sequence[Cell | None]],
    *,
    spacing: float | Sequence[float] = 1.0,
    header: str = "",
    footer: str = "",
) -> None:
    """Draws the rows one below the other; None leaves a place empty. Each title tells its window.

    path     .png, .pdf or .svg
    spacing  pixel size in mm, (between columns, between rows): the aspect of the pictures
    Raises InputError without matplotlib, or where the file cannot be written.
    """
    try:
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.figure import Figure  # the object interface: no display, no global state
    except ImportError as error:
        raise InputError("Pictures need matplotlib: pip install matplotlib.") from error
    x, y = pixel_size(spacing)
    columns = max(len(row) for row in rows)
    heights = [max((_height(cell.hu, y / x) for cell in row if cell is not None), default=_PANEL) for row in rows]
    width = columns * (_PANEL + _GAP) + _GAP
    total = _HEADER + sum(height + _TITLE for height in heights) + _FOOTER
    figure = Figure(figsize=(width, total), dpi=_DPI, facecolor="white")
    blue_white_red = LinearSegmentedColormap.from_list("difference", DIFFERENCE_COLOURS)
    top = _HEADER
    for row, height in zip(rows, heights, strict=True):
        top += _TITLE
        for column, cell in enumerate(row):
            if cell is None:
                continue
            left = _GAP + column * (_PANEL + _GAP)
            axes = figure.add_axes((left / width, 1 - (top + height) / total, _PANEL / width, height / total))
            colours = blue_white_red if cell.difference else "gray"
            axes.imshow(cell.hu, cmap=colours, vmin=cell.limits[0], vmax=cell.limits[1], aspect=y / x)
            axes.set_xticks([])
            axes.set_yticks([])
            title = f"{cell.title} ({_said(cell)})"
            axes.set_title(title, fontsize=min(9, 9 * 46 / max(1, len(title))), pad=3)
        top += height
    figure.text(_GAP / width, 1 - 0.1 / total, header, fontsize=11, va="top", ha="left")
    note = " · ".join(text for text in (footer, RESEARCH_USE) if text)
    figure.text(_GAP / width, 0.08 / total, note, fontsize=8, va="bottom", ha="left", color="0.25")
    save_figure(figure, path)


def case_sheet(
    path: str | Path, images: dict[str, np.ndarray], reference: np.ndarray, spacing: Sequence[float], header: str
) -> None:
    """One case, methods side by side: soft and lung window, and what each took away.

    images     name → slice, HU [rows, columns]; the first is the input
    reference  the normal-dose slice
    """
    (first, low), *methods = images.items()
    named = [(first, low), *methods, ("normal dose", reference)]
    changes = [(name, hu - low) for name, hu in methods]
    limit = max((difference_limit(change) for _, change in changes), default=100.0)
    rows: list[list[Cell | None]] = [[Cell(name, hu, window) for name, hu in named] for window in (BODY, LUNG)]
    taken = [Cell(f"{name} − {first}", change, (-limit, limit), difference=True) for name, change in changes]
    rows.append([None, *taken, Cell(f"normal dose − {first}", reference - low, (-limit, limit), difference=True)])
    picture_sheet(path, rows, spacing=spacing, header=header)


def _height(image: np.ndarray, aspect: float) -> float:
    return _PANEL * float(np.clip(image.shape[0] * aspect / image.shape[1], 0.3, 2.5))


def _said(cell: Cell) -> str:
    low, high = cell.limits
    if cell.difference:
        return f"±{high:g} HU"
    return f"W {high - low:g} L {(high + low) / 2:g}".replace("-", "−")
