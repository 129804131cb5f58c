"""One device, or several through Lightning Fabric: the same few calls, so that the loop need not know which.

Fabric starts a process for each device (or takes those of torchrun); gradients are averaged after every step, and each
process draws batches of its own. It is needed for several devices only: pip install lightning-fabric.
"""

from __future__ import annotations

import os
from datetime import timedelta

from torch import Tensor, nn

from ..errors import InputError

PATIENCE = timedelta(days=1)  # the others wait while one prepares noise or validates


class Alone:
    """One device. `rank` and `size` as in torch.distributed."""

    rank, size = 0, 1

    def __init__(self, device: str = "cpu"):
        self.device = device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def prepare(self, network: nn.Module) -> None:
        """Once, before the first step and after weights were loaded."""

    def forward(self, network: nn.Module, *inputs: Tensor) -> Tensor:
        return network(*inputs)

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process; the same answer in all."""
        return flag

    def wait(self) -> None:
        """Until every process is here."""


class Several(Alone):
    """A process of several, each with a device of its own."""

    def __init__(self, device: str, devices: int):
        try:
            from lightning_fabric import Fabric
            from lightning_fabric.strategies import DDPStrategy
        except ImportError as error:
            raise InputError(
                "Training on several devices needs Lightning Fabric: pip install lightning-fabric."
            ) from error
        nodes = max(1, _world_size() // devices)
        try:
            self._fabric = Fabric(
                accelerator=device, devices=devices, num_nodes=nodes, strategy=DDPStrategy(timeout=PATIENCE)
            )
            self._fabric.launch()
        except (RuntimeError, ValueError) as error:  # too few GPUs, or a device that Fabric does not know
            raise InputError(f"Training on {devices} devices of the kind {device!r} cannot begin: {error}") from error
        super().__init__(str(self._fabric.device))
        self.rank, self.size = self._fabric.global_rank, self._fabric.world_size
        self._wrapped = None

    def prepare(self, network: nn.Module) -> None:
        self._wrapped = self._fabric.setup_module(network, move_to_device=False)

    def forward(self, network: nn.Module, *inputs: Tensor) -> Tensor:
        return self._wrapped(*inputs)

    def backward(self, loss: Tensor) -> None:
        self._fabric.backward(loss)

    def any(self, flag: bool) -> bool:
        import torch

        up = torch.tensor(float(flag), device=self._fabric.device)
        return float(self._fabric.all_reduce(up, reduce_op="sum")) > 0

    def wait(self) -> None:
        self._fabric.barrier()


def start_engine(device: str, devices: int | None = None) -> Alone:
    """As many devices as asked for, or as torchrun started processes for; one needs no other package."""
    started = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    wanted = started if devices is None else devices
    if wanted < 1:
        raise InputError(f"Training needs at least one device, not {wanted}.")
    if wanted == 1 and _world_size() == 1:
        return Alone(device)
    if device not in ("cpu", "cuda"):
        raise InputError(f"Several devices are cpu or cuda, not {device!r}: give --device cuda --devices {wanted}.")
    return Several(device, wanted)


def _world_size() -> int:
    return int(os.environ.get("WORLD_SIZE", 1))
