"""What a training run has: the network, the moving average of its weights, the optimizer, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import InputError
from ..networks import RDDMUNet
from .config import TrainingConfig


@dataclass
class TrainingState:
    """There are no random numbers in it: those of a step follow from the seed and its number alone.

    average   name → averaged weights, what is validated and shipped
    step      steps done, those of the run that this one began with included where it shares their phases
    seconds   that they took
    best      phase (its number) and gain_db of the best validation so far
    origin    what the run began with, in words; empty for random weights
    """

    network: RDDMUNet
    average: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    best: dict[str, float] = field(default_factory=dict)
    origin: str = ""


def new_state(config: TrainingConfig, device: str) -> TrainingState:
    """Random weights, the same for the same seed."""
    torch.manual_seed(config.seed)
    network = RDDMUNet(**config.network)
    with torch.no_grad():
        network.input_blocks[0][0].weight[:, 0] *= config.noise_input
    network = network.to(device).train()
    network.mixed = torch.bfloat16 if config.precision == "bfloat16" else None
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    return TrainingState(network, average, new_optimizer(network))


def new_optimizer(network: RDDMUNet) -> torch.optim.Optimizer:
    """AdamW without weight decay, as the paper has it; each step sets its own rate."""
    return torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.0)


def averaged_network(config: TrainingConfig, state: TrainingState) -> RDDMUNet:
    """The network with the averaged weights, float32: what is validated and shipped."""
    network = RDDMUNet(**config.network)
    network.load_state_dict(state.average)
    return network.eval()


@torch.no_grad()
def update_average(state: TrainingState, ema: float) -> None:
    """average ← d·average + (1 − d)·weights, with a short memory while everything still moves."""
    decay = min(ema, (1 + state.step) / (10 + state.step))
    for name, value in state.network.state_dict().items():
        state.average[name].lerp_(value, 1 - decay)


def check_run(config: TrainingConfig, device: str) -> None:
    """Raises InputError for a device that is not there, and for a network that cannot be, or not with these patches."""
    try:
        float(torch.zeros(1, device=torch.device(device)))
    except (RuntimeError, AssertionError, ImportError) as error:  # PyTorch has no one error for this
        raise InputError(f"This computer or its PyTorch has no device {device!r}; choose another, e.g. cpu.") from error
    try:
        network = RDDMUNet(**config.network)
        if not all(p.numel() for p in network.parameters()):
            raise ValueError("a layer without channels")
    except (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError, MemoryError) as error:
        raise InputError(f"There is no network with the values of [network] in the configuration: {error}.") from error
    for phase in config.phases:
        if phase.patch % network.multiple:
            raise InputError(
                f"The patch of the phase {phase.name!r} is {phase.patch}, no multiple of {network.multiple}, "
                "as this network needs it."
            )
