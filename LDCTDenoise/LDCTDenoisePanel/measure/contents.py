"""What a chart shows, from a document of the library or of the live figures: lines and bars with their units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from slicer.i18n import tr as _

from .table import INPUT, afterOf

SHIFT = "shift"  # the bars of HU shift; the other keys are those of the document's curves
TOLERANCE_HU = 2
_SHIFT_FIGURE = "inner_"  # borders left out, where a blur counts too
# Okabe and Ito's colours, which colour-blind eyes tell apart and a grey print too
_ORIGINAL, _AFTER, _NORMAL, _TOLERANCE = "#D55E00", "#0072B2", "#000000", "#777777"


@dataclass(frozen=True)
class Line:
    """One line of a chart, or one set of bars. x, y: float64 [n], NaN where there is no value."""

    name: str
    colour: str  # "#RRGGBB"
    x: np.ndarray
    y: np.ndarray
    isDashed: bool = False
    isBars: bool = False


@dataclass(frozen=True)
class Content:
    """A chart.

    xColumn  name of the x column in the chart's table
    labels   one text for each row of the table, or none
    """

    key: str
    title: str
    xTitle: str
    yTitle: str
    lines: tuple[Line, ...]
    xColumn: str
    labels: tuple[str, ...] = ()


def contentsOf(document: dict) -> dict[str, Content]:
    """key → content, of everything in a document that can be drawn; only of the original, the result, the reference."""
    found = {key: _curve(document, key, curve) for key, curve in document["curves"].items()}
    found[SHIFT] = _shift(document)
    return {key: content for key, content in found.items() if content.lines}


def _curve(document: dict, key: str, curve: dict) -> Content:
    after, reference = afterOf(document), document.get("reference")
    colours = {INPUT: _ORIGINAL, after: _AFTER, reference: _NORMAL}
    lines: list[Line] = []
    for line in curve["lines"]:
        image = line["image"]
        if image not in colours or not len(line["x"]):
            continue
        name = document["titles"].get(image, image)
        if line.get("label"):
            name = f"{name}, {line['label']}"
        isSecond = any(each.colour == colours[image] for each in lines)
        x, y = (np.array([np.nan if v is None else v for v in line[axis]], dtype=float) for axis in "xy")
        lines.append(Line(_unused(name, lines), colours[image], x, y, image == reference or isSecond))
    titles = [_axis(curve[axis], curve[f"{axis}_unit"]) for axis in "xy"]
    return Content(key, curve["title"], *titles, tuple(lines), titles[0])


def _shift(document: dict) -> Content:
    """A bar for each tissue and the limit of ±2 HU. Slicer numbers bars; the title of the axis names them."""
    after, tissues = afterOf(document), _tissues()
    shifts: dict[str, float] = {}
    for figure in document["figures"]:
        key, value = figure["key"], figure["value"]
        if figure["image"] == after != INPUT and key.startswith(_SHIFT_FIGURE) and value is not None:
            tissue = key[len(_SHIFT_FIGURE) :]
            shifts[tissues.get(tissue, tissue)] = float(value)
    x, lines = np.arange(1.0, len(shifts) + 1), ()
    if shifts:
        name = document["titles"].get(after, after)
        bars = Line(name, _AFTER, x, np.array(list(shifts.values())), isBars=True)
        lines = (
            bars,
            *(
                Line(_("{hu} HU").format(hu=f"{sign}{TOLERANCE_HU}"), _TOLERANCE, x, np.full(len(x), hu), isDashed=True)
                for sign, hu in (("+", TOLERANCE_HU), ("−", -TOLERANCE_HU))
            ),
        )
    numbered = ",  ".join(f"{number} {title}" for number, title in enumerate(shifts, 1))
    return Content(SHIFT, _("Shift of the HU by tissue"), numbered, _("shift (HU)"), lines, _("number"), tuple(shifts))


def _tissues() -> dict[str, str]:
    return {"air": _("air"), "lung": _("lung"), "fat": _("fat"), "soft": _("soft tissue"), "bone": _("bone")}


def _unused(name: str, lines: list[Line]) -> str:
    """Names of columns must differ."""
    taken, number = {line.name for line in lines}, 2
    unique = name
    while unique in taken:
        unique, number = f"{name} ({number})", number + 1
    return unique


def _axis(quantity: str, unit: str) -> str:
    return f"{quantity} ({unit})" if unit else quantity
