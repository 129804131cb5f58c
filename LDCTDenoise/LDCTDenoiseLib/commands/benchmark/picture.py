"""The picture of a benchmark: seconds a slice of every row, on a logarithmic axis, with the floor where it is known."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from .report import name, seconds, title
from .rounds import Result
from .rows import PLAIN

_PLAIN, _QUICK, _CLASSICAL = "0.65", "C0", "C2"


def check_ending(path: Path) -> None:
    """InputError for an ending that matplotlib does not know: before the measuring and not after it."""
    from matplotlib.backend_bases import FigureCanvasBase

    if path.suffix.lower().removeprefix(".") not in FigureCanvasBase.get_supported_filetypes():
        raise InputError(f"{path.name} is no name of a picture: give it the ending .png, .pdf or .svg.")


def draw(path: Path, results: Sequence[Result], machine: dict) -> None:
    """Bars: the median over the rounds; whiskers: quartiles. InputError without matplotlib, or for a bad ending."""
    try:
        from matplotlib.figure import Figure  # the object interface: no display, no global state
    except ImportError as error:
        raise InputError("Pictures need matplotlib: pip install matplotlib.") from error
    from ...quality.picture import save_figure

    figure = Figure(figsize=(9, 1.6 + 0.36 * len(results)), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplots()
    for place, result in enumerate(results):
        low, high = result.quartiles
        spread = [[result.seconds - low], [high - result.seconds]]
        axes.barh(place, result.seconds, height=0.7, color=_colour(result), xerr=spread, ecolor="0.2", capsize=2)
        axes.annotate(_text(result), (high, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
        if result.floor:
            axes.plot([result.floor.roofline] * 2, [place - 0.35, place + 0.35], color="C3", linewidth=1.6)
    if any(result.floor for result in results):
        axes.plot([], [], color="C3", linewidth=1.6, label="roofline of its convolutions and matrix products")
        axes.legend(fontsize=7, loc="lower right")
    names = [title(result) for result in results]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    values = [result.seconds for result in results] + [r.floor.roofline for r in results if r.floor]
    axes.set_xlim(min(values) / 2, max(values) * 6)  # room for the texts
    axes.set_xlabel("seconds a slice (median over the rounds, quartiles)", fontsize=9)
    told = "×: as quick as authors-network plain float32; HU: largest difference from plain float32 on the processor"
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    note = f"{told} · {machine['machine']} · {machine['data']} · load {machine['load_before']} before"
    figure.supxlabel("\n".join(textwrap.wrap(note, 150)), fontsize=6.5)
    save_figure(figure, path)


def _colour(result: Result) -> str:
    if name(result)[1] == "–":
        return _CLASSICAL
    return _PLAIN if result.facts["way"] == PLAIN else _QUICK


def _text(result: Result) -> str:
    parts = [f"{seconds(result.seconds)} s"]
    if result.ratios and not result.row.is_reference:
        parts.append(f"× {sorted(result.ratios)[len(result.ratios) // 2]:.2g}")
    if result.difference_hu and result.difference_hu[0]:
        parts.append(f"{result.difference_hu[0]:.2g} HU")
    return ", ".join(parts)
