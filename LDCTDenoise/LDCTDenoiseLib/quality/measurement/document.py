"""The answer of a measurement: figures, curves, verdicts and what belongs to them, as one JSON-able document."""

from __future__ import annotations

import contextlib
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata

import numpy as np

from ...version import package_version
from .definitions import definitions_of
from .subject import INPUT, REFERENCE, Subject

RESEARCH_USE = "For research use only. Not for diagnosis."
PACKAGES = ("numpy", "scipy", "SimpleITK", "scikit-image", "matplotlib", "torch")  # that figures may depend on
TITLES = {INPUT: "Original", REFERENCE: "Normal dose"}


@dataclass
class Findings:
    """What the parts of a measurement add to."""

    figures: list[dict] = field(default_factory=list)
    curves: dict[str, dict] = field(default_factory=dict)
    verdicts: list[dict] = field(default_factory=list)
    per_slice: dict[tuple[str, int], dict] = field(default_factory=dict)
    rois: dict | None = None
    edges: list[list[float]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def figure(self, image: str, key: str, value: float, error: float | None = None) -> None:
        """One number; what could not be measured is NaN."""
        self.figures.append({"image": image, "key": key, "value": _number(value), "error": _number(error)})

    def curve(self, key: str, title: str, x: tuple[str, str], y: tuple[str, str], meaning: str = "") -> None:
        """Begins a curve; x and y are (quantity, unit), the meaning is what a reader must know of it."""
        names = {"title": title, "x": x[0], "x_unit": x[1], "y": y[0], "y_unit": y[1]}
        self.curves[key] = {**names, "meaning": meaning, "lines": []}

    def line(
        self, key: str, image: str, x: Sequence[float], y: Sequence[float], error: Sequence[float] | None = None, **also
    ) -> None:
        """One line of a curve, as long as x."""
        numbers = None if error is None else [_number(value) for value in error]
        line = {"image": image, "x": [_number(v) for v in x], "y": [_number(v) for v in y], "error": numbers}
        self.curves[key]["lines"].append({**line, **also})

    def verdict(self, image: str, key: str, light: str, text: str) -> None:
        """light  green, amber, red, or none where it cannot be told."""
        self.verdicts.append({"image": image, "key": key, "light": light, "text": text})

    def of_slice(self, image: str, number: int, **figures: float) -> None:
        """Figures of one slice; `number` is that of the stored slice."""
        row = self.per_slice.setdefault((image, number), {"image": image, "slice": int(number)})
        row.update({key: _number(value) for key, value in figures.items()})

    def value(self, image: str, key: str) -> float:
        """A figure found before, or NaN."""
        for one in self.figures:
            if one["image"] == image and one["key"] == key and one["value"] is not None:
                return one["value"]
        return float("nan")


def document(subject: Subject, found: Findings) -> dict:
    """Everything that reports, tables and plots need; curves without a line are left out."""
    against = "the input" if subject.reference is None else "the normal dose"
    return {
        "research_use": RESEARCH_USE,
        "measured_with": measured_with(subject.most),
        "input": {
            "name": subject.name,
            "shape": [int(side) for side in subject.shape],
            "spacing_mm": [float(step) for step in subject.spacing],
            "slices": [int(number) for number in subject.numbers],
            "slices_total": int(subject.shape[2]),
        },
        "images": list(subject.stacks),
        "titles": {name: _title(subject, name) for name in subject.stacks},
        "reference": None if subject.reference is None else REFERENCE,
        "figures": found.figures,
        "definitions": definitions_of((one["key"] for one in found.figures), against),
        "curves": {key: curve for key, curve in found.curves.items() if curve["lines"]},
        "verdicts": found.verdicts,
        "per_slice": list(found.per_slice.values()),
        "rois": found.rois,
        "edges": found.edges,
        "records": subject.records,
        "notices": [*subject.notices, *_identical(subject), *found.notices],
    }


def measured_with(most: int) -> dict:
    """What measured, and when: another version may give other figures. most  slices that were asked for."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "software": "LDCTDenoise",
        "version": package_version(),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": versions,
        "most": int(most),
    }


def _identical(subject: Subject) -> list[str]:
    """A slip of the hand, mostly: the same file named twice."""
    return [
        f"{_title(subject, name)} is identical to the input in the measured slices."
        for name, hu in subject.stacks.items()
        if name != INPUT and np.array_equal(hu, subject.input)
    ]


def _title(subject: Subject, name: str) -> str:
    return subject.titles.get(name, TITLES.get(name, name))


def rows_of(answer: dict) -> list[dict[str, str | float]]:
    """One flat row per image: method, and every figure by its key; NaN where it could not be measured."""
    rows = {name: {"method": name} for name in answer["images"]}
    for one in answer["figures"]:
        rows[one["image"]][one["key"]] = float("nan") if one["value"] is None else one["value"]
    return list(rows.values())


def _number(value: float | None) -> float | None:
    """A plain float; what is no finite number is null, as JSON has it. Infinite PSNR is told as null too."""
    if value is None or not math.isfinite(value):
        return None
    return float(value) if not isinstance(value, (int, np.integer)) else int(value)
