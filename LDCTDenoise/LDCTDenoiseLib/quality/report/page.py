"""The page: one HTML text that needs nothing else, on screen, on a phone and on paper."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ..measurement.document import RESEARCH_USE
from ..measurement.subject import INPUT
from ..numbers import finite
from .figures import Figures
from .pictures import Pictures
from .plots import BARRED, Plotter, tissue_keys
from .records import record_tables
from .strips import picture_strips
from .style import STYLE
from .tables import definitions_list, figures_table, glance_table, slice_tables
from .text import esc
from .verdicts import verdict_list

MOST_BYTES = 4_000_000
# (levels of grey, pixels averaged in each direction): less and less until the page is small enough
_FIDELITY = ((256, 1), (96, 1), (40, 1), (40, 2), (24, 4))
_NO_ANSWERS_FROM_OUTSIDE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_PLOTTED_SLICES = ("noise", "psnr_soft", "psnr_full", "rmse_full")  # figures per slice: the first two that there are
_FIRST_CURVES = ("nps", "nps_log_ratio")


def report_html(document: Mapping[str, Any], pictures: Pictures | None) -> str:
    """The whole page. Raises InputError without matplotlib."""
    figures = Figures(dict(document))
    plots = _plots(document, figures)
    for levels, shrink in _FIDELITY:
        shown = picture_strips(pictures, document, levels, shrink) if pictures else ""
        page = _page(document, figures, pictures, shown, plots)
        if len(page.encode("utf-8")) <= MOST_BYTES:
            break
    return page


def _page(document: Mapping[str, Any], figures: Figures, pictures: Pictures | None, shown: str, plots: str) -> str:
    name = esc(document["input"]["name"])
    use = esc(document.get("research_use") or RESEARCH_USE)
    slice_told = f"Slice {pictures.slice_number}, as stored. " if pictures else ""
    sections = [
        _section("At a glance", glance_table(document, figures) + verdict_list(document, figures) + _notices(document)),
        _section("Pictures", f'<p class="note">{slice_told}{_places(document)}</p>{shown}' if shown else ""),
        _section("Plots", plots),
        _section("All figures", _legend(figures) + figures_table(document, figures) + slice_tables(document, figures)),
        _section("Definitions", definitions_list(figures)),
        _section("How the images were made", record_tables(document, figures)),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_NO_ANSWERS_FROM_OUTSIDE}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Image quality: {name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<header><p class="use">{use}</p><h1>Image quality <small>{name}</small></h1>\n'
        f"{_facts(document, figures)}</header>\n"
        f'<main>\n{"".join(sections)}</main>\n<footer><p class="use">{use}</p></footer>\n</body>\n</html>\n'
    )


def _legend(figures: Figures) -> str:
    changes = " Small print: change from the input, ▲ more, ▼ less; a figure in % changes by points."
    told = changes if len(figures.images) > 1 else ""
    return f'<p class="note">± one standard error. – could not be measured.{told}</p>'


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>\n{content}\n</section>\n" if content else ""


def _facts(document: Mapping[str, Any], figures: Figures) -> str:
    about = document["input"]
    columns, rows, _ = about["shape"]
    x, y, z = (float(v) for v in about["spacing_mm"])
    measured, total = len(about["slices"]), about["slices_total"]
    first, last = min(about["slices"]), max(about["slices"])
    even = ", evenly" if last - first + 1 > measured else ""
    numbers = f"{even} from {first} to {last}" if measured > 1 else f": {first}"
    facts = {
        "Matrix": f"{columns} × {rows}, {_slices(total)}",
        "Voxel": f"{x:.3g} × {y:.3g} × {z:.3g} mm",
        "Measured": f"{measured} of {_slices(total)}{numbers}",
        "Methods": "; ".join(figures.title(name) for name in figures.methods()) or "none: the input alone",
        "Reference": figures.title(figures.reference)
        if figures.reference
        else "none: figures that need one are absent",
    }
    facts["Written"] = date.today().isoformat()
    return "<dl>" + "".join(f"<div><dt>{esc(k)}</dt><dd>{esc(v)}</dd></div>" for k, v in facts.items()) + "</dl>"


def _slices(count: int) -> str:
    return "1 slice" if count == 1 else f"{count} slices"


def _notices(document: Mapping[str, Any]) -> str:
    rows = "".join(f"<li>{esc(text)}</li>" for text in document.get("notices", []))
    return f'<h3>Notices</h3><ul class="notices">{rows}</ul>' if rows else ""


def _places(document: Mapping[str, Any]) -> str:
    rois = document.get("rois") or {}
    count = len(rois.get("corners", []))
    slices = len({place[0] for place in rois.get("corners", [])})
    whose = "drawn by the user" if rois.get("origin") == "user" else "found automatically in homogeneous soft tissue"
    side = finite(rois.get("side_mm"))
    size = f" of {side:.3g} mm" if side else ""
    told = f"Noise texture: {count} squares{size} in {_slices(slices)}, {whose} (solid squares). " if count else ""
    return told + "Dots: places where sharpness was measured. Dashed square: the detail."


def _plots(document: Mapping[str, Any], figures: Figures) -> str:
    plotter, curves = Plotter(figures), dict(document.get("curves") or {})
    cells = [_plot(plotter, curves.pop(key), key) for key in _FIRST_CURVES if key in curves]
    tissues = tissue_keys(figures)
    if any(figures.value(name, key) is not None for key in tissues for name in figures.images if name != INPUT):
        against = figures.title(figures.reference or INPUT)
        grey = f"Mean of image − {against}, inside the tissues of {against}, borders left out. Grey band: ±2 HU."
        cells.append(_cell("HU shift per tissue", plotter.shifts(tissues), grey))
    cells += [_plot(plotter, curve, key) for key, curve in curves.items()]
    rows = document.get("per_slice", [])
    held = [key for key in _PLOTTED_SLICES if any(finite(row.get(key)) is not None for row in rows)]
    if len({row["slice"] for row in rows}) > 1:
        cells += [_cell(f"{figures.name(key)}, slice by slice", plotter.per_slice(rows, key), "") for key in held[:2]]
    return f'<div class="plots">{"".join(cell for cell in cells if cell)}</div>' if any(cells) else ""


def _plot(plotter: Plotter, curve: Mapping[str, Any], key: str) -> str:
    lines = [line for line in curve.get("lines", []) if len(line.get("x", []))]
    if not lines:
        return ""
    has_error = any(line.get("error") is not None for line in lines)
    band = ("Bars" if len(lines[0]["x"]) <= BARRED else "Bands") + ": one standard error."
    note = " ".join(text for text in (str(curve.get("meaning", "")), band if has_error else "") if text)
    return _cell(str(curve.get("title", key)), plotter.curve(curve, zero="ratio" in key), note)


def _cell(title: str, drawing: str, note: str) -> str:
    caption = f"<b>{esc(title)}.</b> {esc(note)}"
    return f'<figure class="plot"><figcaption>{caption}</figcaption>{drawing}</figure>'
