"""Configurations of FoundDiff's two stages, made for a test: networks of some thousand weights, a few steps."""

from __future__ import annotations

from pathlib import Path

from LDCTDenoiseLib.training.config import Phase, TrainingConfig
from training_factory import a_config, a_series

SERIES = ("body-1", "body-2", "head", "held-out")
ANATOMY = {"body-*": "body", "head": [[0, 4, "head"]], "held-out": "body"}
TEXT = {"width": 16, "heads": 2, "layers": 1, "vocabulary": 0, "context": 24}
PERCEPTION = {"embed": 16, "layers": [1, 1, 1, 1], "width": 4, "anatomy_features": 8, "text": TEXT}


def some_series() -> list:
    return [a_series(name, level=5.0 + 5 * number) for number, name in enumerate(SERIES)]


def a_perception_config(folder: Path, **changes) -> TrainingConfig:
    phases = (Phase("a", 2, 32, 4, 1e-3, paired="contrast"), Phase("b", 3, 64, 3, 1e-3, 1e-4, paired="contrast"))
    values = {
        "id": "tiny-perception", "family": "perception", "network": PERCEPTION, "phases": phases,
        "options": {"anatomy": ANATOMY, "divisors": [1, 2, 4, 20]},
    }  # fmt: skip
    return a_config(folder, **{**values, **changes})


def a_founddiff_config(folder: Path, perception: Path | None, **changes) -> TrainingConfig:
    phases = (Phase("a", 2, 32, 3, 1e-3, paired="decibel"), Phase("b", 3, 32, 4, 1e-3, 1e-4, paired="mse"))
    values = {
        "id": "tiny-founddiff", "family": "founddiff", "perception": perception, "phases": phases,
        "network": {"dim": 8, "multipliers": [1, 2], "fold": 2}, "options": {"doses": [0.5, 0.1], "used_times": 0.5},
    }  # fmt: skip
    return a_config(folder, **{**values, **changes})
