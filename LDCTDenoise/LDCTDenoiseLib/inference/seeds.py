"""One seed a slice and draw, from the seed that the user gives: the answer does not depend on batches or the range."""

from __future__ import annotations

import numpy as np

from ..errors import InputError


def slice_seed(seed: int, index: int, draw: int = 0) -> int:
    """`index` counts from the first slice of the whole volume, also when only some slices are denoised."""
    if seed < 0:
        raise InputError(f"The seed must be zero or a positive whole number, not {seed}.")
    return int(np.random.SeedSequence([seed, index, draw]).generate_state(1, np.uint64)[0])
