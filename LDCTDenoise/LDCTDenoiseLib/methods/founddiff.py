"""FoundDiff as a method: HU slices in, HU slices out; perception once a slice, the denoising network `steps` times."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .contract import check_batch
from .stages import NetworkMethod
from .window import Window

if TYPE_CHECKING:  # torch is imported where it computes: the classical methods live without it
    import torch
    from torch import Tensor

    from ..networks import DACLIP, DADiffUNet
    from ..networks.dadiff_quick import QuickDADiff

WINDOW = Window(-1000.0, 2000.0)  # that both networks see
LOWEST, HIGHEST = WINDOW
to_network, from_network = WINDOW.to_network, WINDOW.from_network
MOST_STEPS = 1000  # as many times as the schedule has
PUBLISHED_STEPS = 2


class FoundDiff(NetworkMethod):
    """Fulfils `contract.Denoiser`; the engine says where and in which precision it computes (`place`).

    unet        predicts the residual
    perception  tells it the dose and the anatomy; None for a network that was trained without
    start       "published" or "consistent", see `networks.sample_residual_diffusion`
    steps       evaluations of the unet a slice; may be set at any time
    """

    window = WINDOW

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
        self._unet: DADiffUNet | QuickDADiff = self._master
        self._settle("cpu", self._master.multiple, plain=True)

    @property
    def steps(self) -> int:
        return self._steps

    @steps.setter
    def steps(self, count: int) -> None:
        if not 1 <= count <= MOST_STEPS:
            raise InputError(f"The number of steps must lie between 1 and {MOST_STEPS}, not {count}.")
        self._steps = count

    def place(self, device: str, dtype: torch.dtype, *, plain: bool = False) -> None:
        """Compute on `device` in `dtype` from now on. The float32 weights are kept, so that every change is exact.

        plain  without anything that is there only for speed: what the self-check holds the others against

        Perception stays in float32: it runs once a slice, and what it tells reaches every pixel.
        """
        import torch

        from ..networks import chosen_scan
        from ..networks.convolution_quick import packs
        from ..networks.dadiff_quick import QuickDADiff
        from ..networks.scan_choice import EVERYWHERE

        try:
            chosen_scan(device, torch.float32)
        except ValueError as error:  # the user named a scan that cannot be used here
            raise InputError(str(error)) from error
        # oneDNN and cuDNN convolve fastest with the channels innermost; MPS does not gain
        layout = torch.contiguous_format if device == "mps" else torch.channels_last
        self._unet = self._master  # the copy of the former place is let go before another is made
        if device == "cpu" and not plain and packs():
            self._unet = QuickDADiff(self._master, dtype)
        else:
            unet = self._master
            if device != "cpu" or dtype != torch.float32:
                unet = copy.deepcopy(unet).to(device).with_body(dtype)
            self._unet = unet.to(memory_format=layout).with_scan(EVERYWHERE if plain else None)
        if self._perception is not None:
            self._perception = self._perception.to(device, memory_format=layout)
        self._settle(device, self._master.multiple, plain)

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

    def _choices(self) -> dict:
        return {"steps": self.steps}

    def _evaluate(self, low_dose: Tensor, noise: Tensor, size: tuple[int, int], steps: int) -> Tensor:
        """Perception looks at the slice without the rows and columns that the other network needs beside it: it takes
        any size, and no border that nobody measured should change what it sees.
        """
        from ..networks import sample_residual_diffusion

        dose, anatomy = None, None
        if self._perception is not None:
            dose, anatomy = self._perception(low_dose[..., : size[0], : size[1]])
        return sample_residual_diffusion(self._unet, low_dose, noise, dose, anatomy, steps, self.start)
