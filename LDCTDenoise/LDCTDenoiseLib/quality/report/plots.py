"""The plots as SVG texts by matplotlib: every axis with its unit, every band and bar one standard error.

Told apart without colour as well: dashes, markers, hatches. Colours are those of Okabe and Ito, which colour-blind
people tell apart.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ..measurement.subject import INPUT
from ..numbers import finite
from ..tissue import TISSUES, TITLES, TOLERANCE_HU
from .figures import Figures
from .text import plain

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ((0, ()), (0, (5, 1.6)), (0, (6, 1.5, 1.2, 1.5)), (0, (1.4, 1.4)), (0, (8, 1.6, 1.2, 1.6, 1.2, 1.6)))
_MARKERS = "osD^vPX"
_HATCHES = ("", "///", "...", "\\\\\\", "xxx", "ooo")
_MARKED, BARRED = 16, 6  # a curve of no more points shows them; of no more, with error bars instead of a band
_SIZE = (4.6, 3.1)  # inches
_LEFT = 0.15  # of the width, for the vertical axis and its label
_BELOW, _LEGEND_LINE = 0.5, 0.17  # inches
_LONGEST_LABEL = 30  # letters in a legend
_RC = {
    "svg.fonttype": "none",  # texts stay texts: small, sharp, found by a search
    "text.parse_math": False,  # a name may hold dollar signs
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 3.2,
    "axes.unicode_minus": True,
    "hatch.linewidth": 0.6,
}


class Plotter:
    """Draws with one style an image, the same in every plot. Raises InputError without matplotlib."""

    def __init__(self, figures: Figures) -> None:
        try:
            import matplotlib
            from matplotlib.figure import Figure
        except ImportError as error:
            raise InputError("The report needs matplotlib: pip install matplotlib.") from error
        self._matplotlib, self._figure = matplotlib, Figure
        self.figures = figures
        self._number = {name: number for number, name in enumerate(figures.methods())}
        self._drawn = 0

    def curve(self, curve: Mapping[str, Any], zero: bool = False) -> str:
        """A curve of the document: its lines with error band or bars; zero: with a line at y = 0."""
        with self._style():
            figure, axes = self._new()
            if zero:
                axes.axhline(0, color="#666666", linewidth=0.8)
            lines = [line for line in curve.get("lines", []) if len(line.get("x", []))]
            labels = {name: list(dict.fromkeys(li.get("label") for li in lines if li["image"] == name))
                      for name in dict.fromkeys(li["image"] for li in lines)}  # fmt: skip
            for line in lines:
                turn = labels[line["image"]].index(line.get("label"))
                self._line(axes, line, self._label(line["image"], line.get("label")), turn)
            _from_zero(axes, lines)
            if curve.get("x") == "slice":
                axes.xaxis.get_major_locator().set_params(integer=True)
            axes.set_xlabel(_axis(curve.get("x", ""), curve.get("x_unit", "")))
            axes.set_ylabel(_axis(curve.get("y", ""), curve.get("y_unit", "")))
            self._legend(axes, len(lines))
            return self._svg(figure, plain(curve.get("title", "plot")))

    def shifts(self, keys: Sequence[str]) -> str:
        """Bars of the HU shift per tissue, one group a tissue, over the band of tolerance."""
        figures = self.figures
        names = [name for name in figures.images if any(figures.value(name, key) is not None for key in keys)]
        with self._style():
            figure, axes = self._new()
            axes.axhspan(-TOLERANCE_HU, TOLERANCE_HU, color="#e8e8e8", linewidth=0, label="±2 HU", zorder=0.5)
            axes.axhline(0, color="#666666", linewidth=0.8)
            width = 0.8 / max(1, len(names))
            for place, name in enumerate(names):
                at = np.arange(len(keys)) + (place - (len(names) - 1) / 2) * width
                values = [figures.value(name, key) for key in keys]
                errors = [figures.error(name, key) for key in keys]
                colour, hatch = self._colour(name), self._hatch(name)
                axes.bar(
                    at, [np.nan if v is None else v for v in values], width * 0.92, color=colour, hatch=hatch,
                    edgecolor="white", linewidth=0.4, label=self._label(name),
                )  # fmt: skip
                known = [(x, v, e) for x, v, e in zip(at, values, errors, strict=True) if v is not None and e]
                if known:
                    axes.errorbar(*zip(*known, strict=True), fmt="none", ecolor="black", elinewidth=0.7, capsize=1.5)
            axes.set_xticks(range(len(keys)), [TITLES[tissue_of(key)] for key in keys])
            axes.grid(axis="x", visible=False)
            axes.set_xlabel("tissue")
            axes.set_ylabel("mean shift, HU")
            low, high = axes.get_ylim()
            axes.set_ylim(min(low, -1.25 * TOLERANCE_HU), max(high, 1.25 * TOLERANCE_HU))
            self._legend(axes, len(names) + 1)
            return self._svg(figure, "HU shift per tissue")

    def per_slice(self, rows: Iterable[Mapping[str, Any]], key: str) -> str:
        """A figure over the number of the slice, a line an image."""
        found: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            value = finite(row.get(key))
            if value is not None:
                found.setdefault(row["image"], []).append((row["slice"], value))
        lines = [
            {"image": name, "x": [x for x, _ in points], "y": [y for _, y in points], "error": None}
            for name, points in ((name, sorted(found[name])) for name in self.figures.images if name in found)
        ]
        title, unit = self.figures.name(key), self.figures.unit(key)
        return self.curve({"title": title, "x": "slice", "x_unit": "", "y": title, "y_unit": unit, "lines": lines})

    def _line(self, axes, line: Mapping[str, Any], label: str, turn: int) -> None:
        x, y = (np.array([_or_nan(v) for v in line[key]], float) for key in ("x", "y"))
        name = line["image"]
        style = {"color": self._colour(name), "linestyle": self._dash(name, turn), "linewidth": self._width(name)}
        if len(x) <= _MARKED:
            style |= {"marker": self._marker(name), "markersize": 4, "markerfacecolor": "white" if turn else None}
        (drawn,) = axes.plot(x, y, **style)
        drawn.set_label(label)
        if line.get("error") is None:
            return
        error = np.array([_or_nan(v) for v in line["error"]], float)
        if len(x) <= BARRED:
            axes.errorbar(x, y, error, fmt="none", ecolor=style["color"], elinewidth=0.8, capsize=2)
        else:
            axes.fill_between(x, y - error, y + error, color=style["color"], alpha=0.22, linewidth=0)

    def _legend(self, axes, entries: int) -> None:
        if entries:
            lines = -(-entries // 2)
            height = _SIZE[1] + _LEGEND_LINE * lines
            axes.figure.set_size_inches(_SIZE[0], height)
            below = _BELOW + _LEGEND_LINE * lines
            axes.set_position((_LEFT, below / height, 0.985 - _LEFT, 1 - (below + 0.08) / height))
            axes.figure.legend(*axes.get_legend_handles_labels(), loc="lower center", ncols=2 if entries > 1 else 1)

    def _label(self, name: str, detail: str | None = None) -> str:
        text = ", ".join(part for part in (self.figures.title(name), plain(detail or "")) if part)
        text = text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"
        return f" {text}" if text.startswith("_") else text  # matplotlib hides what begins so

    def _colour(self, name: str) -> str:
        if name == INPUT:
            return "#777777"
        return "#000000" if name == self.figures.reference else _COLOURS[self._number.get(name, 0) % len(_COLOURS)]

    def _dash(self, name: str, turn: int):
        if name == INPUT and not turn:
            return _DASHES[0]
        first = 3 if name == self.figures.reference else self._number.get(name, 0)
        return _DASHES[(first + turn) % len(_DASHES)]

    def _width(self, name: str) -> float:
        return 2.0 if name == INPUT else 1.4

    def _marker(self, name: str) -> str:
        return "." if name == INPUT else _MARKERS[self._number.get(name, len(_MARKERS) - 1) % len(_MARKERS)]

    def _hatch(self, name: str) -> str:
        return _HATCHES[self._number.get(name, 0) % len(_HATCHES)]

    def _new(self):
        figure = self._figure(figsize=_SIZE)
        return figure, figure.add_axes((_LEFT, 0.16, 0.985 - _LEFT, 0.8))

    def _style(self):
        self._drawn += 1
        return self._matplotlib.rc_context(_RC | {"svg.hashsalt": f"plot{self._drawn}"})

    def _svg(self, figure, title: str) -> str:
        out = io.StringIO()
        with warnings.catch_warnings():  # letters that matplotlib's font lacks are drawn by the browser's
            warnings.simplefilter("ignore")
            figure.savefig(out, format="svg", transparent=True)
        return _inline(out.getvalue(), title, f"plot{self._drawn}")


def tissue_keys(figures: Figures) -> list[str]:
    """inner_air … inner_bone, those that were measured for some image; bias_air … where there are none."""
    for kind in ("inner", "bias"):
        keys = [f"{kind}_{tissue}" for tissue in TISSUES]
        found = [key for key in keys if any(figures.value(name, key) is not None for name in figures.images)]
        if found:
            return found
    return []


def tissue_of(key: str) -> str:
    """ "inner_soft" → "soft"."""
    return key.partition("_")[2]


def _inline(svg: str, title: str, prefix: str) -> str:
    """The drawing alone, as part of a page: ids of its own, no metadata, no fixed size."""
    from html import escape

    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", body)
    box = re.search(r'viewBox="[^"]*"', body)
    head = f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {box.group(0)} role="img" aria-label="{escape(title)}">'
    return head + body[body.index(">") + 1 :].strip()


def _from_zero(axes, lines: Sequence[Mapping[str, Any]]) -> None:
    """The vertical axis begins at zero where nothing is negative and zero is not far."""
    values = [v for line in lines for v in map(finite, line["y"]) if v is not None]
    if values and 0 <= min(values) < 0.7 * max(values):
        axes.set_ylim(bottom=0)


def _axis(quantity: object, unit: object) -> str:
    said = (plain(quantity), plain(unit))
    return ", ".join(text for text in said if text)


def _or_nan(value: object) -> float:
    found = finite(value)
    return np.nan if found is None else found
