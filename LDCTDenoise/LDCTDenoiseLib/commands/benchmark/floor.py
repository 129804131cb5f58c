"""The least time that a network's operations can take on this machine: the roofline, from measured peaks.

Every convolution and matrix product is done at the peak rate, and its input, kernel and output pass the memory once;
the slower of the two counts, layer by layer. All that lies between (norms, activations, sums) is taken to be free,
as if it were done while the numbers are at hand. Layers that stay in a cache can be quicker than their memory floor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


class Floor(NamedTuple):
    """Seconds a slice: of the multiply–adds, of the memory, and of the slower of both in each layer."""

    arithmetic: float
    memory: float
    roofline: float


def floor_of(operations: Sequence[Sequence], precision: str, batch: int, peaks: dict) -> Floor:
    """operations [kind, multiply_adds, weights, moved] of one slice; the weights are read once a batch."""
    arithmetic = [one[1] / peaks[precision] for one in operations]
    memory = [(one[3] + one[2] / batch) * BYTES[precision] / peaks["bytes"] for one in operations]
    return Floor(sum(arithmetic), sum(memory), sum(map(max, arithmetic, memory)))


def rate_of(operations: Sequence[Sequence], kinds: dict[str, float]) -> float:
    """Floating-point operations a second, two for a multiply–add, while convolutions and products go on; 0 where they
    took no time. Of both together, since a product may be computed as a convolution."""
    taken = sum(kinds.get(kind, 0.0) for kind in ("convolution", "matrix product"))
    return 2 * sum(one[1] for one in operations) / taken if taken else 0.0
