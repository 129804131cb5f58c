"""From a training run to a model that can be used: averaged weights as float16 safetensors, and a card."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from ..weights.cards import Card
from ..weights.store import save_weights
from .config import TrainingConfig
from .noise_bank import NoisySeries
from .state import TrainingState


def export(
    config: TrainingConfig,
    state: TrainingState,
    series: list[str],
    folder: Path,
    data: list[NoisySeries] | None = None,
) -> Card:
    """Write `<id>.safetensors` and `<id>.json` to `folder`; `evaluate --record` adds what it measures to the card.

    series  names; data: the series themselves, from which a family may measure what it ships beside its network
    """
    family = state.family
    trained = [name for name in series if name not in config.validation]
    phases = "; ".join(
        f"{p.name}: {p.steps} steps of {p.batch}×{p.patch}², {family.objective_in_words(p)}" for p in config.phases
    )
    begun = f", {state.origin}" if state.origin else ""
    weights, network = family.shipped(state, data or [])
    card = Card(
        id=config.id,
        title=config.title,
        version=config.version,
        family=family.card_family,
        description=config.description,
        network=network,
        hu_window=family.hu_window,
        licence=config.licence,
        training_data=(
            f"{config.training_source[0].upper()}{config.training_source[1:]}: "
            f"{len(trained)} series ({', '.join(trained)}); "
            f"projection-domain noise at {family.doses_in_words()}. {phases}. "
            f"{state.step} steps in {state.seconds:.0f} s on {_machine(state)}{begun}.{family.more_training_data()}"
        ),
        intended_use=config.intended_use,
        references=list(family.references),
        **family.card_values(),
    )
    return save_weights(folder, card, weights, dtype="float16")


def _machine(state: TrainingState) -> str:
    device = next(iter(state.average.values())).device  # where it ran, which need not be the best there is
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return f"{device.type}, {platform.machine()}"
    return f"{torch.get_num_threads()} {platform.machine()} processor cores"
