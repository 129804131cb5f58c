"""How far the training is: whole slices of patients that it never sees, at a quarter of their dose."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch

from ..methods.rddm import from_network, to_network
from ..networks import RDDMUNet
from ..quality.texture.noise import DEFAULT_SPACING_MM, global_noise_level
from .noise_bank import NoisySeries

DOSE = 0.25
SLICES = 4  # a series
NOISIER = 2.0  # every other slice gets noise of this size, in multiples of its own, before its dose is lowered


@dataclass(frozen=True)
class ValidationSet:
    """low, normal: slices [1, rows, columns] float32 HU, one by one since series differ in size; names: of each."""

    low: list[np.ndarray]
    normal: list[np.ndarray]
    names: list[str]

    @classmethod
    def of(cls, series: list[NoisySeries]) -> ValidationSet:
        low, normal, names = [], [], []
        for one in series:
            places = np.linspace(0, len(one.normal_dose) - 1, SLICES + 2).astype(int)[1:-1]
            for number, i in enumerate(dict.fromkeys(places.tolist())):  # a short series has fewer
                extra = one.level[i] * NOISIER * (number % 2)
                noise = one.noise[i, 0].astype(np.float32) * np.hypot(one.level[i], extra) * np.sqrt(1 / DOSE - 1)
                normal.append((one.normal_dose[i] + extra * one.noise[i, 1].astype(np.float32))[None])
                low.append(np.clip(normal[-1] + noise, -1024, 3071).astype(np.float32))
                names.append(f"{one.name}, slice {i}")
        return cls(low, normal, names)

    def __len__(self) -> int:
        return len(self.low)

    def images(
        self, network: RDDMUNet, number: int, draw: int = 0, device: str = "cpu"
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(low dose, output, normal dose) of slice `number`, each [rows, columns] HU; `draw` decides ε.

        Cut to multiples of the network's coarsest pixel, which is all that it takes; less than one of them is lost.
        """
        rows, columns = (side - side % network.multiple for side in self.low[number].shape[1:])
        low, normal = (stack[number][0, :rows, :columns] for stack in (self.low, self.normal))
        x = to_network(torch.from_numpy(low[None, None].copy()).to(device))
        noise = np.random.default_rng([number, draw]).standard_normal(x.shape, np.float32)
        with torch.no_grad():
            residual = torch.tanh(network(torch.from_numpy(noise).to(device), x))
            output = from_network((x + residual).clamp(-1, 1))[0, 0].cpu().numpy()
        return low, output, normal

    def evaluate(self, network: RDDMUNet, device: str = "cpu") -> dict[str, float]:
        """Means over the slices; none where there are no slices.

        gain_db, worst_db  PSNR over that of the low dose, mean and least
        spread_hu          noise of the output that came with ε
        noise_ratio        global noise level over that of the normal dose; NaN where no slice shows soft tissue
        bias_hu            output − normal dose inside the body (above −200 HU)
        """
        if not self.low:
            return {}
        network = network.to(device)
        rows = []
        for number in range(len(self.low)):
            low, output, normal = self.images(network, number, 0, device)
            other = self.images(network, number, 1, device)[1]
            before, after = np.square(low - normal).mean(), np.square(output - normal).mean()
            noise, own = (global_noise_level(hu, DEFAULT_SPACING_MM) for hu in (output, normal))
            inside = normal > -200
            rows.append(
                (
                    10 * np.log10(before / after),
                    (output - other).std() / np.sqrt(2),
                    noise / own if own > 0 else np.nan,
                    (output - normal)[inside].mean() if inside.any() else np.nan,
                )
            )
        gains, spread, ratios, bias = np.array(rows, np.float64).T
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # no slice with soft tissue: the mean of nothing is NaN
            ratio, bias = np.nanmean(ratios), np.nanmean(bias)
        return {
            "gain_db": float(gains.mean()),
            "worst_db": float(gains.min()),
            "spread_hu": float(spread.mean()),
            "noise_ratio": float(ratio),
            "bias_hu": float(bias),
        }
