"""RDDM as a method: HU slices in, HU slices out, one network evaluation a slice."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .contract import check_batch
from .noise import gaussian_noise

if TYPE_CHECKING:  # torch is imported where it computes: the classical methods live without it
    import torch
    from torch import Tensor

    from ..networks import RDDMUNet

LOWEST, HIGHEST = -1024.0, 3072.0  # the HU window that the network sees


def to_network(hu: Tensor) -> Tensor:
    """HU → network units: [−1024, 3072] becomes [−1, 1], values outside are clipped."""
    return ((hu - LOWEST) * (2 / (HIGHEST - LOWEST)) - 1).clamp(-1, 1)


def from_network(x: Tensor) -> Tensor:
    """Network units → HU."""
    return (x + 1) * ((HIGHEST - LOWEST) / 2) + LOWEST


class RDDM:
    """Fulfils `contract.Denoiser`; the engine says where and in which precision it computes (`place`)."""

    uses_device = True
    is_random = True

    def __init__(self, id: str, network: RDDMUNet):
        self.id = id
        self._master = network.eval().requires_grad_(False).fold_embedding()
        self._network = self._master

    def place(self, device: str, dtype: torch.dtype) -> None:
        """Compute on `device` in `dtype` from now on. The float32 weights are kept, so that every change is exact."""
        import torch

        network = self._master
        if device != "cpu" or dtype != torch.float32:
            network = copy.deepcopy(network).to(device).with_body(dtype)
        # oneDNN and cuDNN convolve fastest with the channels innermost; MPS does not gain
        layout = torch.contiguous_format if device == "mps" else torch.channels_last
        self._network = network.to(memory_format=layout)

    def denoise(
        self, slices_hu: np.ndarray, *, seeds: Sequence[int], spacing: tuple[float, float] | None = None
    ) -> np.ndarray:
        """See `contract.Denoiser.denoise`. HU outside the window are not seen by the network and stay as they are."""
        import torch

        slices = check_batch(slices_hu, seeds)
        device = next(self._network.parameters()).device
        rows, columns = slices.shape[1:]
        below, right = (-side % self._network.multiple for side in (rows, columns))
        with torch.inference_mode():
            x = to_network(torch.from_numpy(slices)[:, None])
            x = torch.nn.functional.pad(x, (0, right, 0, below), mode="replicate").to(device)
            raw = self._network(torch.from_numpy(gaussian_noise(seeds, x.shape[2:])).to(device), x)
            y = (x + torch.tanh(raw.float())).clamp(-1, 1)
            out = from_network(y)[:, 0, :rows, :columns].cpu().numpy()
        outside = (slices < LOWEST) | (slices > HIGHEST)
        return np.where(outside, slices, out)
