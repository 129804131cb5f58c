"""The quality figures of several methods side by side: one row per case and method, and their summary."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..atomic import atomic_output
from ..errors import InputError
from .measurement import INPUT, REFERENCE, Subject, measure, rows_of
from .stacks import pixel_size
from .tissue import TISSUES

Row = dict[str, "str | float"]

# key: (heading, digits after the point); a CSV holds every key of its rows under its own name.
COLUMNS: dict[str, tuple[str, int]] = {
    "case": ("case", 0),
    "method": ("method", 0),
    "cases": ("cases", 0),
    "psnr_full": ("PSNR dB", 2),
    "gain_full": ("gain dB", 2),
    "ssim_full": ("SSIM", 3),
    "rmse_full": ("RMSE HU", 1),
    "gain_soft": ("soft gain", 2),
    "psnr_soft": ("soft PSNR", 2),
    "ssim_soft": ("soft SSIM", 3),
    "noise": ("noise HU", 1),
    "noise_ratio": ("noise ×", 2),
    "noise_reduction": ("less %", 0),
    "nps_mean": ("NPS /mm", 3),
    "nps_peak": ("peak /mm", 3),
    "nps_mean_ratio": ("NPS ×", 2),
    "nps_peak_ratio": ("NPS peak ×", 2),
    "bias_air": ("air HU", 1),
    "bias_lung": ("lung HU", 1),
    "bias_fat": ("fat HU", 1),
    "bias_soft": ("soft HU", 1),
    "bias_bone": ("bone HU", 1),
    "rmse_soft": ("soft RMSE", 1),
    "structure": ("structure %", 1),
    "structure_strong": ("strong %", 1),
    "structure_faint": ("faint %", 1),
    "edge_strong_change": ("edge strong %", 1),
    "edge_faint_change": ("edge faint %", 1),
    "seconds_per_slice": ("s/slice", 2),
}

# What fits a terminal and answers the questions: nearer to the reference, as noisy, same texture, HU kept?
_SHORT = ("case", "method", "cases")
_TISSUES = ("bias_fat", "bias_soft", "bias_bone")
_AGAINST_REFERENCE = ("psnr_full", "gain_full", "ssim_full", "gain_soft", "noise", "noise_ratio", "nps_mean_ratio")
_LIKENESS = ("psnr_full", "gain_full", "ssim_full", "rmse_full", "psnr_soft", "gain_soft", "ssim_soft", "rmse_soft")
_TEXTURE = ("noise", "noise_ratio", "nps_mean_ratio", "nps_peak_ratio", *(f"bias_{name}" for name in TISSUES))
_STRUCTURE = ("structure", "structure_strong", "structure_faint", "edge_strong_change", "edge_faint_change")
_AGAINST_INPUT = ("noise", "noise_reduction", "nps_mean", "nps_peak", "nps_mean_ratio")


def compare_slices(
    images: dict[str, np.ndarray],
    reference: np.ndarray | None,
    spacing: float | Sequence[float],
    *,
    case: str = "",
) -> list[Row]:
    """Figures of every image of one case: one row each, and a row "reference" where there is one.

    images      name → HU [slices, rows, columns] or [rows, columns]; "input" is the low dose
    reference   HU of the same shape, or None
    spacing     pixel size in mm, (between columns, between rows)
    Keys: case, method, and the figures of `measurement.measure` by their names: ratios and biases are against the
    reference, and against the input where there is none. What cannot be measured is NaN.
    Raises InputError for shapes that differ, or a missing input.
    """
    if INPUT not in images:
        raise InputError(f"The comparison needs the low-dose image under the name {INPUT!r}.")
    x, y = pixel_size(spacing)
    stacks = images if reference is None else {**images, REFERENCE: reference}
    return [{"case": case, **row} for row in rows_of(measure(Subject(stacks, (x, y, 1.0))))]


def summarize(rows: Iterable[Row]) -> list[Row]:
    """One row per method: `cases`, the mean of every figure, and its standard deviation over cases as `<key>_sd`.

    Infinite and missing values are left out; the deviation of a single case is NaN.
    """
    by_method: dict[str, list[Row]] = {}
    for row in rows:
        by_method.setdefault(str(row["method"]), []).append(row)
    summary = []
    for method, group in by_method.items():
        line: Row = {"method": method, "cases": len(group)}
        for key in _keys(group):
            if key in ("case", "method"):
                continue
            values = [float(row[key]) for row in group if key in row and math.isfinite(float(row[key]))]
            line[key] = float(np.mean(values)) if values else float("nan")
            line[f"{key}_sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
        summary.append(line)
    return summary


def write_csv(rows: Sequence[Row], path: str | Path) -> None:
    """Writes rows as UTF-8 CSV with a heading; what could not be measured stays empty. Raises InputError."""
    with atomic_output(path, overwrite=True) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, _keys(rows), restval="", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: _plain(value) for key, value in row.items()})


RATIOS = "noise × and NPS ×: against the normal dose; without one NPS × and the biases are against the input."


def format_table(rows: Sequence[Row], columns: Sequence[str] | None = None, digits: int = 3) -> str:
    """Plain text for a terminal: the columns asked for, or a choice of about 130 characters.

    Figures with a `<key>_sd` read "41.20±0.35"; missing ones "–"; `digits` after the point where COLUMNS tells none.
    """
    if columns is None:
        held = set(_keys(rows))
        figures = _AGAINST_REFERENCE if "gain_full" in held else _AGAINST_INPUT
        wanted = (*_SHORT, *figures, *_TISSUES)
        columns = [key for key in wanted if key in held and any(row.get(key) != "" for row in rows)]
    cells = [[COLUMNS.get(key, (key, 3))[0] for key in columns]]
    cells += [[_cell(row, key, digits) for key in columns] for row in rows]
    is_text = [all(isinstance(row.get(key), str) for row in rows) for key in columns]
    return align(cells, [number for number, text in enumerate(is_text) if text])


def align(cells: Sequence[Sequence[str]], left: Sequence[int] = ()) -> str:
    """Lines of cells under each other, the first a heading; the columns named by `left` begin at the left."""
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines = [
        "  ".join(
            text.ljust(width) if number in left else text.rjust(width)
            for number, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


DEFINITIONS = """\
Full: HU clipped to −1024…3072 (range 4096); soft: −160…240 (range 400); both over the whole slice, SSIM 7×7 uniform.
Gain: PSNR over that of the low dose. Noise: global noise level in soft tissue. NPS: mean and peak frequency.
× against the normal dose. HU per tissue: mean of output − normal dose. Structure: what the removed part holds of
edges, % of their contrast, and how much wider they are than in the low dose. Mean ± SD over the cases."""


def format_evaluation(summary: Sequence[Row], rows: Sequence[Row] = ()) -> str:
    """The whole answer for methods on pairs: likeness, texture and HU, the gain of every case, and what it means.

    summary  of `summarize`; rows  every case, none to leave the cases out
    """
    held = set(_keys(summary))
    parts = []
    for keys in (_LIKENESS, (*_TEXTURE, "seconds_per_slice"), _STRUCTURE):
        columns = [key for key in keys if key in held]
        measured = [row for row in summary if any(math.isfinite(float(row.get(key, math.nan))) for key in columns)]
        if measured:
            parts.append(format_table(measured, ["method", "cases", *columns]))
    cases: dict[str, Row] = {}
    for row in rows:
        if "gain_full" in row and row["method"] != "input":
            cases.setdefault(str(row["case"]), {"case": row["case"]})[str(row["method"])] = row["gain_full"]
    if cases:
        table = format_table(list(cases.values()), _keys(cases.values()), digits=2)
        parts.append(f"Gain of every case, full, dB\n{table}")
    return "\n\n".join((*parts, DEFINITIONS))


def _keys(rows: Iterable[Row]) -> list[str]:
    """Every key of the rows, in the order of first appearance."""
    return list(dict.fromkeys(key for row in rows for key in row))


def _plain(value: str | float) -> str | float:
    if isinstance(value, float):
        return f"{value:.6g}" if not math.isnan(value) else ""
    return value


def _cell(row: Row, key: str, digits: int) -> str:
    value = row.get(key, float("nan"))
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "–"
    digits = COLUMNS[key][1] if key in COLUMNS else digits
    text = f"{value:.{digits}f}"
    spread = row.get(f"{key}_sd", float("nan"))
    return text if isinstance(spread, str) or math.isnan(spread) else f"{text}±{spread:.{digits}f}"
