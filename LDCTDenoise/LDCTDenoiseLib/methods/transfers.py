"""Slices on their way between the memory of the host and that of a device, while the device computes.

On CUDA each way has a stream of its own, and the host's side lies in pinned memory, which alone is copied without
waiting. The caching allocators of torch keep both sides until the copy is done. Elsewhere the copies are ordinary.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # torch is imported where it computes: the classical methods live without it
    import torch
    from torch import Tensor


class Direct:
    """The processor, and devices without streams: every copy is waited for, and on the processor there is none."""

    def __init__(self, device: str = "cpu"):
        self.device = device

    def here(self) -> AbstractContextManager:
        """The context in which the device computes."""
        return nullcontext()

    def host(self, array: np.ndarray) -> Tensor:
        """float32 values where `up` can fetch them. May be called in another thread than the rest."""
        import torch

        return torch.from_numpy(array)

    def unset(self, shape: tuple[int, ...]) -> Tensor:
        """float32 memory of the same kind, to be filled through its `numpy()`."""
        import torch

        return torch.empty(shape)

    def up(self, tensor: Tensor) -> Tensor:
        """What lies on the host, on the device. Its memory must stay untouched until the batch has come down."""
        return tensor.to(self.device)

    def down(self, tensor: Tensor) -> Arriving:
        """The way back is begun; `numpy` of what is returned waits for its end."""
        return Arriving(tensor)


class Arriving:
    """A tensor on its way to the host."""

    def __init__(self, tensor: Tensor):
        self._tensor = tensor

    def numpy(self) -> np.ndarray:
        """The values, in memory that is the caller's own."""
        return self._tensor.cpu().numpy()


class Streamed(Direct):
    """CUDA: the next batch comes up and the last one goes down while one is computed."""

    def __init__(self, device: str):
        import torch

        super().__init__(device)
        self._up, self._down = torch.cuda.Stream(device), torch.cuda.Stream(device)

    def here(self) -> AbstractContextManager:
        import torch

        return torch.cuda.device(self.device)  # Triton's kernels go to the current device, whatever their tensors say

    def host(self, array: np.ndarray) -> Tensor:
        pinned = self.unset(array.shape)
        np.copyto(pinned.numpy(), array)
        return pinned

    def unset(self, shape: tuple[int, ...]) -> Tensor:
        import torch

        return torch.empty(shape, pin_memory=True)

    def up(self, tensor: Tensor) -> Tensor:
        import torch

        computing = torch.cuda.current_stream(self.device)
        with torch.cuda.stream(self._up):
            there = tensor.to(self.device, non_blocking=True)
        computing.wait_stream(self._up)
        there.record_stream(computing)
        return there

    def down(self, tensor: Tensor) -> Arriving:
        import torch

        tensor = tensor.contiguous()
        self._down.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self._down):
            here = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            here.copy_(tensor, non_blocking=True)
            tensor.record_stream(self._down)
            arrived = torch.cuda.Event(blocking=True)  # sleeps: the processor draws noise meanwhile
            arrived.record(self._down)
        return Landing(here, arrived)


class Landing(Arriving):
    """A tensor in pinned memory once an event has come."""

    def __init__(self, tensor: Tensor, arrived: torch.cuda.Event):
        super().__init__(tensor)
        self._arrived = arrived

    def numpy(self) -> np.ndarray:
        self._arrived.synchronize()
        return self._tensor.numpy().copy()  # pinned memory is scarce: it is used again for the next batch


def transfers(device: str) -> Direct:
    """The way to a device and back."""
    return Streamed(device) if device.startswith("cuda") else Direct(device)
