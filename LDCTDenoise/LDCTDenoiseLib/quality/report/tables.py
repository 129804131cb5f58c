"""The tables: at a glance, every figure of every image, its definition, and slice by slice."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from ..measurement.subject import INPUT
from ..numbers import NOTHING, finite, number, signed, with_error
from ..tissue import TITLES, TOLERANCE_HU
from .figures import Figures
from .plots import tissue_keys, tissue_of
from .text import esc
from .verdicts import lights_of

# What a reader wants first, where it was measured.
_GLANCE = (
    "noise", "noise_reduction", "nps_mean_ratio", "edge_strong_change", "edge_faint_change", "structure",
    "gain_soft", "ssim_soft", "kept_5mm_15hu",
)  # fmt: skip
_SIGNED = ("inner_", "bias_", "gain_", "_change")  # parts of keys whose figures are changes themselves
_BESIDE = {"psnr_": "gain_", "dprime_": "kept_"}  # small print of the other's cell, instead of a row of their own
_MOST_NAMED = 5  # figures of one meaning; of more the first and the last
_ARROWS = {1: "▲", -1: "▼", 0: ""}


def glance_table(document: Mapping[str, Any], figures: Figures) -> str:
    """One row an image, the few figures that matter most."""
    keys = [key for key in _GLANCE if any(figures.value(name, key) is not None for name in figures.images)]
    lights, tissues = lights_of(document), tissue_keys(figures)
    head = "".join(f"<th>{_head(figures, key)}</th>" for key in keys)
    if tissues:
        head += "<th>Largest HU shift <small>HU, tissue</small></th>"
    rows = []
    for name in figures.images:
        cells = "".join(f"<td>{_cell(figures, name, key, lights)}</td>" for key in keys)
        if tissues:
            cells += f"<td>{_largest_shift(figures, name, tissues)}</td>"
        rows.append(f"<tr><th>{esc(figures.title(name))}</th>{cells}</tr>")
    return _table(f"<tr><th></th>{head}</tr>", "".join(rows), "glance")


def figures_table(document: Mapping[str, Any], figures: Figures) -> str:
    """All figures: a row each, a column an image, with standard error and the change from the input."""
    lights = lights_of(document)
    head = "".join(f"<th>{esc(figures.title(name))}</th>" for name in figures.images)
    bodies = []
    for group, keys in figures.groups().items():
        rows = "".join(
            f"<tr><th>{_head(figures, key)}</th>"
            + "".join(f"<td>{_cell(figures, name, key, lights, change=True)}</td>" for name in figures.images)
            + "</tr>"
            for key in keys
            if not _stands_beside(figures, key)
        )
        across = len(figures.images) + 1
        bodies.append(f'<tbody><tr class="group"><th colspan="{across}">{esc(group)}</th></tr>{rows}</tbody>')
    return _table(f"<tr><th></th>{head}</tr>", "".join(bodies), "figures", bodies=True)


def definitions_list(figures: Figures) -> str:
    """What each figure of the report means; neighbours with one meaning share it."""
    items = []
    for meaning, keys in groupby(figures.keys, figures.meaning):
        items.append(f"<div><dt>{_named(figures, list(keys))}</dt><dd>{esc(meaning) or NOTHING}</dd></div>")
    return f'<dl class="definitions">{"".join(items)}</dl>'


def slice_tables(document: Mapping[str, Any], figures: Figures) -> str:
    """Folded tables, one an image: a row a slice, whatever was measured there."""
    parts = []
    for name in figures.images:
        own = [row for row in document.get("per_slice", []) if row["image"] == name]
        keys = list(dict.fromkeys(key for row in own for key in row if key not in ("image", "slice")))
        if not own:
            continue
        head = "".join(f"<th>{_head(figures, key)}</th>" for key in keys)
        rows = "".join(
            f"<tr><th>{esc(row['slice'])}</th>"
            + "".join(f"<td>{number(finite(row.get(key)), figures.digits(key))}</td>" for key in keys)
            + "</tr>"
            for row in sorted(own, key=lambda row: row["slice"])
        )
        table = _table(f"<tr><th>Slice</th>{head}</tr>", rows, "slices")
        parts.append(f"<details><summary>{esc(figures.title(name))}, slice by slice</summary>{table}</details>")
    return "".join(parts)


def _head(figures: Figures, key: str) -> str:
    unit = figures.unit(key)
    return esc(figures.name(key)) + (f" <small>{esc(unit)}</small>" if unit else "")


def _cell(figures: Figures, name: str, key: str, lights: Mapping[tuple[str, str], str], change: bool = False) -> str:
    if not figures.has(name, key) or (name == INPUT and key.startswith("gain_")):
        return ""
    sign = any(part in key for part in _SIGNED)
    value = with_error(figures.value(name, key), figures.error(name, key), figures.digits(key), sign)
    said = f"<span>{value}</span>{lights.get((name, key), '')}"
    if change and not sign:
        direction, text = figures.change(name, key)
        beside = _partner(key)
        if beside.startswith("gain_") and figures.value(name, beside) is not None and text:
            text = with_error(figures.value(name, beside), figures.error(name, beside), figures.digits(beside), True)
            text += " dB"
        said += f"<small>{_ARROWS[direction]} {esc(text)}</small>" if text else ""
        if beside.startswith("kept_") and figures.has(name, beside):
            kept = with_error(figures.value(name, beside), figures.error(name, beside), figures.digits(beside))
            said += f"<small>contrast kept {kept} %{lights.get((name, beside), '')}</small>"
    return said


def _partner(key: str) -> str:
    """The figure in the small print of `key`, or nothing."""
    return next((inner + key.removeprefix(outer) for outer, inner in _BESIDE.items() if key.startswith(outer)), "")


def _stands_beside(figures: Figures, key: str) -> bool:
    return any(
        key.startswith(inner) and outer + key.removeprefix(inner) in figures.keys for outer, inner in _BESIDE.items()
    )


def _named(figures: Figures, keys: list[str]) -> str:
    heads = [_head(figures, key) for key in keys]
    return "; ".join(heads if len(heads) <= _MOST_NAMED else [heads[0], f"… {len(heads)} figures …", heads[-1]])


def _largest_shift(figures: Figures, name: str, keys: list[str]) -> str:
    # Not air: where the input was clipped at −1024, the true air lies elsewhere.
    known = [(abs(v), v, key) for key in keys if "air" not in key and (v := figures.value(name, key)) is not None]
    if not known:
        return ""
    size, value, key = max(known)
    beyond = f"<small>beyond ±{TOLERANCE_HU:g}</small>" if size > TOLERANCE_HU else ""
    return f"{signed(value, figures.digits(key))}, {TITLES[tissue_of(key)]}{beyond}"


def _table(head: str, body: str, kind: str, bodies: bool = False) -> str:
    body = body if bodies else f"<tbody>{body}</tbody>"
    return f'<div class="wide"><table class="{kind}"><thead>{head}</thead>{body}</table></div>'
