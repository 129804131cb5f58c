"""Does a method keep a faint lesion? Figures and curves of the detectability of lesions put into the volume."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import numpy as np

from ..task.detectability import Method, detectability, verdict
from .document import Findings
from .subject import INPUT, Subject

ASKED = (5.0, 15.0)  # mm, HU: the lesion that the verdict is about


def measure_task(
    subject: Subject, found: Findings, methods: dict[str, Method], seed: int = 0, progress: Callable | None = None
) -> None:
    """methods  image name → HU [n, rows, columns] denoised as the image was. Raises InputError where no lesion fits."""
    rows = detectability(subject.input, subject.pixel, methods, seed=seed, progress=progress)
    for row in rows:
        size = f"{row['diameter_mm']:g}mm_{row['contrast_hu']:g}hu"
        found.figure(row["image"], f"dprime_{size}", row["dprime"], row["dprime_error"])
        if row["image"] != INPUT:
            found.figure(row["image"], f"kept_{size}", row["kept"], row["kept_error"])
    for contrast in sorted({row["contrast_hu"] for row in rows}):
        key = f"detectability_{contrast:g}hu"
        found.curve(key, f"Lesions of {contrast:g} HU", ("diameter", "mm"), ("d′", ""))
        of_contrast = [row for row in rows if row["contrast_hu"] == contrast and np.isfinite(row["dprime"])]
        for image, group in groupby(of_contrast, lambda row: row["image"]):
            line = sorted(group, key=lambda row: row["diameter_mm"])
            x, y, error = ([row[name] for row in line] for name in ("diameter_mm", "dprime", "dprime_error"))
            found.line(key, image, x, y, error)
    for name in methods:
        light, text = verdict(rows, name, *ASKED, title=subject.titles.get(name, name))
        found.verdict(name, "detectability", light, text)
