"""What one evaluation of a network costs."""

from __future__ import annotations

import torch
from torch import nn


def multiply_adds(network: nn.Module, *inputs: torch.Tensor) -> int:
    """Multiply–add operations of the convolutions and linear layers in one forward pass over `inputs`."""
    total = 0

    def count(layer: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        nonlocal total
        per_output = layer.weight.numel() // layer.weight.shape[0]
        total += output.numel() * per_output

    layers = [m for m in network.modules() if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad():
            network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total
