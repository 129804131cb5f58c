"""One step: the gradient of a batch, clipped, the optimizer, the moving average."""

from __future__ import annotations

import math

import torch

from .config import TrainingConfig
from .distributed import Alone
from .state import TrainingState, update_average

CLIP = 1.0  # largest norm of a gradient


def take_step(state: TrainingState, batch, config: TrainingConfig, engine: Alone) -> dict[str, float]:
    """The figures of the step, for the log. Where the gradient is no number, the weights stay what they were.

    Those of the family, and gradient (norm before clipping).
    """
    for group in state.optimizer.param_groups:
        group["lr"] = batch.phase.rate(batch.number) * group.get("scale", 1.0)
    state.optimizer.zero_grad(set_to_none=True)
    found = state.family.backward(state, batch, engine)
    found["gradient"] = torch.nn.utils.clip_grad_norm_(state.network.parameters(), CLIP)
    names = state.family.figures
    values = torch.stack([found[name].detach().float() for name in names]).tolist()  # one wait for a GPU
    figures = dict(zip(names, values, strict=True))
    if math.isfinite(figures["gradient"]):
        state.optimizer.step()
        update_average(state)
    return figures
