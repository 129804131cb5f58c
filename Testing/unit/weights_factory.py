"""Made-up models for the tests of weights: a small network, cards for it, checkpoints in the authors' layout."""

from __future__ import annotations

from pathlib import Path

import torch
from LDCTDenoiseLib.networks import RDDMUNet
from LDCTDenoiseLib.weights.cards import Card

SMALL = {"width": 8, "multipliers": [1, 1], "blocks": 1}
TEXTS = {
    "licence": "CC0-1.0",
    "training_data": "Made up.",
    "intended_use": "Tests.",
}


def a_card(id: str = "rddm-test", **values) -> Card:
    """A card of the small network, without weights."""
    known = {
        "title": "A test",
        "version": "1",
        "family": "rddm",
        "description": "For tests.",
        "network": SMALL,
        "hu_window": (-1024, 3072),
        **TEXTS,
    }
    return Card(id=id, **{**known, **values})


def a_shipped_folder(folder: Path) -> Path:
    """What comes with the program, small: three cards that wait for the authors' weights, and one classical method."""
    folder.mkdir()
    for variant in ("fine", "balanced", "smooth"):
        card = a_card(f"rddm-{variant}-official", obtain="get it from the authors")
        (folder / f"{card.id}.json").write_text(card.to_json(), encoding="utf-8")
    classical = a_card("nlm", family="classical", network={}, hu_window=None)
    (folder / "nlm.json").write_text(classical.to_json(), encoding="utf-8")
    return folder


def a_state(seed: int = 0, **network) -> dict[str, torch.Tensor]:
    """Weights of the small network (or of another), every value of a parameter the same number of its own."""
    with torch.device("meta"):
        shapes = {name: p.shape for name, p in RDDMUNet(**(network or SMALL)).named_parameters()}
    return {name: torch.full(shape, seed + (i + 1) / 1024) for i, (name, shape) in enumerate(shapes.items())}


def a_checkpoint(path: Path, state: dict, ema: list | None = None, **more) -> Path:
    """A file in the authors' layout."""
    content = {"model": state, "optimizer": {"state": {}}, "scheduler": {"last_epoch": 3}, "step": 50_000}
    content["extra_state"] = {"best": 0.5}
    if ema is not None:
        content["ema"] = ema
    torch.save({**content, **more}, path)
    return path
