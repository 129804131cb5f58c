"""The picture of a benchmark: seconds a slice of every row, on a logarithmic axis, with the floor where it is known.

Points and no bars: a logarithmic axis has no zero for a bar to stand on.
"""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from .names import seconds, title
from .rounds import Result
from .rows import PLAIN

_ROOFLINE = "roofline of its convolutions and matrix products"


class Kind(NamedTuple):
    """A point in the picture, told apart without its colour too."""

    label: str
    colour: str
    marker: str


_PLAIN = Kind("network, plain: torch as it is by itself", "0.45", "s")
_QUICK = Kind("network, quick: as this program computes", "C0", "o")
_CLASSICAL = Kind("classical method", "C2", "^")


def check_ending(path: Path) -> None:
    """InputError for an ending that matplotlib does not know: before the measuring and not after it."""
    from matplotlib.backend_bases import FigureCanvasBase

    if path.suffix.lower().removeprefix(".") not in FigureCanvasBase.get_supported_filetypes():
        raise InputError(f"{path.name} is no name of a picture: give it the ending .png, .pdf or .svg.")


def draw(path: Path, results: Sequence[Result], machine: dict) -> None:
    """Points: the median over the rounds; whiskers: quartiles. InputError without matplotlib, or for a bad ending."""
    try:
        from matplotlib.figure import Figure  # the object interface: no display, no global state
    except ImportError as error:
        raise InputError("Pictures need matplotlib: pip install matplotlib.") from error
    from ...quality.picture import save_figure

    figure = Figure(figsize=(9, 1.9 + 0.3 * len(results)), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplots()
    for place, result in enumerate(results):
        _draw_row(axes, place, result)
    handles, labels = axes.get_legend_handles_labels()
    shown = dict(sorted(zip(labels, handles, strict=True), key=lambda one: one[0] == _ROOFLINE))  # each label once
    figure.legend(shown.values(), shown, fontsize=7.5, loc="outside upper center", ncols=2, frameon=False)
    axes.set_yticks(range(len(results)), [title(result) for result in results])
    axes.set_ylim(len(results) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.tick_params(labelsize=8)
    values = [result.seconds for result in results] + [r.floor.roofline for r in results if r.floor]
    axes.set_xlim(min(values) / 2, max(values) * 6)  # room for the texts
    axes.set_xlabel("seconds a slice: median over the rounds, with quartiles (logarithmic)", fontsize=9)
    axes.grid(axis="x", color="0.85")
    axes.grid(axis="y", color="0.93")
    axes.set_axisbelow(True)
    figure.supxlabel("\n".join(textwrap.wrap(_note(results, machine), 150)), fontsize=6.5)
    save_figure(figure, path)


def _draw_row(axes, place: int, result: Result) -> None:
    kind, (low, high) = _kind(result), result.quartiles
    spread = [[result.seconds - low], [high - result.seconds]]
    look = {"fmt": kind.marker, "color": kind.colour, "markersize": 6, "capsize": 3}
    axes.errorbar(result.seconds, place, xerr=spread, label=kind.label, **look)
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    axes.annotate(_text(result), (high, place), (9, 0), textcoords="offset points", va="center", fontsize=8, bbox=paper)
    if result.floor:
        axes.plot([result.floor.roofline] * 2, [place - 0.3, place + 0.3], color="C3", linewidth=1.6, label=_ROOFLINE)


def _kind(result: Result) -> Kind:
    if not result.is_network:
        return _CLASSICAL
    return _PLAIN if result.facts["way"] == PLAIN else _QUICK


def _note(results: Sequence[Result], machine: dict) -> str:
    """What the texts mean, those that there are, and where it was."""
    texts = {
        "×: as quick as authors-network plain float32": any(r.ratios and not r.row.is_reference for r in results),
        "HU: largest difference from plain float32 on the processor": any(
            r.difference_hu and r.difference_hu[0] for r in results
        ),
    }
    told = "; ".join(text for text, is_shown in texts.items() if is_shown)
    where = machine["machine"], machine["data"], f"load {machine['load_before']} before"
    return " · ".join([told, *where] if told else where)


def _text(result: Result) -> str:
    parts = [f"{seconds(result.seconds)} s"]
    if result.ratios and not result.row.is_reference:
        ratio = statistics.median(result.ratios)
        parts.append(f"× {ratio:.0f}" if ratio > 99 else f"× {ratio:.2g}")
    if result.difference_hu and result.difference_hu[0]:
        parts.append(f"{result.difference_hu[0]:.2g} HU")
    return ", ".join(parts)
