"""From a training run to a model that can be used: averaged weights as float16 safetensors, and a card."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from ..weights.cards import Card
from ..weights.store import save_weights
from .config import TrainingConfig
from .state import TrainingState

REFERENCES = ["Wang, Lyu, Wang: RDDM, arXiv 2605.17188 (2026)", "Yu et al., JCAT 2012 (noise insertion)"]


def export(config: TrainingConfig, state: TrainingState, series: list[str], folder: Path) -> Card:
    """Write `<id>.safetensors` and `<id>.json` to `folder`; `evaluate --record` adds what it measures to the card."""
    trained = [name for name in series if name not in config.validation]
    phases = "; ".join(
        f"{p.name}: {p.steps} steps of {p.batch}×{p.patch}²"
        + (f", drifting τ {', '.join(map(str, p.temperatures))}" if p.temperatures else ", L1")
        for p in config.phases
    )
    begun = f", {state.origin}" if state.origin else ""
    card = Card(
        id=config.id,
        title=config.title,
        version=config.version,
        family="rddm",
        description=config.description,
        network=config.network,
        hu_window=(-1024.0, 3072.0),
        licence=config.licence,
        training_data=(
            f"{config.training_source[0].upper()}{config.training_source[1:]}: "
            f"{len(trained)} series ({', '.join(trained)}); "
            f"projection-domain noise at {config.dose[0]:g} to {config.dose[1]:g} of the dose. {phases}. "
            f"{state.step} steps in {state.seconds:.0f} s on {_machine(state)}{begun}."
        ),
        intended_use=config.intended_use,
        references=REFERENCES,
    )
    weights = {name: value.cpu() for name, value in state.average.items()}
    return save_weights(folder, card, weights, dtype="float16")


def _machine(state: TrainingState) -> str:
    device = next(iter(state.average.values())).device  # where it ran, which need not be the best there is
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return f"{device.type}, {platform.machine()}"
    return f"{torch.get_num_threads()} {platform.machine()} processor cores"
