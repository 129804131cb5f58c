"""What one evaluation of a network costs."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def multiply_adds(network: nn.Module, *inputs: torch.Tensor) -> int:
    """Multiply–add operations of the convolutions and matrix products in one forward pass over `inputs`.

    What goes element by element is left out: norms, activations, and the recurrence of a selective scan.
    """
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(*inputs)
    return counter.get_total_flops() // 2
