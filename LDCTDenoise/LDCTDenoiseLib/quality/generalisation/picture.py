"""The figure of generalisation: gain over dose for each anatomy, and the perceived dose against the true one."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..picture import RESEARCH_USE, save_figure
from .figures import EVERY, Row, by_dose

_MARKERS = "osD^vPX"


def draw_generalisation(path: Path, rows: Sequence[Row], seen: Collection[float], labels: dict, note: str) -> None:
    """One column for each anatomy: PSNR gain over dose; below, where a method perceives, its estimates.

    seen    doses of the training: full marks; the others are hollow
    labels  dose → its text
    Raises InputError without matplotlib, or where the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # the object interface: no display, no global state
    except ImportError as error:
        raise InputError("Pictures need matplotlib: pip install matplotlib.") from error
    table = [line for line in by_dose(rows, "gain") if line["anatomy"] != EVERY]
    anatomies = list(dict.fromkeys(row["anatomy"] for row in rows))
    perceived = [row for row in rows if "estimated_dose" in row]
    size = (max(6.0, 4.2 * len(anatomies)), 7.6 if perceived else 4.2)
    figure = Figure(figsize=size, dpi=120, layout="constrained", facecolor="white")
    panels = figure.subplots(2 if perceived else 1, len(anatomies), squeeze=False, sharey="row")
    methods = dict.fromkeys(row["method"] for row in rows)
    styles = {method: (f"C{n}", _MARKERS[n % len(_MARKERS)]) for n, method in enumerate(methods)}
    for column, anatomy in enumerate(anatomies):
        _gains(panels[0, column], [line for line in table if line["anatomy"] == anatomy], seen, labels, styles)
        panels[0, column].set_title(anatomy, fontsize=11)
        if perceived:
            _estimates(panels[1, column], [r for r in perceived if r["anatomy"] == anatomy], seen, labels, styles)
    panels[0, 0].set_ylabel("PSNR gain, dB", fontsize=9)
    if panels[0, 0].lines[1:]:  # beside the line of no gain
        panels[0, 0].legend(fontsize=8)
    if perceived:
        panels[1, 0].set_ylabel("estimated dose: median, quartiles", fontsize=9)
    hollow = "full marks: doses of the training, hollow: others" if seen else ""
    said = [line for text in (hollow, f"{note} · {RESEARCH_USE}") for line in textwrap.wrap(text, round(14 * size[0]))]
    figure.supxlabel("\n".join(said), fontsize=7)
    save_figure(figure, path)


def _gains(axes, lines: Sequence[Row], seen: Collection[float], labels: dict, styles: dict) -> None:
    for line in lines:
        doses = [key for key in line if isinstance(key, float)]
        colour, marker = styles[line["method"]]
        axes.plot(doses, [line[dose] for dose in doses], color=colour, linewidth=1)
        axes.plot([], [], color=colour, marker=marker, linewidth=1, label=line["method"])
        for dose in doses:
            face = colour if dose in seen else "white"
            axes.plot(dose, line[dose], marker, color=colour, markerfacecolor=face, markersize=6)
    axes.axhline(0, color="0.6", linewidth=0.8)
    _dose_axis(axes.xaxis, axes.set_xscale, labels)


def _estimates(axes, rows: Sequence[Row], seen: Collection[float], labels: dict, styles: dict) -> None:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    for number, method in enumerate(methods):
        for dose in labels:
            values = [float(r["estimated_dose"]) for r in rows if r["method"] == method and r["dose"] == dose]
            if not values:
                continue
            low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
            colour, marker = styles[method]
            face = colour if dose in seen else "white"
            axes.errorbar(
                dose * 1.03 ** (number - (len(methods) - 1) / 2), median, [[median - low], [high - median]],
                color=colour, marker=marker, markerfacecolor=face, capsize=3,
            )  # fmt: skip
    ends = [min(labels), max(labels)]
    axes.plot(ends, ends, color="0.6", linewidth=0.8, linestyle="--")
    _dose_axis(axes.xaxis, axes.set_xscale, labels)
    _dose_axis(axes.yaxis, axes.set_yscale, labels)
    axes.set_xlabel("true dose", fontsize=9)


def _dose_axis(axis, set_scale, labels: dict) -> None:
    set_scale("log")
    axis.set_ticks(list(labels), list(labels.values()), fontsize=7)
    axis.set_ticks([], minor=True)
    axis.grid(alpha=0.3)
