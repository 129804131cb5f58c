"""What the figures of a phantom say together: one row a method and noise, and a verdict against the aim of 5 %."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .figures import AIM, FALSE_HU, SHIFT_HU, Kept, Plain

Row = dict[str, "str | float"]

# heading: which objects it is the mean of
GROUPS = {
    "≤20 HU %": lambda k: k.kind == "disc" and abs(k.contrast) <= 20,
    "≤100 HU %": lambda k: k.kind == "disc" and 20 < abs(k.contrast) <= 100,
    ">100 HU %": lambda k: k.kind == "disc" and abs(k.contrast) > 100,
    "lesions %": lambda k: k.kind == "lesion",
    "nodules %": lambda k: k.kind == "nodule",
    "vessels %": lambda k: k.kind == "vessel",
    "bars %": lambda k: k.kind == "bars",
    "edge width %": lambda k: k.kind == "width",
}
CONTRAST_KINDS = ("disc", "lesion", "nodule", "vessel", "edge")
MEANING = f"""\
HU: noise of what was shown. %: of what the noise-free phantom shows, 100 is perfect, mean ± standard error.
Edge width: over 100 is blur; MTF50: of the same edges.
False: what the output shows in plain places, SD and largest, HU. Shift: of the mean in body and air, HU.
Aim without noise: contrast, edges and bars within {AIM:g} %, nothing false above {FALSE_HU:g} HU, shift within \
{SHIFT_HU:g} HU. With noise the same of the mean image of all draws, beyond two standard errors."""


def summary_row(method: str, noise: float, kept: Sequence[Kept], plain: Sequence[Plain], draws: int) -> Row:
    """The figures of one method at one noise level (HU), and what fails the aim."""
    row: Row = {"method": method, "noise": noise, "draws": draws}
    for heading, chosen in GROUPS.items():
        group = [k for k in kept if chosen(k)]
        row[heading] = float(np.mean([k.kept for k in group])) if group else float("nan")
        if draws > 1 and group:
            row[f"{heading}_sd"] = float(np.sqrt(np.sum([k.error**2 for k in group])) / len(group))
    row["MTF50 %"] = 1e4 / float(row["edge width %"])
    row["false SD"] = float(np.sqrt(np.mean([p.false_sd**2 for p in plain])))
    row["false max"] = float("nan") if noise else max(p.false_max for p in plain)
    row["shift"] = max((p.shift for p in plain), key=abs)
    row["air shift"] = max((p.air_shift for p in plain), key=abs)
    row["verdict"] = verdict(kept, plain, noise)
    return row


def verdict(kept: Sequence[Kept], plain: Sequence[Plain], noise: float = 0.0) -> str:
    """Either "kept", or what fails the aim, the worst object of each sort; noise in HU of what the method was shown."""
    said = []
    sorts = (("contrast", CONTRAST_KINDS), ("edge", ("width",)), ("bars", ("bars",)))
    for word, kinds in sorts:
        lost = sorted((k for k in kept if k.kind in kinds and not k.beyond <= AIM), key=_distance, reverse=True)
        if lost:
            share = f"{word} {lost[0].kept:.0f} %".replace("-", "−")
            said.append(f"{share} ({lost[0].name}; {len(lost)} fail)")
    shifts = [p.shift for p in plain]
    if not noise:  # with noise, what is left of it would count as false, and its clipping in air as a shift
        shifts += [p.air_shift for p in plain if np.isfinite(p.air_shift)]
        false = max(p.false_max for p in plain)
        if not false <= FALSE_HU:
            said.append(f"invents {false:.0f} HU")
    shift = max(shifts, key=abs)
    if not abs(shift) <= SHIFT_HU:
        said.append(f"shift {shift:+.1f} HU".replace("-", "−"))
    return "; ".join(said) or "kept"


def object_rows(method: str, noise: float, phantom: str, kept: Sequence[Kept], draws: int) -> list[Row]:
    """One row an object for the CSV: everything that was measured."""
    return [
        {
            "method": method,
            "noise": noise,
            "draws": draws,
            "phantom": phantom,
            "kind": k.kind,
            "object": k.name,
            "size": float(k.size),
            "contrast": float(k.contrast),
            "kept": k.kept,
            "error": k.error,
            "verdict": "kept" if k.beyond <= AIM else "fails",
        }
        for k in kept
    ]


def _distance(k: Kept) -> float:
    return k.beyond if np.isfinite(k.beyond) else np.inf
