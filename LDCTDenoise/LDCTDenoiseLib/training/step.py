"""One step: a batch through the network, the objective, clipped gradients, the optimizer, the moving average."""

from __future__ import annotations

import math

import numpy as np
import torch

from ..methods.rddm import from_network, to_network
from .batches import Batch
from .config import TrainingConfig
from .distributed import Alone
from .objectives import decibel_loss, drifting_loss
from .state import TrainingState, update_average

CLIP = 1.0  # largest norm of a gradient


def take_step(state: TrainingState, batch: Batch, config: TrainingConfig, engine: Alone) -> dict[str, float]:
    """The figures of the step, for the log. Where the gradient is no number, the weights stay what they were.

    loss, l1_hu (mean |output − normal dose|, HU), drift_norm, gradient (norm before clipping) and residual (standard
    deviation of the generated residuals over that of the real ones: 0 where the output is the input).
    """
    for group in state.optimizer.param_groups:
        group["lr"] = batch.phase.rate(batch.number)
    device = engine.device
    x = to_network(torch.from_numpy(batch.low).to(device))
    residual = to_network(torch.from_numpy(batch.normal).to(device)) - x
    seed = [config.seed, state.step, engine.rank] if engine.rank else [config.seed, state.step]
    noise = torch.from_numpy(np.random.default_rng(seed).standard_normal(x.shape, np.float32)).to(device)
    generated = torch.tanh(engine.forward(state.network, noise, x).float())
    figures = drifting_loss(generated, residual, batch.phase.temperatures, batch.phase.l1_weight)
    loss = shown = figures.loss
    if batch.phase.paired == "decibel":
        loss = decibel_loss(generated, residual)
        shown = loss.exp()  # positive like every other
    state.optimizer.zero_grad(set_to_none=True)
    engine.backward(loss)
    norm = torch.nn.utils.clip_grad_norm_(state.network.parameters(), CLIP)
    with torch.no_grad():
        ratio = generated.std() / residual.std().clamp_min(1e-8)
        values = torch.stack(
            [shown.detach(), figures.l1, figures.drift_norm, norm, ratio]
        ).tolist()  # one wait for a GPU
    if math.isfinite(values[3]):
        state.optimizer.step()
        update_average(state, config.ema)
    hu = float(from_network(torch.ones(())) - from_network(torch.zeros(())))
    names = ("loss", "l1_hu", "drift_norm", "gradient", "residual")
    return dict(zip(names, (values[0], values[1] * hu, *values[2:]), strict=True))
