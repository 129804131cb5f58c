"""Validation of FoundDiff: the whole sampler on slices that are never trained on, judged as every denoiser is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from ..methods.founddiff import HIGHEST, LOWEST, from_network, to_network
from ..networks import DACLIP, DADiffUNet, sample_residual_diffusion
from .validation import ValidationSet


@dataclass(frozen=True)
class FoundDiffValidation(ValidationSet):
    """perception: None for a network without; steps, start: of the sampler."""

    perception: DACLIP | None = None
    steps: int = 2
    start: str = "consistent"

    def with_sampler(self, perception: DACLIP | None, steps: int, start: str) -> FoundDiffValidation:
        return replace(self, perception=perception, steps=steps, start=start)

    def images(
        self, network: DADiffUNet, number: int, draw: int = 0, device: str = "cpu"
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As ValidationSet.images; HU outside the window stay as they are."""
        rows, columns = (side - side % network.multiple for side in self.low[number].shape[1:])
        low, normal = (stack[number][0, :rows, :columns] for stack in (self.low, self.normal))
        x = to_network(torch.from_numpy(low[None, None].copy()).to(device))
        noise = torch.from_numpy(np.random.default_rng([number, draw]).standard_normal(x.shape, np.float32)).to(device)
        with torch.no_grad():
            seen = (None, None) if self.perception is None else self.perception(x)
            estimate = sample_residual_diffusion(network, x, noise, *seen, self.steps, self.start)
            output = from_network(estimate)[0, 0].cpu().numpy()
        return low, np.where((low < LOWEST) | (low > HIGHEST), low, output), normal
