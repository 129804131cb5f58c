"""RDDM in the laboratory: paired regression and the drifting objective, one network evaluation a slice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..methods.rddm import from_network, to_network
from ..networks import RDDMUNet
from .batches import Batch, batches
from .config import Phase
from .distributed import Alone
from .family import Family
from .noise_bank import NoisySeries
from .objectives import decibel_loss, drifting_loss
from .samples import draw_samples
from .state import TrainingState
from .validation import ValidationSet

OBJECTIVES = {"l1": "L1", "decibel": "mean PSNR"}


class RDDMFamily(Family):
    """figures: l1_hu (mean |output − normal dose|, HU), drift_norm, and residual (standard deviation of the generated
    residuals over that of the real ones, which count as 1 HU at least: 0 where the output is the input)."""

    objectives = tuple(OBJECTIVES)
    figures = ("loss", "l1_hu", "drift_norm", "gradient", "residual")
    references = ("Wang, Lyu, Wang: RDDM, arXiv 2605.17188 (2026)", "Yu et al., JCAT 2012 (noise insertion)")

    def __init__(self, config, device: str = "cpu"):
        super().__init__(config, device)
        if config.options:
            raise InputError(f"The family rddm has no options: {', '.join(map(str, config.options))}.")

    def network(self) -> RDDMUNet:
        return RDDMUNet(**self.config.network)

    @property
    def multiple(self) -> int:
        with torch.device("meta"):
            return self.network().multiple

    def begin(self, network: RDDMUNet) -> None:
        with torch.no_grad():
            network.input_blocks[0][0].weight[:, 0] *= self.config.noise_input
        network.mixed = torch.bfloat16 if self.config.precision == "bfloat16" else None

    def optimizer(self, network: RDDMUNet) -> torch.optim.Optimizer:
        """AdamW without weight decay, as the paper has it."""
        return torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.0)

    def batches(self, series: list[NoisySeries], start: int, rank: int, threads: int) -> Iterator[Batch]:
        return batches(self.config, series, start, rank, threads)

    def backward(self, state: TrainingState, batch: Batch, engine: Alone) -> dict[str, Tensor]:
        x = to_network(torch.from_numpy(batch.low).to(engine.device))
        residual = to_network(torch.from_numpy(batch.normal).to(engine.device)) - x
        seed = [self.config.seed, state.step, engine.rank] if engine.rank else [self.config.seed, state.step]
        noise = torch.from_numpy(np.random.default_rng(seed).standard_normal(x.shape, np.float32)).to(engine.device)
        generated = torch.tanh(engine.forward(state.network, noise, x).float())
        figures = drifting_loss(generated, residual, batch.phase.temperatures, batch.phase.l1_weight)
        loss = shown = figures.loss
        if batch.phase.paired == "decibel":
            loss = decibel_loss(generated, residual)
            shown = (loss / 2).exp()  # positive like every other, and of the size of an error, not of its square
        engine.backward(loss)
        with torch.no_grad():
            hu = from_network(torch.ones(())) - from_network(torch.zeros(()))
            return {
                "loss": shown.detach(),
                "l1_hu": figures.l1 * hu,
                "drift_norm": figures.drift_norm,
                "residual": generated.std() / residual.std().clamp_min(1 / hu),
            }

    def shown(self, figures: dict[str, float]) -> str:
        return f"loss {figures['loss']:.3e}  L1 {figures['l1_hu']:.2f} HU"

    def validation(self, held_out: list[NoisySeries], training: list[NoisySeries]) -> ValidationSet:
        return ValidationSet.of(held_out)

    def draw_samples(self, folder: Path, step: int, validation: ValidationSet, network: RDDMUNet) -> None:
        draw_samples(folder, step, validation, network, self.device)

    def objective_in_words(self, phase: Phase) -> str:
        if phase.temperatures:
            return f"drifting τ {', '.join(map(str, phase.temperatures))}"
        return OBJECTIVES[phase.paired]
