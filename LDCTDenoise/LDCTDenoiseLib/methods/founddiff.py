"""FoundDiff as a method: HU slices in, HU slices out; perception once a slice, the denoising network `steps` times."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .contract import check_batch
from .noise import gaussian_noise

if TYPE_CHECKING:  # torch is imported where it computes: the classical methods live without it
    import torch
    from torch import Tensor

    from ..networks import DACLIP, DADiffUNet

LOWEST, HIGHEST = -1000.0, 2000.0  # the HU window that both networks see
MOST_STEPS = 1000  # as many times as the schedule has
PUBLISHED_STEPS = 2


def to_network(hu: Tensor) -> Tensor:
    """HU → network units: [−1000, 2000] becomes [−1, 1], values outside are clipped."""
    return ((hu - LOWEST) * (2 / (HIGHEST - LOWEST)) - 1).clamp(-1, 1)


def from_network(x: Tensor) -> Tensor:
    """Network units → HU."""
    return (x + 1) * ((HIGHEST - LOWEST) / 2) + LOWEST


class FoundDiff:
    """Fulfils `contract.Denoiser`; the engine says where and in which precision it computes (`place`).

    unet        predicts the residual
    perception  tells it the dose and the anatomy; None for a network that was trained without
    start       "published" or "consistent", see `networks.sample_residual_diffusion`
    steps       evaluations of the unet a slice; may be set at any time
    """

    uses_device = True
    is_random = True

    def __init__(
        self,
        id: str,
        unet: DADiffUNet,
        perception: DACLIP | None,
        start: str = "published",
        steps: int = PUBLISHED_STEPS,
    ):
        self.id, self.start, self.default_steps = id, start, steps
        self.steps = steps
        self._master = unet.eval().requires_grad_(False).fold_weights()
        self._perception = None if perception is None else perception.eval().requires_grad_(False)
        self._unet = self._master

    @property
    def steps(self) -> int:
        return self._steps

    @steps.setter
    def steps(self, count: int) -> None:
        if not 1 <= count <= MOST_STEPS:
            raise InputError(f"The number of steps must lie between 1 and {MOST_STEPS}, not {count}.")
        self._steps = count

    def place(self, device: str, dtype: torch.dtype) -> None:
        """Compute on `device` in `dtype` from now on. The float32 weights are kept, so that every change is exact.

        Perception stays in float32: it runs once a slice, and what it tells reaches every pixel.
        """
        import torch

        from ..networks import chosen_scan

        try:
            chosen_scan(device, torch.float32)
        except ValueError as error:  # the user named a scan that cannot be used here
            raise InputError(str(error)) from error
        unet = self._master
        if device != "cpu" or dtype != torch.float32:
            unet = copy.deepcopy(unet).to(device).with_body(dtype)
        # oneDNN and cuDNN convolve fastest with the channels innermost; MPS does not gain
        layout = torch.contiguous_format if device == "mps" else torch.channels_last
        self._unet = unet.to(memory_format=layout)
        if self._perception is not None:
            self._perception = self._perception.to(device, memory_format=layout)

    def perceive(self, slices_hu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What perception makes of slices: float32 [n, rows, columns] HU → dose and anatomy embeddings [n, …]."""
        import torch

        if self._perception is None:
            raise InputError(f"{self.id} was trained without perception: it can tell neither dose nor anatomy.")
        slices = check_batch(slices_hu, range(len(slices_hu)))
        with torch.inference_mode():
            device = next(self._perception.parameters()).device
            dose, anatomy = self._perception(to_network(torch.from_numpy(slices)[:, None]).to(device))
        return dose.cpu().numpy(), anatomy.cpu().numpy()

    def denoise(
        self, slices_hu: np.ndarray, *, seeds: Sequence[int], spacing: tuple[float, float] | None = None
    ) -> np.ndarray:
        """See `contract.Denoiser.denoise`. HU outside the window are not seen by the network and stay as they are.

        Perception looks at the slice without the rows and columns that the other network needs beside it: it takes
        any size, and no border that nobody measured should change what it sees.
        """
        import torch

        from ..networks import sample_residual_diffusion

        slices = check_batch(slices_hu, seeds)
        device = next(self._unet.parameters()).device
        rows, columns = slices.shape[1:]
        below, right = (-side % self._unet.multiple for side in (rows, columns))
        with torch.inference_mode():
            x = to_network(torch.from_numpy(slices)[:, None]).to(device)
            dose, anatomy = (None, None) if self._perception is None else self._perception(x)
            x = torch.nn.functional.pad(x, (0, right, 0, below), mode="replicate")
            noise = torch.from_numpy(gaussian_noise(seeds, x.shape[2:])).to(device)
            y = sample_residual_diffusion(self._unet, x, noise, dose, anatomy, self.steps, self.start)
            out = from_network(y)[:, 0, :rows, :columns].cpu().numpy()
        outside = (slices < LOWEST) | (slices > HIGHEST)
        return np.where(outside, slices, out)
