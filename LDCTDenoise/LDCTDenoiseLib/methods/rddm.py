"""RDDM as a method: HU slices in, HU slices out, one network evaluation a slice."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from .stages import NetworkMethod
from .window import Window

if TYPE_CHECKING:  # torch is imported where it computes: the classical methods live without it
    import torch
    from torch import Tensor

    from ..networks import RDDMUNet

WINDOW = Window(-1024.0, 3072.0)  # HU that the network sees
LOWEST, HIGHEST = WINDOW
to_network, from_network = WINDOW.to_network, WINDOW.from_network


class RDDM(NetworkMethod):
    """Fulfils `contract.Denoiser`; the engine says where and in which precision it computes (`place`)."""

    window = WINDOW

    def __init__(self, id: str, network: RDDMUNet):
        self.id = id
        self._master = network.eval().requires_grad_(False).fold_embedding()
        self._network = self._master
        self._settle("cpu", self._master.multiple, plain=True)

    def place(self, device: str, dtype: torch.dtype, *, plain: bool = False) -> None:
        """Compute on `device` in `dtype` from now on. The float32 weights are kept, so that every change is exact.

        plain  without anything that is there only for speed: what the self-check holds the others against
        """
        self._network = self._plain(device, dtype) if plain else self._quick(device, dtype)
        self._settle(device, self._master.multiple, plain)

    def _plain(self, device: str, dtype: torch.dtype) -> RDDMUNet:
        import torch

        network = self._master
        if device != "cpu" or dtype != torch.float32:
            network = copy.deepcopy(network).to(device).with_body(dtype)
        # oneDNN and cuDNN convolve fastest with the channels innermost; MPS does not gain
        layout = torch.contiguous_format if device == "mps" else torch.channels_last
        return network.to(memory_format=layout)

    def _quick(self, device: str, dtype: torch.dtype):
        from ..networks.rddm_quick import QuickRDDM

        return QuickRDDM(self._master, dtype, device)

    def _evaluate(self, low_dose: Tensor, noise: Tensor, size: tuple[int, int]) -> Tensor:
        """See `NetworkMethod._evaluate`."""
        import torch

        raw = self._network(noise, low_dose)
        return (low_dose + torch.tanh(raw.float())).clamp(-1, 1)
