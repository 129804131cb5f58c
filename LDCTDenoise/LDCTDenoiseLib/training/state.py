"""What a training run has: the network, the moving average of its weights, the optimizer, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..errors import InputError
from .config import TrainingConfig
from .family import Family, make_family


@dataclass
class TrainingState:
    """There are no random numbers in it: those of a step follow from the seed and its number alone.

    family    what the network is
    average   name → averaged weights, what is validated and shipped
    step      steps done, those of the run that this one began with included where it shares their phases
    seconds   that they took
    best      phase (its number) and gain_db of the best validation so far
    origin    what the run began with, in words; empty for random weights
    """

    network: nn.Module
    average: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    family: Family
    step: int = 0
    seconds: float = 0.0
    best: dict[str, float] = field(default_factory=dict)
    origin: str = ""


def new_state(config: TrainingConfig, device: str) -> TrainingState:
    """Random weights, the same for the same seed."""
    family = make_family(config, device)
    torch.manual_seed(config.seed)
    network = family.network()
    family.begin(network)
    network = network.to(device).train()
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    return TrainingState(network, average, family.optimizer(network), family)


def averaged_network(state: TrainingState) -> nn.Module:
    """The network with the averaged weights, float32: what is validated and shipped."""
    network = state.family.network()
    network.load_state_dict(state.average)
    return network.eval()


@torch.no_grad()
def update_average(state: TrainingState) -> None:
    """average ← d·average + (1 − d)·weights, d as the family has it; counters are no averages, and are copied."""
    decay = state.family.decay(state.step)
    if decay is None:
        return
    for name, value in state.network.state_dict().items():
        if value.is_floating_point():
            state.average[name].lerp_(value, 1 - decay)
        else:
            state.average[name].copy_(value)


def check_run(config: TrainingConfig, device: str) -> None:
    """Raises InputError for a device that is not there, and for a network that cannot be, or not with these patches."""
    try:
        float(torch.zeros(1, device=torch.device(device)))
    except (RuntimeError, AssertionError, ImportError) as error:  # PyTorch has no one error for this
        raise InputError(f"This computer or its PyTorch has no device {device!r}; choose another, e.g. cpu.") from error
    family = make_family(config, device)
    try:
        network = family.network()
        if not all(p.numel() for p in network.parameters()):
            raise ValueError("a layer without channels")
        multiple = family.multiple
    except (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError, MemoryError) as error:
        raise InputError(f"There is no network with the values of [network] in the configuration: {error}.") from error
    for phase in config.phases:
        if phase.patch % multiple:
            raise InputError(
                f"The patch of the phase {phase.name!r} is {phase.patch}, no multiple of {multiple}, "
                "as this network needs it."
            )
