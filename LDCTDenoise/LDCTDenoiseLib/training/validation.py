"""How far the training is: whole slices of patients that it never sees, at a quarter of their dose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..methods.rddm import from_network, to_network
from ..networks import RDDMUNet
from .noise_bank import NoisySeries

DOSE = 0.25
SLICES = 4  # a series


@dataclass(frozen=True)
class ValidationSet:
    """low, normal: slices [1, rows, columns] float32 HU, one by one since series differ in size."""

    low: list[np.ndarray]
    normal: list[np.ndarray]

    @classmethod
    def of(cls, series: list[NoisySeries]) -> ValidationSet:
        low, normal = [], []
        for one in series:
            for i in np.linspace(0, len(one.normal_dose) - 1, SLICES + 2).astype(int)[1:-1]:
                noise = one.noise[i, 0].astype(np.float32) * one.level[i] * np.sqrt(1 / DOSE - 1)
                normal.append(one.normal_dose[i].astype(np.float32)[None])
                low.append(np.clip(normal[-1] + noise, -1024, 3071).astype(np.float32))
        return cls(low, normal)

    @torch.no_grad()
    def evaluate(self, network: RDDMUNet, device: str = "cpu") -> dict[str, float]:
        """Mean gain in PSNR over the low-dose slices, dB, and noise of the output's error part that came with ε, HU."""
        if not self.low:
            return {}
        network = network.to(device)
        gains, spread = [], []
        for i, (low, normal) in enumerate(zip(self.low, self.normal, strict=True)):
            # the network takes multiples of its coarsest pixel only; what is cut off is less than one of them
            rows, columns = (side - side % network.multiple for side in low.shape[1:])
            low, normal = low[:, :rows, :columns], normal[:, :rows, :columns]
            x = to_network(torch.from_numpy(low[None].copy()).to(device))
            outputs = []
            for draw in range(2):
                noise = np.random.default_rng([i, draw]).standard_normal(x.shape, np.float32)
                residual = torch.tanh(network(torch.from_numpy(noise).to(device), x))
                outputs.append(from_network((x + residual).clamp(-1, 1))[0].cpu().numpy())
            before, after = np.square(low - normal).mean(), np.square(outputs[0] - normal).mean()
            gains.append(10 * np.log10(before / after))
            spread.append((outputs[0] - outputs[1]).std() / np.sqrt(2))
        return {"gain_db": float(np.mean(gains)), "worst_db": float(np.min(gains)), "spread_hu": float(np.mean(spread))}
