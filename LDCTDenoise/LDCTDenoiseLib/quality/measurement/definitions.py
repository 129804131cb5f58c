"""What every figure means: title, unit, digits and a sentence or two, in one place for tables, reports and the panel.

Those with one meaning stand in definitions.json; those of a tissue, a window or a lesion are put together here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ..likeness.metrics import WINDOWS
from ..tissue import BORDER_MM, TISSUES, TITLES, TOLERANCE_HU


@dataclass(frozen=True)
class Definition:
    """title  with unit and digits after the point, as tables show it; group  figures that stand together."""

    title: str
    unit: str
    digits: int
    group: str
    meaning: str


GROUPS = {
    "noise": "Noise and texture",
    "shift": "Hounsfield units",
    "structure": "Edges and structure",
    "roi": "Regions of interest",
    "reference": "Against the normal dose",
    "task": "Detectability of inserted lesions",
    "spread": "Random start",
    "cost": "Cost",
}

_WINDOWS = {"full": "full range", "soft": "soft tissue", "lung": "lung", "founddiff": "FoundDiff"}

_PLAIN: dict[str, Definition] = {
    key: Definition(**facts)
    for key, facts in json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8")).items()
}


def definition(key: str) -> Definition:
    """What a figure of that key is; a key that nobody defined is shown by its name."""
    if key in _PLAIN:
        return _PLAIN[key]
    kind, _, name = key.partition("_")
    if kind == "inner" and name in TISSUES:
        limit = f"The limit this project sets is ±{TOLERANCE_HU:g} HU."
        where = f"without {BORDER_MM:g} mm at its borders, where a blur counts too"
        text = f"As the shift of all {TITLES[name]}, {where}. {limit}"
        return Definition(f"HU shift inside {TITLES[name]}", "HU", 1, "shift", text)
    if kind == "bias" and name in TISSUES:
        low, high = TISSUES[name]
        where = f"over {TITLES[name]} ({_range(low, high)} in a 5 × 5 median of {{standard}})"
        text = f"Mean of image − {{standard}} {where}. A blur counts at its borders."
        return Definition(f"HU shift, all {TITLES[name]}", "HU", 1, "shift", text)
    if name in WINDOWS and kind in _LIKENESS:
        title, unit, digits, text = _LIKENESS[kind]
        low, high = WINDOWS[name].low, WINDOWS[name].high
        clipped = f"HU clipped to {_range(low, high)} (range {high - low:g})"
        kernel = " Gaussian kernel 11 × 11, σ 1.5." if WINDOWS[name].gaussian_ssim else " Uniform kernel 7 × 7."
        text = f"{text} {clipped}, whole slice, mean over slices.{kernel if kind == 'ssim' else ''}"
        return Definition(f"{title}, {_WINDOWS[name]}", unit, digits, "reference", text)
    if kind in ("rmse", "mae") and name.removeprefix("in_") in TISSUES:
        title, unit, digits, text = _LIKENESS[kind]
        tissue = TITLES[name.removeprefix("in_")]
        return Definition(
            f"{title} in {tissue}", unit, digits, "reference", f"{text} Over {tissue} of the normal dose."
        )
    if match := re.fullmatch(r"(dprime|kept)_([\d.]+)mm_([\d.]+)hu", key):
        return _lesion(match[1], match[2], match[3])
    return Definition(key, "", 3, "spread" if kind == "spread" else "noise", "")


_LIKENESS = {
    "psnr": ("PSNR", "dB", 2, "Peak signal-to-noise ratio, 20·log10(range) − 10·log10(mean squared error)."),
    "gain": ("PSNR gain", "dB", 2, "PSNR over that of the input, in the same definition."),
    "ssim": ("SSIM", "", 3, "Structural similarity as scikit-image computes it."),
    "rmse": ("RMSE", "HU", 1, "Root of the mean squared difference from the normal dose."),
    "mae": ("MAE", "HU", 1, "Mean absolute difference from the normal dose."),
}


def definitions_of(keys: Iterable[str], standard: str) -> dict[str, dict]:
    """As the document holds them; standard  what shifts and ratios are against, "the input" or "the normal dose"."""
    found = {}
    for key in dict.fromkeys(keys):
        facts = asdict(definition(key))
        facts["title"] = facts["title"].replace("{standard}", standard.removeprefix("the "))
        facts["meaning"] = facts["meaning"].replace("{standard}", standard)
        found[key] = facts
    return found


def _lesion(kind: str, diameter: str, contrast: str) -> Definition:
    what = f"{diameter} mm, {contrast} HU"
    if kind == "dprime":
        meaning = (
            "Detectability index of a channelised Hotelling observer for discs of that size and contrast, inserted in "
            "the real slices before denoising. Of two places it finds the lesion in 76 % at d′ 1, 92 % at 2, 98 % at 3."
        )
        return Definition(f"d′, {what}", "", 2, "task", meaning)
    return Definition(f"Contrast kept, {what}", "%", 0, "task", "What is left of the inserted contrast, on average.")


def _range(low: float, high: float) -> str:
    if low == -float("inf"):
        return f"below {high:g} HU".replace("-", "−")
    return f"{low:g} to {high:g} HU".replace("-", "−")
