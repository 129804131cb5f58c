"""What one evaluation of a network costs: its convolutions and matrix products, counted while it runs."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

CONVOLUTION, PRODUCT = "convolution", "matrix product"


class Operation(NamedTuple):
    """One convolution or matrix product.

    multiply_adds  of it
    weights        numbers in its kernel, the same for every slice; 0 for a matrix product, where both sides are `moved`
    moved          numbers that it reads and writes beside them
    """

    kind: str
    multiply_adds: int
    weights: int
    moved: int


def multiply_adds(network: nn.Module, *inputs: Tensor) -> int:
    """Multiply–add operations of the convolutions and matrix products in one forward pass over `inputs`.

    What goes element by element is left out: norms, activations, and the recurrence of a selective scan.
    """
    with torch.no_grad():
        return sum(one.multiply_adds for one in operations(lambda: network(*inputs)))


def operations(action: Callable[[], object]) -> list[Operation]:
    """The convolutions and matrix products (attention among them) that `action` asks of torch, in their order."""
    counter = _Counter()
    with counter:
        action()
    return counter.found


class _Counter(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Operation] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        count = _COUNTS.get(func.overloadpacket.__name__)
        if count is None:
            with self:  # in inference mode a composite operation arrives here whole: count what it consists of
                parts = func.decompose(*args, **kwargs)
            return func(*args, **kwargs) if parts is NotImplemented else parts
        out = func(*args, **kwargs)
        first = out[0] if isinstance(out, tuple) else out
        self.found.append(count(first, *(arg for arg in args if isinstance(arg, Tensor))))
        return out


def _convolution(out: Tensor, x: Tensor, weight: Tensor, *_: Tensor) -> Operation:
    """Every output meets one kernel, [in/groups, …]; no network here has a transposed one."""
    return Operation(CONVOLUTION, out.numel() * prod(weight.shape[1:]), weight.numel(), x.numel() + out.numel())


def _product(out: Tensor, *sides: Tensor) -> Operation:
    """The last two tensors are multiplied; one before them is added."""
    left = sides[-2]
    return Operation(PRODUCT, out.numel() * left.shape[-1], 0, out.numel() + sum(side.numel() for side in sides))


def _linear(out: Tensor, x: Tensor, weight: Tensor, *_: Tensor) -> Operation:
    return Operation(PRODUCT, out.numel() * x.shape[-1], weight.numel(), out.numel() + x.numel())


def _attention(out: Tensor, query: Tensor, key: Tensor, value: Tensor, *_: Tensor) -> Operation:
    """q kᵀ, and its product with v."""
    pairs = prod(query.shape[:-1]) * key.shape[-2]
    moved = sum(x.numel() for x in (out, query, key, value))
    return Operation(PRODUCT, pairs * (query.shape[-1] + value.shape[-1]), 0, moved)


_COUNTS = {
    "convolution": _convolution,
    "_convolution": _convolution,
    "mkldnn_convolution": _convolution,
    "linear": _linear,
    "mm": _product,
    "bmm": _product,
    "addmm": _product,
    "baddbmm": _product,
    "scaled_dot_product_attention": _attention,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_efficient_attention": _attention,
    "_scaled_dot_product_fused_attention_overrideable": _attention,
}
