"""Figures and verdicts of hard cases: is a method ever worse than its input, biased, or unable to leave well alone?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .likeness.metrics import psnr
from .stacks import check_same_shape
from .texture.noise import global_noise_level
from .tissue import bias, classes

Row = dict[str, "str | float"]

LIMITS = {"air": 2.0, "lung": 2.0, "fat": 2.0, "soft": 2.0, "bone": 6.0}  # HU of bias
EVEN = -0.05  # dB: rounding, no loss
COLLAPSE = -6.0  # dB; at 75 % of a dose whose own noise is in the reference, even a perfectly clean image has −4.8
MOST_CHANGE = 0.5  # of the own noise, RMS, at full dose
MOST_SHIFT = 2.0  # HU, mean over the patient
COLUMNS = ["case", "condition", "method", "gain dB", "noise ×", "bias HU", "in", "change ×", "shift HU", "verdict"]
MEANING = f"""\
Gain: PSNR (−1024…3072 HU) over that of the low dose, against the normal dose, whose own noise counts: of a fraction a
of its dose a perfectly clean image has 10·log10(1/a − 1) dB, less than 0 above one half.
Noise ×: over the normal dose's.
Bias: the worst tissue of the output, and the same tissue of the input (in).
Change ×, at full dose only: RMS of output − input in the patient over the image's own noise; shift: its mean.
Aim: no gain below 0; bias within 2 HU (bone 6) or no worse than the input's; at full dose change within \
{MOST_CHANGE:g} and shift within {MOST_SHIFT:g} HU."""


def stress_row(
    condition: str,
    method: str,
    reference: np.ndarray,
    low: np.ndarray,
    output: np.ndarray,
    spacing: Sequence[float],
    tissues: dict[str, np.ndarray] | None = None,
) -> Row:
    """One method under one condition; images [slices, rows, columns] in HU, spacing in mm.

    tissues  `classes(reference)`, to compute them once for several methods
    Where low and reference are the same image, the row tells how nearly it was left alone.
    """
    check_same_shape(output, reference)
    row: Row = {"condition": condition, "method": method}
    if not np.isfinite(output).all():
        return row | {"verdict": "not finite"}
    found = classes(reference) if tissues is None else tissues
    after, before = bias(output, reference, found), bias(low, reference, found)
    level = global_noise_level(reference, spacing)
    untouched = np.array_equal(low, reference)
    worst = max((n for n in LIMITS if np.isfinite(after[n])), key=lambda n: abs(after[n]) / LIMITS[n], default="")
    row |= {f"bias_{name}": value for name, value in after.items()}
    row |= {f"input_bias_{name}": value for name, value in before.items()}
    row["gain dB"] = float("nan") if untouched else psnr(output, reference) - psnr(low, reference)
    row["noise ×"] = global_noise_level(output, spacing) / level if level > 0 else float("nan")
    if worst:
        row |= {"tissue": worst, "bias HU": after[worst], "in": before[worst]}
    if untouched:
        patient = reference > -900
        change = (output - reference)[patient].astype(np.float64) if patient.any() else np.zeros(1)
        row["change ×"] = float(np.sqrt(np.mean(change**2))) / level if level > 0 else float("nan")
        row["shift HU"] = float(change.mean())
    row["verdict"] = verdict(row)
    return row


def verdict(row: Row) -> str:
    """ "ok", or everything that is wrong, the worst first."""
    if row.get("verdict"):
        return str(row["verdict"])
    said = []
    gain = float(row.get("gain dB", float("nan")))
    if gain < EVEN:
        said.append("collapse" if gain < COLLAPSE else "worse than the input")
    for name, limit in LIMITS.items():
        after, before = (float(row.get(f"{prefix}bias_{name}", float("nan"))) for prefix in ("", "input_"))
        # What clipped noise shifts in the input is not the method's doing, as long as it does not add to it.
        if abs(after) > limit and abs(after) > abs(before) + 0.5:
            said.append(f"{name} {after:+.1f} HU".replace("-", "−"))
    if float(row.get("change ×", 0)) > MOST_CHANGE:
        said.append("not left alone")
    if abs(float(row.get("shift HU", 0))) > MOST_SHIFT:
        said.append("shifted")
    return ", ".join(said) or "ok"


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """What is not finite or worse than its input, then what is biased or changed, then the rest by gain."""
    return sorted(rows, key=severity)


def severity(row: Row) -> tuple[int, float]:
    """Of two rows the smaller is worse."""
    text, gain = str(row["verdict"]), float(row.get("gain dB", float("nan")))
    rank = next(
        (i for i, said in enumerate(("not finite", "refused", "collapse", "worse than the input")) if said in text),
        5 if text == "ok" else 4,
    )
    return rank, gain if np.isfinite(gain) else 0.0
