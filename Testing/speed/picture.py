"""The plot of growth: time above, memory below; every point that was measured, and the straight line through them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .checkout import NotMeasured
from .fit import VAGUE

if TYPE_CHECKING:
    from .fit import Growth
    from .growth import Curve

_STYLES = (("#0072b2", "o"), ("#d55e00", "s"), ("#009e73", "D"), ("#cc79a7", "^"), ("#e69f00", "v"), ("#56b4e9", "P"))
_PANEL = (4.3, 3.4)  # inches
_ROOM = (8, 4)  # above the points, for the legend; times
_DPI = 110
_RC = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def require_matplotlib() -> None:
    """NotMeasured, before hours are spent, if there is nothing to draw with."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise NotMeasured("The picture needs matplotlib: pip install matplotlib.") from None


def draw(curves: list[Curve], file: Path, *, clock: str) -> None:
    """A column for every axis that has curves; both scales logarithmic, so that a straight rise of 45° is linear."""
    import matplotlib
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(curve.axis.name for curve in curves))
    styles = dict(zip(dict.fromkeys(curve.model for curve in curves), itertools.cycle(_STYLES)))
    with matplotlib.rc_context(_RC):
        size = _PANEL[0] * len(names), 2 * _PANEL[1]
        figure = Figure(size, dpi=_DPI, layout="constrained", facecolor="white")
        panels = figure.subplots(2, len(names), squeeze=False, sharex="col", sharey="row")
        for column, name in enumerate(names):
            shown = [curve for curve in curves if curve.axis.name == name and curve.works]
            for row, what in enumerate(("time", "memory")):
                _panel(panels[row][column], shown, what, styles)
            if shown:
                panels[1][column].set_xlabel(shown[0].axis.title)
        panels[0][0].set_ylabel("processor time of the command, s" if clock == "cpu" else "time of the command, s")
        panels[1][0].set_ylabel("peak memory, MB")
        for (panel, *_), room in zip(panels, _ROOM, strict=True):
            low, high = panel.get_ylim()  # shared by the row
            panel.set_ylim(low, high * room)
        figure.suptitle("points: measured; lines: a start, and the same for each slice, pixel or draw after it", size=9)
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file)


def _panel(axes, curves: list[Curve], what: str, styles: dict[str, tuple[str, str]]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for curve in curves:
        if not (y := curve.values(what)):
            continue
        colour, marker = styles[curve.model]
        label = curve.model
        if growth := curve.growth(what):
            x = np.geomspace(curve.x[0], curve.x[-1], 200)
            axes.plot(x, growth.line(x), color=colour, linewidth=1.2)
            label += f", {_words(growth)}"
        axes.plot(curve.x, y, marker, color=colour, markersize=5, label=label)
    if curves:
        works = {curve.axis.x(work): curve.axis.label(work) for curve in curves for work in curve.works}
        _ticks(axes, works)
        axes.legend(loc="upper left", handletextpad=0.2, borderaxespad=0.1)


def _words(growth: Growth) -> str:
    if growth.exponent is None or growth.error > VAGUE:
        return growth.verdict(0)
    return f"line within {100 * growth.off:.0f} %, exponent {growth.exponent:.2f} ± {growth.error:.2f}"


def _ticks(axes, x: dict[float, str]) -> None:
    """Ticks where something was measured, and plain numbers instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    axes.set_xticks(list(x), list(x.values()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
